"""The conditional patch discriminator of HiFiC's released code, with spectral norm on every layer.

    latent (220) ── conv 3x3, 12, leaky ── nearest x 16 ─┐
    pixels (3) ──────────────────────────────────────────┴─ conv 4x4 / 2: 64, 128, 256 ── conv 4x4, 512 ── conv 4x4, 1

A comment in that code calls the last layer 1x1; what is built there is 4x4, and so it is here.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

from codec.conha.config import Discriminator as Settings
from codec.conha.config import Model
from codec.conha.layers import Convolution
from codec.conha.networks import STRIDE

LEAK = 0.2


class Discriminator(nn.Module):
    """How real each patch looks, given the latent it was, or would be, decoded from.

    Pixels (B, 3, H, W) and latents (B, C, H / 16, W / 16) to logits (B, 1, H / 8, W / 8): positive where real.
    """

    def __init__(self, model: Model, settings: Settings) -> None:
        super().__init__()
        self.context = spectral_norm(Convolution(model.latent, settings.context, 3))
        widths = [3 + settings.context, *(settings.base * 2**step for step in range(4))]
        strides = (2, 2, 2, 1)
        self.layers = nn.ModuleList(
            spectral_norm(Convolution(narrow, wide, 4, stride))
            for (narrow, wide), stride in zip(pairwise(widths), strides, strict=True)
        )
        self.last = spectral_norm(Convolution(widths[-1], 1, 4))

    def forward(self, pixels: Tensor, latent: Tensor) -> Tensor:
        """No gradient reaches the latent."""
        context = functional.leaky_relu(self.context(latent.detach()), LEAK)
        features = torch.cat((pixels, functional.interpolate(context, scale_factor=STRIDE, mode="nearest")), 1)
        for layer in self.layers:
            features = functional.leaky_relu(layer(features), LEAK)
        logits: Tensor = self.last(features)
        return logits

    def both(self, real: Tensor, fake: Tensor, latent: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of originals and reconstructions in one pass, each image beside its own latent.

        The two halves of the batch are real images and fake ones, in the same order; so are the latents, twice.
        """
        logits = self(torch.cat((real, fake)), torch.cat((latent, latent)))
        of_real, of_fake = logits.chunk(2)
        return of_real, of_fake
