"""The three statistics on pictures whose values are known."""

import numpy as np
import pytest
from PIL import Image, ImageDraw

from codec.preference.statistics import NAMES, edge_density, spectral_slope, statistics, text_likeness


def noise(slope: float, seed: int = 0, side: int = 256) -> np.ndarray:
    """Luma whose power falls with frequency to the `slope`."""
    rng = np.random.default_rng(seed)
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
    frequency = np.maximum(np.hypot(rows, columns), 1 / side)
    plane = np.fft.ifft2(np.fft.fft2(rng.normal(size=(side, side))) * frequency ** (slope / 2)).real
    return 128 + 40 * plane / plane.std()


@pytest.mark.parametrize("slope", [0.0, -1.0, -2.0, -3.0])
def test_the_slope_of_made_noise_is_found(slope: float) -> None:
    assert spectral_slope(noise(slope)) == pytest.approx(slope, abs=0.15)


def test_edges_are_counted() -> None:
    luma = np.zeros((64, 64))
    luma[:, 32:] = 200
    assert edge_density(luma) == pytest.approx(2 / 64)
    assert edge_density(noise(-3)) < edge_density(noise(0))


def test_text_is_two_levelled_and_noise_is_not() -> None:
    page = Image.new("L", (128, 128), 255)
    for line in range(0, 128, 14):
        ImageDraw.Draw(page).text((2, line), "the quick brown fox jumps", fill=0)
    drawn = text_likeness(np.asarray(page, float))
    assert text_likeness(noise(0)) == pytest.approx(2 / np.pi, abs=0.02)
    assert drawn > 0.75
    halves = np.zeros((32, 32))
    halves[:, 5:8] = 255
    assert text_likeness(halves) == pytest.approx(1)


@pytest.mark.parametrize("shape", [(32, 32), (48, 130)])
def test_flat_and_odd_crops_have_finite_statistics(shape: tuple[int, int]) -> None:
    flat = np.full((*shape, 3), 90, np.uint8)
    assert statistics(flat).tolist() == [0, 0, 0]
    rough = np.random.default_rng(0).integers(0, 256, (*shape, 3)).astype(np.uint8)
    assert np.isfinite(statistics(rough)).all()
    assert len(statistics(rough)) == len(NAMES)
