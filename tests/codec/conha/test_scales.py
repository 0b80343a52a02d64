"""Whole-number scales: near the network, exact in any order, and the same as Python's own integers."""

import math
from collections.abc import Callable
from itertools import product

import pytest
import torch

from codec.conha import config, entropy
from codec.conha.networks import HyperSynthesis
from codec.conha.scales import ACTIVATION_BITS, MAGNITUDE_BITS, Layer, WholeScales
from codec.errors import Refusal

TINY = config.Model(base=4, latent=6, hyper=5, blocks=1)


def made(seed: int = 0) -> tuple[HyperSynthesis, torch.Tensor, WholeScales]:
    torch.manual_seed(seed)
    network, medians = HyperSynthesis(TINY), torch.randn(5)
    with torch.no_grad():
        for layer in (network.first, network.second, network.last):
            layer.bias.normal_(std=0.3)
    return network, medians, WholeScales.rounded(network, medians, entropy.scale_table())


def test_they_are_the_networks_but_for_the_rounding() -> None:
    network, medians, whole = made()
    symbols = torch.randint(-20, 21, (1, 5, 3, 4))
    exact = network.requires_grad_(requires_grad=False)(symbols + medians[:, None, None])[..., :11, :16]
    near = whole.scales(symbols, 11, 16)
    assert float((near - exact).abs().max()) < 0.02 * float(exact.abs().max())


def test_an_index_is_how_many_scales_of_the_table_lie_below() -> None:
    _, _, whole = made()
    symbols = torch.randint(-40, 41, (1, 5, 3, 3))
    steps = (whole.scales(symbols, 12, 12) * 2**ACTIVATION_BITS).long()
    below = [math.floor(scale * 2**ACTIVATION_BITS) for scale in entropy.scale_table()[:-1]]
    expected = sum((steps > threshold).int() for threshold in below)
    assert torch.equal(whole.indexes(symbols, 12, 12), expected)


Planes = list[list[list[int]]]


def sums(planes: Planes, layer: Layer, *, up: bool) -> Planes:
    """A layer's sums in Python's integers, one product at a time."""
    weight, bias = layer.weight.long().tolist(), layer.bias.long().tolist()
    rows, columns, kernel = len(planes[0]), len(planes[0][0]), layer.weight.shape[-1]
    stride, before = (2, (kernel - 2) // 2) if up else (1, kernel // 2)
    found = [[[bias[o]] * (columns * stride) for _ in range(rows * stride)] for o in range(len(bias))]
    taps = list(
        product(range(len(bias)), range(len(planes)), range(rows), range(columns), range(kernel), range(kernel))
    )
    for o, i, y, x, dy, dx in taps:
        # Going up, an input is spread over outputs; else, as a correlation, it is gathered by those around it.
        row, column = (2 * y + dy - before, 2 * x + dx - before) if up else (y - dy + before, x - dx + before)
        if 0 <= row < rows * stride and 0 <= column < columns * stride:
            found[o][row][column] += (weight[i][o] if up else weight[o][i])[dy][dx] * planes[i][y][x]
    return found


def by_integers(whole: WholeScales, symbols: torch.Tensor) -> Planes:
    """The whole branch in Python's integers."""
    most = 2**MAGNITUDE_BITS - 1

    def each(planes: Planes, change: Callable[[int], int]) -> Planes:
        return [[[max(-most, min(most, change(value))) for value in row] for row in plane] for plane in planes]

    planes = symbols[0].tolist()
    planes = [each([p], lambda v, c=c: v * 2**ACTIVATION_BITS + int(whole.offsets[c]))[0] for c, p in enumerate(planes)]
    for name in WholeScales.NAMES:
        shift = whole.layers[name].shift
        planes = sums(planes, whole.layers[name], up=name != "last")
        planes = each(planes, lambda v, shift=shift: (v + (1 << shift >> 1)) >> shift)
        if name != "last":
            planes = each(planes, lambda v: max(v, 0))
    return planes


def test_pythons_own_integers_give_the_same() -> None:
    _, _, whole = made(3)
    symbols = torch.randint(-30, 31, (1, 5, 2, 2))
    found = (whole.scales(symbols, 8, 8) * 2**ACTIVATION_BITS).long()[0].tolist()
    assert found == by_integers(whole, symbols)


@pytest.mark.parametrize("threads", [1, 2])
def test_neither_threads_nor_memory_order_nor_a_shuffle_of_channels_matter(threads: int) -> None:
    _, _, whole = made(4)
    symbols = torch.randint(-30, 31, (1, 5, 4, 6))
    expected = whole.indexes(symbols, 16, 24)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        assert torch.equal(whole.indexes(symbols.contiguous(memory_format=torch.channels_last), 16, 24), expected)
        order = torch.randperm(5)  # another order of every sum over the inputs of the first layer
        first = whole.layers["first"]
        shuffled = {**whole.layers, "first": Layer(first.weight[order], first.bias, first.shift)}
        other = WholeScales(shuffled, whole.offsets[order], whole.thresholds)
        assert torch.equal(other.indexes(symbols[:, order], 16, 24), expected)
    finally:
        torch.set_num_threads(before)


def test_a_checkpoint_keeps_them() -> None:
    _, _, whole = made(5)
    symbols = torch.randint(-30, 31, (1, 5, 2, 3))
    again = WholeScales.from_tensors(whole.tensors())
    assert torch.equal(again.indexes(symbols, 8, 12), whole.indexes(symbols, 8, 12))


def test_numbers_that_could_not_be_exact_are_refused() -> None:
    _, _, whole = made(6)
    tensors = whole.tensors()
    tensors["first.weight"] = torch.full_like(tensors["first.weight"], 2**30)
    with pytest.raises(Refusal, match="layer `first`"):
        WholeScales.from_tensors(tensors)
