"""Encoder, generator, hyper-analysis and hyper-synthesis with the widths of HiFiC's released code.

    pixels (3) ── conv 7x7, 60 ── 4 x [conv 3x3 / 2: 120, 240, 480, 960] ── conv 3x3, 220 ──► latent, a 16th a side
    latent ── norm ── conv 3x3, 960 ── norm ─┬─ 9 residual blocks ─(+)─ 4 x [deconv 3x3 x 2: 480, 240, 120, 60]
                                             └──────────────────────┘       └── conv 7x7, 3 ──► pixels
    latent ── conv 3x3, 320 ── conv 5x5 / 2, 320 ── conv 5x5 / 2, 320 ──► hyper-latent, a 64th a side
    hyper-latent ── deconv 5x5 x 2, 320 ── deconv 5x5 x 2, 320 ── conv 3x3, 220 ──► means (and, again, scales)

Pixels are sRGB values / 255; nothing bounds the generator's output. Encoder and generator are split into the part that
works at full resolution, which large images pass in tiles, and the trunk, which they pass whole (codec.conha.tiles).
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.conha.config import Model
from codec.conha.layers import ChannelNorm, Convolution, Deconvolution, ResidualBlock

STRIDE = 16
"""Pixels a side of one latent."""
HYPER_STRIDE = 4
"""Latents a side of one hyper-latent."""


class Encoder(nn.Module):
    """Pixels to latent: (B, 3, H, W) to (B, C, H / 16, W / 16); H and W are multiples of 16."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        widths = [model.base * 2**step for step in range(5)]
        down: list[nn.Module] = [Convolution(3, widths[0], 7), ChannelNorm(widths[0]), nn.ReLU()]
        for narrow, wide in pairwise(widths):
            down += [Convolution(narrow, wide, 3, stride=2), ChannelNorm(wide), nn.ReLU()]
        self.down = nn.Sequential(*down)
        self.trunk = Convolution(widths[-1], model.latent, 3)

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels in [0, 1]."""
        latent: Tensor = self.trunk(self.down(pixels))
        return latent


class Generator(nn.Module):
    """Latent to pixels: (B, C, h, w) to (B, 3, 16 h, 16 w)."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        widths = [model.base * 2**step for step in range(4, -1, -1)]
        self.head = nn.Sequential(
            ChannelNorm(model.latent), Convolution(model.latent, widths[0], 3), ChannelNorm(widths[0])
        )
        self.blocks = nn.Sequential(*(ResidualBlock(widths[0]) for _ in range(model.blocks)))
        up: list[nn.Module] = []
        for wide, narrow in pairwise(widths):
            up += [Deconvolution(wide, narrow, 3), ChannelNorm(narrow), nn.ReLU()]
        self.up = nn.Sequential(*up, Convolution(widths[-1], 3, 7))

    def trunk(self, latent: Tensor) -> Tensor:
        """(B, C, h, w) to (B, 16 base, h, w): what is done before any tile is cut."""
        head = self.head(latent)
        features: Tensor = head + self.blocks(head)
        return features

    def forward(self, latent: Tensor) -> Tensor:
        """Pixels around [0, 1], unbounded."""
        pixels: Tensor = self.up(self.trunk(latent))
        return pixels


class HyperAnalysis(nn.Module):
    """Latent to hyper-latent: (B, C, h, w) to (B, N, ceil(h / 4), ceil(w / 4))."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        width = model.hyper
        self.layers = nn.Sequential(
            Convolution(model.latent, width, 3), nn.ReLU(),
            Convolution(width, width, 5, stride=2), nn.ReLU(),
            Convolution(width, width, 5, stride=2),
        )  # fmt: skip

    def forward(self, latent: Tensor) -> Tensor:
        """Unquantised; no absolute value is taken first."""
        hyper: Tensor = self.layers(latent)
        return hyper


class HyperSynthesis(nn.Module):
    """Hyper-latent to one number a latent, its mean or its scale: (B, N, h, w) to (B, C, 4 h, 4 w).

    What reaches beyond the latent is cut by the caller (`cut`).
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.first = Deconvolution(model.hyper, model.hyper, 5)
        self.second = Deconvolution(model.hyper, model.hyper, 5)
        self.last = Convolution(model.hyper, model.latent, 3)

    def forward(self, hyper: Tensor) -> Tensor:
        """Linear at the end: scales are bounded from below where they are used."""
        numbers: Tensor = self.last(functional.relu(self.second(functional.relu(self.first(hyper)))))
        return numbers


def cut(numbers: Tensor, like: Tensor) -> Tensor:
    """Cut height and width behind, to those of `like`."""
    return numbers[..., : like.shape[-2], : like.shape[-1]]


def continued(size: int) -> Tensor:
    """Which sample stands at each place of a side that has been continued behind to a multiple of 16.

    Mirrored without repeating the edge; that needs as many further samples as it adds, so where there are too few the
    edge is repeated.
    """
    places = torch.arange(size + -size % STRIDE)
    mirrored = -size % STRIDE < size
    return torch.where(places < size, places, 2 * (size - 1) - places if mirrored else size - 1)


def pad_to_stride(pixels: Tensor) -> Tensor:
    """Continue an image (..., H, W) below and to the right to multiples of 16."""
    rows, columns = (continued(side).to(pixels.device) for side in pixels.shape[-2:])
    return pixels[..., rows, :][..., columns]


def parameters_of(module: nn.Module) -> int:
    """How many numbers a network learns."""
    return sum(torch.numel(parameter) for parameter in module.parameters())
