"""Three numbers of a crop that need no network: what a preference model has to beat.

On luma (ITU-R BT.601 weights) with values in 0..255.
"""

import numpy as np

from codec.pixels import Pixels
from codec.preference.labels import Floats

NAMES = ("edge_density", "spectral_slope", "text_likeness")
LUMA = np.array([0.299, 0.587, 0.114])
EDGE = 32.0  # grey levels a pixel: what counts as an edge


def statistics(pixels: Pixels) -> Floats:
    """All three, in the order of `NAMES`."""
    luma = pixels @ LUMA
    return np.array([edge_density(luma), spectral_slope(luma), text_likeness(luma)])


def edge_density(luma: Floats) -> float:
    """The share of pixels where brightness changes by more than `EDGE` a pixel, by central differences."""
    down, across = np.gradient(luma)
    return float((np.hypot(down, across) > EDGE).mean())


def spectral_slope(luma: Floats) -> float:
    """How log power falls with log frequency, a straight line over rings of frequencies: about -2 for photographs.

    As Burton and Moorhead found ("Color and spatial structure in natural scenes", 1987) for amplitudes. A Hann window
    keeps the crop's border out; rings from 4 cycles a crop to half a cycle a pixel; flat crops have slope 0.
    """
    window = np.outer(np.hanning(luma.shape[0]), np.hanning(luma.shape[1]))
    power = np.abs(np.fft.fft2((luma - luma.mean()) * window)) ** 2
    rows, columns = np.fft.fftfreq(luma.shape[0])[:, None], np.fft.fftfreq(luma.shape[1])
    frequency = np.hypot(rows, columns)
    edges = np.geomspace(4 / min(luma.shape), 0.5, 13)
    ring = np.digitize(frequency, edges)
    inside = [np.nonzero(ring == number) for number in range(1, len(edges))]
    heard = [(float(frequency[at].mean()), float(power[at].mean())) for at in inside if len(at[0])]
    if len(heard) < 2 or min(mean for _, mean in heard) < 1e-9:
        return 0.0
    along, high = np.log([frequency for frequency, _ in heard]), np.log([mean for _, mean in heard])
    return float(np.polyfit(along, high, 1)[0])


def text_likeness(luma: Floats) -> float:
    """How far the crop is of two levels with sharp edges between them, as print and line art are; from 0 to 1.

    The mean over blocks of 16 x 16 pixels, weighed by contrast, of Otsu's separability ("A threshold selection method
    from gray-level histograms", 1979): the share of a block's variance that lies between its two classes. A block of
    two levels has 1, one of normal noise 2 / pi.
    """
    side = 16
    height, width = (length - length % side for length in luma.shape)
    blocks = luma[:height, :width].reshape(height // side, side, width // side, side).swapaxes(1, 2)
    values = np.sort(blocks.reshape(-1, side * side), axis=1)
    if not values.size:
        return 0.0
    variance = values.var(axis=1)
    below = np.arange(1, values.shape[1])
    sums, whole = values.cumsum(axis=1), values.sum(axis=1, keepdims=True)
    low = sums[:, :-1] / below
    high = (whole - sums[:, :-1]) / (values.shape[1] - below)
    share = below / values.shape[1]
    between = (share * (1 - share) * (high - low) ** 2).max(axis=1)
    if variance.sum() < 1e-9:
        return 0.0
    return float(between.sum() / variance.sum())
