"""A catch stimulus is worse than anything that a codec at a sane rate does, on any kind of crop."""

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from codec.baselines import CODECS, Setting
from codec.catch import degrade, recipe
from codec.metrics import ms_ssim, psnr

Array = NDArray[np.uint8]


@pytest.mark.parametrize("contrast", [60, 90, 130])
def test_obviously_worse_than_jpeg_at_a_low_quality(contrast: float, photo: Callable[..., Array]) -> None:
    crop = photo(192, 192, contrast=contrast)
    caught = degrade(crop).pixels
    poor = CODECS["jpeg"].decode(CODECS["jpeg"].encode(crop, Setting(10)))
    assert psnr(crop, caught) < psnr(crop, poor) - 2
    assert psnr(crop, caught) < 24
    assert ms_ssim(crop, caught) < ms_ssim(crop, poor) - 0.15
    assert len(np.unique(caught.reshape(-1, 3), axis=0)) < len(np.unique(crop.reshape(-1, 3), axis=0)) / 4


def test_it_is_what_its_file_holds(photo: Callable[..., Array]) -> None:
    caught = degrade(photo(64, 48))
    assert caught.pixels.shape == (48, 64, 3)
    assert np.array_equal(np.array(Image.open(io.BytesIO(caught.data))), caught.pixels)
    assert degrade(photo(64, 48)).sha256 == caught.sha256
    assert "quality=1" in recipe()
