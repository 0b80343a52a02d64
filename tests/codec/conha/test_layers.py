"""The pieces of the networks against formulas written out anew."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from codec.conha.layers import ChannelNorm, Convolution, Deconvolution, round_through, same_padding


def same_by_hand(image: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int) -> np.ndarray:
    """TensorFlow's "same" convolution, one output at a time."""
    outputs, _, kernel, _ = weight.shape
    _, height, width = image.shape
    rows, columns = -(-height // stride), -(-width // stride)
    found = np.zeros((outputs, rows, columns))
    before = [max((out - 1) * stride + kernel - size, 0) // 2 for out, size in ((rows, height), (columns, width))]
    for row in range(rows):
        for column in range(columns):
            for dy in range(kernel):
                for dx in range(kernel):
                    y, x = row * stride + dy - before[0], column * stride + dx - before[1]
                    if 0 <= y < height and 0 <= x < width:
                        found[:, row, column] += weight[:, :, dy, dx] @ image[:, y, x]
    return found + bias[:, None, None]


@pytest.mark.parametrize(("kernel", "stride"), [(7, 1), (3, 1), (3, 2), (5, 2), (4, 2), (4, 1)])
@pytest.mark.parametrize("size", [(8, 6), (7, 5), (1, 2)])
def test_convolutions_pad_as_tensorflow_does(kernel: int, stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    layer = Convolution(2, 3, kernel, stride).double()
    with torch.no_grad():
        layer.bias.normal_()  # type: ignore[union-attr]
        image = torch.randn(1, 2, *size, dtype=torch.float64)
        found = layer(image)[0].numpy()
    by_hand = same_by_hand(image[0].numpy(), layer.weight.detach().numpy(), layer.bias.detach().numpy(), stride)  # type: ignore[union-attr]
    np.testing.assert_allclose(found, by_hand, atol=1e-12)


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("size", [(4, 3), (1, 1), (2, 5)])
def test_a_deconvolution_is_the_transpose_of_the_same_convolution(kernel: int, size: tuple[int, int]) -> None:
    torch.manual_seed(1)
    down, up = Convolution(3, 2, kernel, 2).double(), Deconvolution(2, 3, kernel).double()
    with torch.no_grad():
        up.weight.copy_(down.weight)
        large = torch.randn(1, 3, 2 * size[0], 2 * size[1], dtype=torch.float64)
        small = torch.randn(1, 2, *size, dtype=torch.float64)
        assert up(small).shape == large.shape
        torch.testing.assert_close((down(large) * small).sum(), (large * up(small)).sum())  # <Ax, y> = <x, A'y>


@given(size=st.integers(1, 300), kernel=st.integers(1, 7), stride=st.integers(1, 3))
def test_padding_gives_as_many_outputs_as_promised(size: int, kernel: int, stride: int) -> None:
    before, after = same_padding(size, kernel, stride)
    assert 0 <= before <= after <= before + 1
    if kernel >= stride:
        assert (size + before + after - kernel) // stride + 1 == -(-size // stride)


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last])
def test_channels_are_normalised_by_the_unbiased_variance(memory: torch.memory_format) -> None:
    torch.manual_seed(2)
    norm = ChannelNorm(12).double()
    with torch.no_grad():
        norm.gain.normal_()
        norm.shift.normal_()
    features = torch.randn(2, 12, 5, 4, dtype=torch.float64).to(memory_format=memory)
    mean, variance = features.mean(1, keepdim=True), features.var(1, keepdim=True, correction=1)
    expected = (features - mean) / (variance + 1e-3).sqrt()
    expected = expected * norm.gain[:, None, None] + norm.shift[:, None, None]
    torch.testing.assert_close(norm(features), expected)


def test_rounding_lets_gradients_through_and_halves_go_up() -> None:
    values = torch.tensor([-1.5, -0.5, 0.4999, 0.5, 2.5], requires_grad=True)
    rounded = round_through(values)
    assert rounded.tolist() == [-1.0, 0.0, 0.0, 1.0, 3.0]
    functional.mse_loss(rounded, torch.zeros(5), reduction="sum").backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad, 2 * rounded.detach())
