"""The codec as it is trained: pixels to latents to pixels, and what the latents cost.

    pixels ──► encoder ──► latent ─┬─► hyper-analysis ──► hyper-latent ──(+ noise)──┬─► its bits
                                   │                                                ├─► means ──┐
                                   │                                                └─► scales ─┤
                                   ├─(+ noise)──────────────────────────────────────────────────┴─► its bits
                                   └─(round around the means, straight through)──► generator ──► pixels

After training, `codec.conha.coding` turns the same networks into real bitstreams.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from codec.conha import entropy
from codec.conha.config import Model
from codec.conha.layers import round_through
from codec.conha.networks import Encoder, Generator, HyperAnalysis, HyperSynthesis, cut
from codec.conha.noise import Noise


class Output(NamedTuple):
    """Of a batch: pixels (B, 3, H, W), the rounded latent (B, C, H / 16, W / 16), and bits per pixel (B,) each.

    `noisy_bpp` is what is learned from: smooth, of latents with noise. `coded_bpp` is of rounded latents, without a
    gradient: what a file would take, and what the rate's controller looks at.
    """

    pixels: Tensor
    latent: Tensor
    noisy_bpp: Tensor
    coded_bpp: Tensor


class Codec(nn.Module):
    """Encoder, generator and mean-scale hyperprior; 181.5 million parameters by default."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.encoder = Encoder(model)
        self.generator = Generator(model)
        self.hyper_analysis = HyperAnalysis(model)
        self.hyper_means = HyperSynthesis(model)
        self.hyper_scales = HyperSynthesis(model)
        self.hyper_prior = entropy.HyperPrior(model.hyper)

    def forward(self, pixels: Tensor, noise: Noise) -> Output:
        """Training's pass over pixels (B, 3, H, W) in [0, 1], sides multiples of 16.

        Under autocast only encoder and generator follow it: rates and rounding stay in full precision.
        """
        latent = self.encoder(pixels)
        with torch.autocast(pixels.device.type, enabled=False):
            latent = latent.float()
            hyper = self.hyper_analysis(latent)
            noisy_hyper = hyper + noise.hyper
            means, scales = (cut(network(noisy_hyper), latent) for network in (self.hyper_means, self.hyper_scales))
            rounded = round_through(latent - means) + means
            noisy = self._bpp(pixels, noisy_hyper, latent + noise.latent, means, scales)
            with torch.no_grad():
                coded = self._bpp(pixels, self.rounded_hyper(hyper), rounded, means, scales)
        return Output(self.generator(rounded), rounded, noisy, coded)

    def reconstruct(self, pixels: Tensor, generator: nn.Module | None = None) -> tuple[Tensor, Tensor]:
        """What evaluation sees, without noise: pixels to decoded pixels (B, 3, H, W) and bits per pixel (B,).

        Args:
            pixels: (B, 3, H, W) in [0, 1], sides multiples of 16.
            generator: another one than the codec's own, such as the mean of its past.
        """
        latent = self.encoder(pixels)
        hyper = self.rounded_hyper(self.hyper_analysis(latent))
        means, scales = (cut(network(hyper), latent) for network in (self.hyper_means, self.hyper_scales))
        rounded = torch.floor(latent - means + 0.5) + means
        return (generator or self.generator)(rounded), self._bpp(pixels, hyper, rounded, means, scales)

    def rounded_hyper(self, hyper: Tensor) -> Tensor:
        """Whole numbers away from each channel's median."""
        medians = self.hyper_prior.medians.detach()[:, None, None]
        return torch.floor(hyper - medians + 0.5) + medians

    def _bpp(self, pixels: Tensor, hyper: Tensor, latent: Tensor, means: Tensor, scales: Tensor) -> Tensor:
        """Bits per pixel of each image (B,)."""
        bits = self.hyper_prior.bits(hyper).sum((1, 2, 3))
        bits = bits + entropy.gaussian_bits(latent, means, scales).sum((1, 2, 3))
        return bits / (pixels.shape[-2] * pixels.shape[-1])
