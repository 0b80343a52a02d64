"""The stimulus of a catch trial: a crop that anybody who looks will find worse than its reference."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
import PIL
from PIL import Image, features

from codec.pixels import Pixels

REDUCTION = 8
QUALITY = 1


@dataclass(frozen=True)
class Catch:
    """The degraded crop, with the JPEG file that it came out of."""

    pixels: Pixels
    data: bytes

    @property
    def sha256(self) -> str:
        """SHA-256 of the JPEG file."""
        return hashlib.sha256(self.data).hexdigest()


def degrade(crop: Pixels) -> Catch:
    """Average over cells of 8 x 8 pixels, enlarge again, and compress at JPEG's lowest quality."""
    height, width, _ = crop.shape
    small = Image.fromarray(crop).reduce(REDUCTION)
    file = io.BytesIO()
    small.resize((width, height), Image.Resampling.BILINEAR).save(file, "JPEG", quality=QUALITY, subsampling="4:2:0")
    with Image.open(file) as image:
        return Catch(np.array(image.convert("RGB")), file.getvalue())


def recipe() -> str:
    """What `degrade` does, with versions: the `encoder` of catch stimuli."""
    library = f"libjpeg-turbo/{features.version_feature('libjpeg_turbo')} Pillow/{PIL.__version__}"
    return f"{library} reduce={REDUCTION} enlarge=bilinear quality={QUALITY} subsampling=4:2:0"
