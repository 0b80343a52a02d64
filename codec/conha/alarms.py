"""What should make somebody look at a training: said and logged, never acted upon.

A discriminator that is nearly always right has nothing left to teach, one that guesses has learned nothing: 55 to 90%
is where GAN training usually lives. Decodes with more power at high frequencies than their originals invent too much.
"""

import math

import torch
from torch import Tensor

LOW, HIGH = 0.55, 0.90
PATIENCE = 1000
"""Steps in a row that the smoothed accuracy may be outside."""
SMOOTHING = 0.99
TOO_STRONG = 10 ** (1 / 10)
"""Power over that of the originals, at high frequencies: 1 dB."""


class DiscriminatorWatch:
    """Follows the share of patches that the discriminator tells rightly."""

    def __init__(self, patience: int = PATIENCE) -> None:
        self.patience = patience
        self.smoothed, self.outside = math.nan, 0

    def see(self, accuracy: float) -> str | None:
        """Take a step's accuracy; a sentence where it has been outside for so long, once in each such stretch."""
        before = accuracy if math.isnan(self.smoothed) else self.smoothed
        self.smoothed = SMOOTHING * before + (1 - SMOOTHING) * accuracy
        self.outside = 0 if LOW <= self.smoothed <= HIGH else self.outside + 1
        if self.outside != self.patience:
            return None
        what = "hardly ever errs" if self.smoothed > HIGH else "guesses"
        return f"the discriminator {what}: {self.smoothed:.0%} of patches are told rightly, for {self.patience} steps"

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return {"smoothed": self.smoothed if math.isfinite(self.smoothed) else -1.0, "outside": self.outside}

    def restore(self, state: dict[str, float]) -> None:
        """Go on from what `state` gave."""
        self.smoothed = state["smoothed"] if state["smoothed"] >= 0 else math.nan
        self.outside = int(state["outside"])


def radial_spectrum(images: Tensor, rings: int = 16) -> Tensor:
    """Mean power of luma in `rings` rings of equal width up to the Nyquist frequency: (B, 3, n, n) to (rings,).

    Hann-windowed, without the mean; the corners beyond the Nyquist frequency of the axes are left out.
    """
    side = images.shape[-1]
    weights = torch.tensor([0.299, 0.587, 0.114], device=images.device)
    luma = (images.float() * weights[:, None, None]).sum(1)
    hann = torch.hann_window(side, periodic=True, device=images.device)
    window = torch.outer(hann, hann)
    mean = (luma * window).sum((1, 2), keepdim=True) / window.sum()
    power = torch.fft.fft2((luma - mean) * window).abs().square().mean(0)
    frequency = torch.fft.fftfreq(side, device=images.device)
    radius = torch.sqrt(frequency[:, None].square() + frequency.square()) * 2  # 1 is the Nyquist frequency
    ring = (radius * rings).long()
    inside = (radius <= 1 - 1e-6) & (radius > 0)
    total = torch.zeros(rings, device=images.device).index_add_(0, ring[inside], power[inside])
    count = torch.zeros(rings, device=images.device).index_add_(0, ring[inside], torch.ones_like(power[inside]))
    return total / count.clamp(min=1)


def spectrum_ratio(pixels: Tensor, decoded: Tensor) -> float:
    """Power of decoded images over that of their originals in the upper half of the frequencies."""
    of_pixels, of_decoded = (radial_spectrum(images)[8:].sum() for images in (pixels, decoded))
    return float(of_decoded / of_pixels.clamp(min=1e-12))


def spectrum_alarm(ratio: float) -> str | None:
    """A sentence where decoded images have too much of the high frequencies."""
    if ratio <= TOO_STRONG:
        return None
    return f"decoded images have {ratio:.2f} times the power of their originals at high frequencies"
