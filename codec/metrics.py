"""How near a stimulus is to its reference, by number; both on 8-bit sRGB pixels."""

import math

import numpy as np

from codec.pixels import Pixels

MS_SSIM_SIDE = 160  # five scales of an 11 x 11 window need sides above (11 - 1) * 2**4


def psnr(reference: Pixels, other: Pixels) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels: 10 log10(255**2 / MSE); inf where identical."""
    error = float(np.mean((reference.astype(np.float64) - other.astype(np.float64)) ** 2))
    return 10 * math.log10(255**2 / error) if error > 0 else math.inf


def ms_ssim(reference: Pixels, other: Pixels) -> float | None:
    """Multi-scale SSIM, the mean of the three channels' values; None where a side is at most 160 pixels.

    Source: Wang, Simoncelli and Bovik, "Multi-scale structural similarity for image quality assessment", 2003, as in
    pytorch-msssim; on one thread, so that equal input gives equal digits.
    """
    if min(reference.shape[:2]) <= MS_SSIM_SIDE:
        return None
    if np.array_equal(reference, other):
        return 1.0
    import torch
    from pytorch_msssim import ms_ssim as multi_scale

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        first, second = (
            torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() for pixels in (reference, other)
        )
        return float(multi_scale(first, second, data_range=255))
    finally:
        torch.set_num_threads(threads)
