"""What training minimises, image by image, so that each image's own w can scale its terms.

    weight of a bit x bpp + f x ( mse x MSE + w x (perceptual_weight x LPIPS + gan_weight x GAN) )

averaged over images; f is 1 unless `constant_total`. MSE is of values in 0..255; the weight of a bit is the
controller's. GAN is the non-saturating term of HiFiC: -log D(x'), D a sigmoid of each patch's logit. ConHa's w stands
where the paper's review has it, on LPIPS and GAN; `w_terms` names which of them it scales. With w = 1 everywhere this
is HiFiC's loss, with w = 0 rate and MSE alone.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from codec.conha.config import Loss, Preference, Rate


class Terms(NamedTuple):
    """Unweighted, one number an image (B,): MSE of values in 0..255, perceptual distance, -log D of the fake."""

    mse: Tensor
    perceptual: Tensor
    gan: Tensor


def rate_weight(rate: Rate, step: int, coded_bpp: float) -> float:
    """The weight of a bit per pixel at a step of the first stage, counted from 0; the second has no warm-up.

    The controller looks at the rate of rounded latents, over the whole batch, and switches hard. While it warms up a
    higher rate is aimed at and a bit costs half: the released code says so by doubling the divisor of the rate.
    """
    warming = step < rate.warmup_steps
    target = rate.target * (rate.warmup_target if warming else 1)
    weight = rate.weight_above if coded_bpp > target else rate.weight_below
    return weight * (rate.warmup_weight if warming else 1)


def squared_error(pixels: Tensor, decoded: Tensor) -> Tensor:
    """(B, 3, H, W) both in [0, 1] to the mean squared error of values in 0..255 (B,)."""
    return 255**2 * (pixels - decoded).square().mean((1, 2, 3))


def realism(fake: Tensor) -> Tensor:
    """-log D of each fake (B,), the mean over its patches: logits (B, 1, h, w). Non-saturating."""
    return functional.softplus(-fake.float()).mean((1, 2, 3))


def discriminator_loss(real: Tensor, fake: Tensor) -> Tensor:
    """-log D(real) - log(1 - D(fake)), the means over all patches of the batch."""
    return functional.softplus(-real.float()).mean() + functional.softplus(fake.float()).mean()


def mapped(w: Tensor, preference: Preference) -> Tensor:
    """w (B,) in [0, 1] as `preference.map` bends it: a probability of being preferred is not yet a dose."""
    if preference.map == "threshold":
        return (w >= preference.threshold).to(w.dtype)
    if preference.map == "power":
        return w**preference.power
    if preference.map == "table":
        return _interpolated(w, preference.table)
    return w


def distortion(terms: Terms, w: Tensor, loss: Loss, usual: Terms | None = None) -> Tensor:
    """The weighted distortion of each image (B,).

    Args:
        terms: of the images.
        w: (B,), already mapped.
        loss: the weights.
        usual: means of each term over recent batches, needed where `constant_total`: a small w takes distortion away
            and so makes bits dearer for this image; there everything is multiplied by what makes up for it.
    """
    weights = _weights(w, loss)
    total = _sum(weights, terms)
    if not loss.constant_total or usual is None:
        return total
    usual = Terms(*(term.detach() for term in usual))
    return total * _sum(_weights(torch.ones_like(w), loss), usual) / _sum(weights, usual).clamp(min=1e-12)


def _weights(w: Tensor, loss: Loss) -> Terms:
    ones = torch.ones_like(w)
    scaled = {name: w if name in loss.w_terms else ones for name in ("perceptual", "gan")}
    return Terms(
        loss.mse * ones, loss.perceptual_weight * scaled["perceptual"], loss.gan_weight * scaled["gan"]
    )  # fmt: skip


def _sum(weights: Terms, terms: Terms) -> Tensor:
    return weights.mse * terms.mse + weights.perceptual * terms.perceptual + weights.gan * terms.gan


def _interpolated(w: Tensor, table: tuple[tuple[float, float], ...]) -> Tensor:
    """Linear between the points."""
    at = torch.tensor([point[0] for point in table], dtype=w.dtype, device=w.device)
    to = torch.tensor([point[1] for point in table], dtype=w.dtype, device=w.device)
    above = torch.bucketize(w.contiguous(), at).clamp(1, len(table) - 1)
    share = (w - at[above - 1]) / (at[above] - at[above - 1])
    return to[above - 1] + share * (to[above] - to[above - 1])
