"""Likelihoods against scipy, the coder there and back, and what it can read at most."""

from itertools import pairwise

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.conha import entropy

GAUSSIAN = entropy.gaussian_tables()


def test_the_bits_of_a_latent_are_those_of_a_gaussian_over_a_unit() -> None:
    generator = np.random.default_rng(0)
    values, means, scales = generator.normal(size=(3, 200)) * np.array([[3], [1], [1]])
    scales = np.abs(scales) * 2 + 0.01
    bounded = np.maximum(scales, 0.11)
    mass = scipy.stats.norm.cdf((values - means + 0.5) / bounded) - scipy.stats.norm.cdf(
        (values - means - 0.5) / bounded
    )
    expected = -np.log2(np.maximum(mass, 1e-9))
    found = entropy.gaussian_bits(*(torch.tensor(numbers)[None, None, None] for numbers in (values, means, scales)))
    np.testing.assert_allclose(found.numpy().ravel(), expected, rtol=2e-3, atol=1e-4)


def test_the_density_of_a_channel_sums_to_one() -> None:
    torch.manual_seed(0)
    prior = entropy.HyperPrior(3)
    values = torch.arange(-300.0, 301.0).expand(3, -1)[None, :, None, :]
    mass = torch.exp2(-prior.bits(values)).sum((0, 2, 3))
    torch.testing.assert_close(mass, torch.ones(3), atol=1e-3, rtol=0)


def test_a_scale_below_its_bound_can_still_grow() -> None:
    scale = torch.tensor([[[[0.05]]]], requires_grad=True)
    entropy.gaussian_bits(torch.tensor([[[[3.0]]]]), torch.zeros(1, 1, 1, 1), scale).sum().backward()
    assert scale.grad is not None


def test_the_table_has_64_scales_evenly_spaced_in_their_logarithm() -> None:
    table = np.array(entropy.scale_table())
    assert (len(table), round(float(table[0]), 6), round(float(table[-1]), 6)) == (64, 0.11, 256.0)
    assert np.allclose(np.diff(np.log(table)), np.log(256 / 0.11) / 63)


def test_tables_begin_at_nothing_rise_and_end_at_everything() -> None:
    torch.manual_seed(0)
    for tables in (GAUSSIAN, entropy.HyperPrior(4).tables()):
        for row, length in zip(tables.cdf.tolist(), tables.length.tolist(), strict=True):
            assert row[0] == 0
            assert row[length - 1] == 2**16
            assert all(a < b for a, b in pairwise(row[:length]))


@settings(deadline=None)
@given(st.data())
def test_every_number_comes_back(data: st.DataObject) -> None:
    numbers = st.one_of(st.integers(-20, 20), st.integers(-entropy.LARGEST_SYMBOL, entropy.LARGEST_SYMBOL))
    symbols = data.draw(st.lists(numbers, max_size=60))
    indexes = data.draw(st.lists(st.integers(0, 63), min_size=len(symbols), max_size=len(symbols)))
    given_symbols, given_indexes = (torch.tensor(values, dtype=torch.int32) for values in (symbols, indexes))
    coded = entropy.encode(given_symbols, given_indexes, GAUSSIAN)
    assert entropy.decode(coded, given_indexes, GAUSSIAN).tolist() == symbols


def test_a_file_is_as_long_as_its_bits_say() -> None:
    generator = np.random.default_rng(1)
    indexes = torch.tensor(generator.integers(0, 64, 50_000))
    scales = torch.tensor(entropy.scale_table())[indexes]
    symbols = torch.round(torch.tensor(generator.normal(size=50_000)) * scales)
    estimate = entropy.gaussian_bits(symbols, torch.zeros(50_000), scales.float()).sum().item() / 8
    assert len(entropy.encode(symbols.int(), indexes, GAUSSIAN)) == pytest.approx(estimate, rel=0.005)


def test_a_number_beyond_the_coder_is_refused_and_not_coded_for_ever() -> None:
    with pytest.raises(ValueError, match="cannot be coded"):
        entropy.encode(torch.tensor([entropy.LARGEST_SYMBOL + 1]), torch.tensor([0]), GAUSSIAN)


def words_read(coded: bytes, indexes: list[int], tables: entropy.Tables) -> int:
    """A decoder of its own, of the published rANS, that counts the bytes it takes; zeros follow the given ones."""
    cdf, length, _ = tables.lists
    at = 0

    def word() -> int:
        nonlocal at
        found = int.from_bytes(coded[at : at + 4].ljust(4, b"\0"), "little")
        at += 4
        return found

    state = word() | word() << 32

    def group() -> int:
        nonlocal state
        value = state & 15
        state >>= 4
        if state < 2**31:
            state = state << 32 | word()
        return value

    for index in indexes:
        row, low = cdf[index][: length[index]], state & 0xFFFF
        symbol = next(place for place, bound in enumerate(row) if bound > low) - 1
        state = (row[symbol + 1] - row[symbol]) * (state >> 16) + low - row[symbol]
        if state < 2**31:
            state = state << 32 | word()
        if symbol == length[index] - 2:  # an escape
            groups = count = group()
            while count == 15:
                count = group()
                groups += count
            for _ in range(groups):
                group()
    return at


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_no_stream_makes_the_decoder_read_beyond_its_buffer(data: st.DataObject) -> None:
    coded = data.draw(st.one_of(st.binary(max_size=200), st.integers(0, 200).map(lambda n: b"\xff" * n)))
    indexes = data.draw(st.lists(st.integers(0, 63), min_size=1, max_size=50))
    assert words_read(coded, indexes, GAUSSIAN) <= entropy.most_bytes(len(coded), len(indexes))
    assert len(entropy.decode(coded, torch.tensor(indexes), GAUSSIAN)) == len(indexes)
