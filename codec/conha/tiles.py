"""Pictures of any size in the same way: the encoder's and the generator's full-resolution stages in tiles.

A tensor of 60 channels at full resolution has 240 bytes a pixel, so large pictures are done tile by tile there, and
whole at a 16th of their sides. Floating-point sums depend on a tensor's shape in their last bits, so the grid is a part
of the format: tiles of 64 x 64 latents (1024 x 1024 pixels) from the upper left corner, the last ones smaller. A
picture of up to that size is one tile, which is no different from passing it whole.

Each tile reads so much more around it that nothing within depends on where it was cut. In one dimension:

- Encoder. Output i of a stride-2 layer (kernel 3, "same") reads inputs 2i to 2i + 2, so latent i reads features
  16 i to 16 i + 30 of the first layer, whose kernel of 7 reads 3 more on both sides: pixels 16 i - 3 to 16 i + 33.
  Latents [a, b) read pixels 16 a - 3 to 16 b + 17: one latent before, two behind.
- Generator, the other way round. Sample o of a stride-2 deconvolution reads inputs ceil((o - 2) / 2) to floor(o / 2).
  The last layer's kernel of 7 makes pixels [16 a, 16 b) of samples 16 a - 3 to 16 b + 2, which four steps lead back to
  latents a - 2 to b: two before, one behind.
- Hyper-synthesis of scales: sample o of a deconvolution (kernel 5) reads inputs ceil((o - 3) / 2) to
  floor((o + 1) / 2), and the last kernel of 3 one more, so latents [4 a, 4 b) read hyper-latents a - 2 to b: two
  before, one behind. Whole numbers give the same in any tiles, so these are only there to save memory.

Where a tile ends with the picture its layers pad with zeros, as for the picture as a whole.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from codec.conha.networks import HYPER_STRIDE, STRIDE, Encoder, Generator, continued
from codec.conha.scales import WholeScales

TILE = 64
"""Latents a side of a tile, part of the format."""
ENCODER_HALO = (1, 2)
GENERATOR_HALO = (2, 1)
SCALES_TILE = 16
SCALES_HALO = (2, 1)

Done = Callable[[], object]


@dataclass(frozen=True)
class Span:
    """[start, stop) of a dimension, and what is read for it."""

    start: int
    stop: int
    read_start: int
    read_stop: int

    def read(self, unit: int = 1) -> slice:
        """What is read, in units."""
        return slice(self.read_start * unit, self.read_stop * unit)

    def inner(self, unit: int = 1) -> slice:
        """What is kept of what was read."""
        return slice((self.start - self.read_start) * unit, (self.stop - self.read_start) * unit)

    def place(self, unit: int = 1) -> slice:
        """Where it belongs."""
        return slice(self.start * unit, self.stop * unit)


def spans(size: int, tile: int, halo: tuple[int, int]) -> list[Span]:
    """A dimension cut into tiles."""
    before, behind = halo
    return [
        Span(start, stop, max(0, start - before), min(size, stop + behind))
        for start in range(0, size, tile)
        for stop in [min(size, start + tile)]
    ]


def count(height: int, width: int) -> int:
    """How many tiles a picture of so many latents has."""
    return -(-height // TILE) * -(-width // TILE)


def encode(encoder: Encoder, pixels: Tensor, device: torch.device, done: Done = lambda: None) -> Tensor:
    """Pixels (H, W, 3) uint8, of any sides, to their latent (1, C, ceil(H / 16), ceil(W / 16)) on the device."""
    rows, columns = (continued(side) for side in pixels.shape[:2])
    height, width = len(rows) // STRIDE, len(columns) // STRIDE
    features: Tensor | None = None
    for row, column in _grid(height, width, TILE, ENCODER_HALO):
        patch = pixels[rows[row.read(STRIDE)]][:, columns[column.read(STRIDE)]]
        values = patch.to(device).permute(2, 0, 1)[None].float() / 255
        found = encoder.down(values.contiguous(memory_format=torch.channels_last))
        if features is None:
            features = _empty(found, height, width)
        features[..., row.place(), column.place()] = found[..., row.inner(), column.inner()]
        done()
    latent: Tensor = encoder.trunk(features)
    return latent


def decode(
    generator: Generator, latent: Tensor, height: int, width: int, *, grey: bool = False, done: Done = lambda: None
) -> Tensor:
    """A latent (1, C, h, w) to pixels (height, width, 3) uint8 on the processor: held in [0, 1], times 255, rounded."""
    features = generator.trunk(latent.contiguous(memory_format=torch.channels_last))
    pixels = torch.empty((latent.shape[-2] * STRIDE, latent.shape[-1] * STRIDE, 3), dtype=torch.uint8)
    for row, column in _grid(latent.shape[-2], latent.shape[-1], TILE, GENERATOR_HALO):
        patch = features[..., row.read(), column.read()].contiguous(memory_format=torch.channels_last)
        found = generator.up(patch)[0, :, row.inner(STRIDE), column.inner(STRIDE)].permute(1, 2, 0)
        pixels[row.place(STRIDE), column.place(STRIDE)] = eight_bit(found, grey=grey).cpu()
        done()
    return pixels[:height, :width]


def eight_bit(values: Tensor, *, grey: bool) -> Tensor:
    """Values (H, W, 3) around [0, 1] as 0 to 255, halves up; where grey the mean of the three, held one by one."""
    held = values.clamp(0, 1)
    one = held.mean(-1, keepdim=True).expand(held.shape) if grey else held
    return torch.floor(one * 255 + 0.5).to(torch.uint8)


def indexes(scales: WholeScales, symbols: Tensor, height: int, width: int) -> Tensor:
    """`scales.indexes` of a hyper-latent (1, N, h, w), to the last number the same, with less memory."""
    found = torch.empty((1, scales.channels, height, width), dtype=torch.int32)
    for row, column in _grid(symbols.shape[-2], symbols.shape[-1], SCALES_TILE, SCALES_HALO):
        patch = symbols[..., row.read(), column.read()]
        of_patch = scales.indexes(patch, patch.shape[-2] * HYPER_STRIDE, patch.shape[-1] * HYPER_STRIDE)
        place = found[..., row.place(HYPER_STRIDE), column.place(HYPER_STRIDE)]  # shorter where the latent ends
        inner = of_patch[..., row.inner(HYPER_STRIDE), column.inner(HYPER_STRIDE)]
        place.copy_(inner[..., : place.shape[-2], : place.shape[-1]])
    return found


def _grid(height: int, width: int, tile: int, halo: tuple[int, int]) -> Iterator[tuple[Span, Span]]:
    for row in spans(height, tile, halo):
        for column in spans(width, tile, halo):
            yield row, column


def _empty(like: Tensor, height: int, width: int) -> Tensor:
    shape = (1, like.shape[1], height, width)
    return torch.empty(shape, dtype=like.dtype, device=like.device, memory_format=torch.channels_last)
