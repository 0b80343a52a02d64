"""Tiles with their halo are the whole, and with one latent less they are not."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch import Tensor

from codec.conha import config, entropy, tiles
from codec.conha.networks import Encoder, Generator, HyperSynthesis, pad_to_stride
from codec.conha.scales import WholeScales

SMALL = config.Model(base=3, latent=4, hyper=5, blocks=1)
ROUNDING = 2e-5  # of values around 1, after some twenty layers in single precision
Halo = tuple[int, int]
Noise = Callable[..., NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiles, "TILE", 4)
    monkeypatch.setattr(tiles, "SCALES_TILE", 2)


@given(st.integers(1, 500), st.integers(1, 70), st.integers(0, 3), st.integers(0, 3))
def test_spans_cover_a_dimension_once(size: int, tile: int, before: int, behind: int) -> None:
    found = tiles.spans(size, tile, (before, behind))
    assert [place for span in found for place in range(span.start, span.stop)] == list(range(size))
    for span in found:
        assert span.read_start == max(0, span.start - before)
        assert span.read_stop == min(size, span.stop + behind)


def encoded(noise: Noise) -> tuple[Tensor, Tensor]:
    """A picture's latent in tiles and whole."""
    torch.manual_seed(0)
    encoder, pixels = Encoder(SMALL).eval(), torch.from_numpy(noise(150, 200))
    whole = pad_to_stride(pixels.permute(2, 0, 1)[None].float() / 255)
    with torch.inference_mode():
        return tiles.encode(encoder, pixels, torch.device("cpu")), encoder(whole)


def test_the_encoder_in_tiles_is_the_encoder(noise: Noise) -> None:
    tiled, whole = encoded(noise)
    assert tiled.shape == whole.shape == (1, 4, 10, 13)
    torch.testing.assert_close(tiled, whole, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("halo", [(0, 2), (1, 1)])
def test_the_encoder_needs_all_of_its_halo(noise: Noise, monkeypatch: pytest.MonkeyPatch, halo: Halo) -> None:
    monkeypatch.setattr(tiles, "ENCODER_HALO", halo)
    tiled, whole = encoded(noise)
    assert float((tiled - whole).abs().max()) > 20 * ROUNDING


def generated(monkeypatch: pytest.MonkeyPatch, *, grey: bool = False) -> tuple[Tensor, Tensor]:
    """A latent's picture in tiles and whole, before they are rounded to 8 bits."""
    torch.manual_seed(1)
    generator, latent = Generator(SMALL).eval(), torch.randn(1, 4, 9, 11)
    monkeypatch.setattr(tiles, "eight_bit", lambda values, **_: values)
    monkeypatch.setattr(torch, "uint8", torch.float32)
    with torch.inference_mode():
        return tiles.decode(generator, latent, 140, 176), generator(latent)[0].permute(1, 2, 0)[:140]


def test_the_generator_in_tiles_is_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    tiled, whole = generated(monkeypatch)
    assert tiled.shape == whole.shape == (140, 176, 3)
    torch.testing.assert_close(tiled, whole, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("halo", [(1, 1), (2, 0)])
def test_the_generator_needs_all_of_its_halo(monkeypatch: pytest.MonkeyPatch, halo: Halo) -> None:
    monkeypatch.setattr(tiles, "GENERATOR_HALO", halo)
    tiled, whole = generated(monkeypatch)
    assert float((tiled - whole).abs().max()) > 20 * ROUNDING


def test_values_are_held_and_rounded_halves_up() -> None:
    values = torch.tensor([-1.0, 0.5 / 255, 1.49 / 255, 0.5, 2.0]).reshape(1, 5, 1).expand(1, 5, 3)
    assert tiles.eight_bit(values, grey=False)[0, :, 0].tolist() == [0, 1, 1, 128, 255]
    colour = torch.tensor([[[0.0, 0.5, 3.0]]])
    assert tiles.eight_bit(colour, grey=True).tolist() == [[[128, 128, 128]]]


def scales_and_symbols() -> tuple[WholeScales, Tensor]:
    torch.manual_seed(2)
    network = HyperSynthesis(SMALL)
    whole = WholeScales.rounded(network, torch.randn(5), entropy.scale_table())
    return whole, torch.randint(-30, 31, (1, 5, 7, 5), dtype=torch.int32)


def test_scales_in_tiles_are_the_same_to_the_last_number() -> None:
    scales, symbols = scales_and_symbols()
    for height, width in ((28, 20), (25, 17)):
        assert torch.equal(tiles.indexes(scales, symbols, height, width), scales.indexes(symbols, height, width))


@pytest.mark.parametrize("halo", [(1, 1), (2, 0)])
def test_scales_need_all_of_their_halo(monkeypatch: pytest.MonkeyPatch, halo: Halo) -> None:
    monkeypatch.setattr(tiles, "SCALES_HALO", halo)
    scales, symbols = scales_and_symbols()
    assert not torch.equal(tiles.indexes(scales, symbols, 28, 20), scales.indexes(symbols, 28, 20))
