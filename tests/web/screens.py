"""Screenshots, and the PNGs that should be in them."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops
from playwright.sync_api import Page

Box = tuple[int, int, int, int]


def screen(page: Page) -> Image.Image:
    """The window, a pixel a device pixel."""
    return Image.open(io.BytesIO(page.screenshot(scale="device"))).convert("RGB")


def shown(site: Any, vote: Mapping[str, str], side: str, scale: int = 1, part: Box | None = None) -> Image.Image:
    """The PNG (or a part of it) that the vote says was shown, every pixel `scale` x `scale` times."""
    path = Path(site.environ["STUDY_MEDIA"]) / f"{vote[f'{side}_sha256']}.png"
    image = Image.open(path).convert("RGB").crop(part)
    return image.resize((scale * image.width, scale * image.height), Image.Resampling.NEAREST)


def differing(seen: Image.Image, x: int, y: int, image: Image.Image) -> int:
    """How many pixels of the screen are not the image's."""
    difference = ImageChops.difference(seen.crop((x, y, x + image.width, y + image.height)), image)
    return sum(any(pixel) for pixel in zip(*[iter(difference.tobytes())] * 3, strict=True))


def corner(vote: Mapping[str, str], side: str) -> tuple[int, int]:
    """Where the vote says that the image stood: whole device pixels."""
    x, y = (float(vote[f"{side}_{axis}"]) for axis in "xy")
    assert (x, y) == (int(x), int(y))
    return int(x), int(y)


def place(page: Page, canvas: str, ratio: float) -> tuple[int, int]:
    """Where a canvas stands, as the browser says: whole device pixels."""
    box = page.locator(f"#{canvas}").bounding_box()
    assert box
    return round(box["x"] * ratio), round(box["y"] * ratio)
