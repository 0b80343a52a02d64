"""The noise that stands in for rounding while the codec learns, a crop's from the crop's own generator."""

from typing import NamedTuple

import torch
from torch import Tensor

from codec.conha.config import Model


class Noise(NamedTuple):
    """Uniform in (-1/2, 1/2), of the shapes of hyper-latent and latent; drawn by the caller, crop by crop."""

    hyper: Tensor
    latent: Tensor


def noise_like(model: Model, crops: int, side: int, generators: list[torch.Generator]) -> Noise:
    """Noise for `crops` square crops of `side` pixels, the i-th from the i-th generator, on the processor."""
    latents, hypers = side // 16, -(-(side // 16) // 4)
    shapes = ((model.hyper, hypers, hypers), (model.latent, latents, latents))
    drawn = [[torch.rand(shape, generator=generators[crop]) - 0.5 for shape in shapes] for crop in range(crops)]
    return Noise(*(torch.stack(part) for part in zip(*drawn, strict=True)))
