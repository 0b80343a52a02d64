"""The pieces that the networks are made of: padding as TensorFlow's "same", channel normalisation, residual blocks.

Everything takes and gives (batch, channels, height, width), best in channels_last memory, where the normalisation is a
layer norm over contiguous channels. Source of sizes and constants: Mentzer et al., "High-Fidelity Generative Image
Compression", 2020, as its released code has them (tensorflow/compression, models/hific).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-3


def same_padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after `size` samples, so that a convolution gives ceil(size / stride): TensorFlow's "same".

    An odd number of zeros puts the larger half behind.
    """
    total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2


class Convolution(nn.Conv2d):
    """A convolution with zero padding as TensorFlow's "same": (B, in, H, W) to (B, out, ceil(H / s), ceil(W / s))."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride)
        nn.init.xavier_uniform_(self.weight)  # Keras' default, "glorot_uniform"
        nn.init.zeros_(self._biases)

    @property
    def _biases(self) -> Tensor:
        assert self.bias is not None  # noqa: S101 - made above, for the type checker
        return self.bias

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        """Pad, and convolve."""
        kernel, stride = self.kernel_size[0], self.stride[0]
        top, bottom = same_padding(input.shape[-2], kernel, stride)
        left, right = same_padding(input.shape[-1], kernel, stride)
        if top == bottom and left == right:  # padding inside the convolution spares a copy
            return functional.conv2d(input, self.weight, self.bias, self.stride, (top, left))
        return functional.conv2d(functional.pad(input, (left, right, top, bottom)), self.weight, self.bias, self.stride)


class Deconvolution(nn.ConvTranspose2d):
    """The transpose of a stride-2 "same" convolution: (B, in, H, W) to (B, out, 2 H, 2 W)."""

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__(inputs, outputs, kernel, stride=2, padding=(kernel - 2) // 2)
        self.before = (kernel - 2) // 2
        nn.init.xavier_uniform_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:  # noqa: A002, ARG002 - torch's
        """Convolve, and cut what the "same" convolution had padded behind."""
        whole = functional.conv_transpose2d(input, self.weight, self.bias, 2, self.before)
        return whole[..., : 2 * input.shape[-2], : 2 * input.shape[-1]]


class ChannelNorm(nn.Module):
    """Each pixel normalised over its channels by mean and *unbiased* variance, then scaled and shifted per channel.

    It looks at no other pixel, so an image is normalised alike whole or in tiles. Written as a layer norm, whose
    variance is the biased one: sqrt((C - 1) / C) times the gain and (C - 1) / C times epsilon make up for that.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.unbiased = (channels - 1) / channels

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        last = features.permute(0, 2, 3, 1)
        gain = self.gain * self.unbiased**0.5
        normal: Tensor = functional.layer_norm(last, last.shape[-1:], gain, self.shift, NORM_EPSILON * self.unbiased)
        return normal.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions with channel norms, ReLU between them, added to the input without a further activation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = Convolution(channels, channels, 3)
        self.first_norm = ChannelNorm(channels)
        self.second = Convolution(channels, channels, 3)
        self.second_norm = ChannelNorm(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, H, W) to the same."""
        inner = functional.relu(self.first_norm(self.first(features)))
        summed: Tensor = features + self.second_norm(self.second(inner))
        return summed


def round_through(values: Tensor) -> Tensor:
    """Round to the nearest integer, halves up; the gradient passes as if nothing had been done (straight through)."""
    return values + (torch.floor(values + 0.5) - values).detach()
