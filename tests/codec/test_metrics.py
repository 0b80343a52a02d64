"""PSNR and MS-SSIM against their definitions, computed another way."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from codec.metrics import ms_ssim, psnr

Array = NDArray[np.uint8]


def test_psnr_of_known_errors() -> None:
    grey = np.full((4, 5, 3), 100, np.uint8)
    assert psnr(grey, grey) == math.inf
    assert psnr(grey, grey + 1) == pytest.approx(48.1308, abs=1e-4)  # 20 log10(255)
    off = grey.copy()
    off[0, 0, 0] = 255
    assert psnr(grey, off) == pytest.approx(10 * math.log10(255**2 * 60 / 155**2))
    assert psnr(off, grey) == psnr(grey, off)


def reference_ms_ssim(first: Array, second: Array) -> float:
    """Wang, Simoncelli and Bovik 2003, by numpy: five scales, 11 x 11 Gaussian of sigma 1.5, valid region only."""
    weights = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
    window = np.exp(-(np.arange(-5, 6) ** 2) / (2 * 1.5**2))
    window /= window.sum()

    def blur(plane: NDArray[np.float64]) -> NDArray[np.float64]:
        return correlate1d(correlate1d(plane, window, axis=0), window, axis=1)[5:-5, 5:-5]

    values = []
    for channel in range(3):
        a, b = (picture[..., channel].astype(np.float64) for picture in (first, second))
        result = 1.0
        for scale, weight in enumerate(weights):
            mean_a, mean_b = blur(a), blur(b)
            spread = blur(a * a) - mean_a**2 + blur(b * b) - mean_b**2
            contrast = (2 * (blur(a * b) - mean_a * mean_b) + 58.5225) / (spread + 58.5225)
            luminance = (2 * mean_a * mean_b + 6.5025) / (mean_a**2 + mean_b**2 + 6.5025)
            result *= float((contrast * luminance if scale == 4 else contrast).mean()) ** weight
            a, b = (p[: p.shape[0] // 2 * 2, : p.shape[1] // 2 * 2] for p in (a, b))
            a, b = ((p[::2, ::2] + p[1::2, ::2] + p[::2, 1::2] + p[1::2, 1::2]) / 4 for p in (a, b))
        values.append(result)
    return float(np.mean(values))


def test_ms_ssim_by_its_definition(photo: Callable[..., Array]) -> None:
    first = photo(192, 176)
    noisy = first + np.random.default_rng(1).normal(0, 20, first.shape)
    second = noisy.clip(0, 255).astype(np.uint8)
    found = ms_ssim(first, second)
    assert found == pytest.approx(reference_ms_ssim(first, second), abs=2e-5)
    assert 0.5 < found < 0.99
    assert ms_ssim(first, second) == found


def test_ms_ssim_of_identical_and_of_small_pictures(photo: Callable[..., Array]) -> None:
    assert ms_ssim(photo(161, 200), photo(161, 200)) == 1.0
    assert ms_ssim(photo(160, 200), photo(160, 200)) is None
    assert ms_ssim(photo(200, 160), photo(200, 160, seed=1)) is None
