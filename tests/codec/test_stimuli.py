"""What one photograph gives: rows that tell the truth about their images, at rates that every codec reaches."""

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from codec.baselines import CODECS
from codec.catch import degrade
from codec.crops import Crop, choose_crops
from codec.decoded import find_decoded
from codec.metrics import ms_ssim, psnr
from codec.pixels import pixels_sha256
from codec.sources import Source
from codec.stimuli import Made, Plan, Stimulus, make_stimuli, png

Array = NDArray[np.uint8]
EVERY = tuple(CODECS)


def pixels_of(made: Made, row: Stimulus) -> Array:
    return np.array(Image.open(io.BytesIO(made.images[row.sha256])))


@pytest.fixture
def source(tmp_path: Path, photo: Callable[..., Array]) -> Source:
    Image.fromarray(photo(400, 200)).save(tmp_path / "p.png")
    return Source("a/p", tmp_path / "p.png", "texture")


def test_every_codec_at_every_rate_on_every_crop(source: Source, photo: Callable[..., Array]) -> None:
    made = make_stimuli(source, Plan(EVERY, ("1.50", "0.75"), crops=2, crop_size=176))
    crops = choose_crops(photo(400, 200), 176, 2, f"1:{pixels_sha256(photo(400, 200))}")
    assert len(crops) == 2
    order = ["reference", *(f"{codec}@{rate}" for rate in ("1.50", "0.75") for codec in EVERY), "catch"]
    assert [row.condition for row in made.stimuli] == order * 2
    assert [(row.crop_x, row.crop_y) for row in made.stimuli[:: len(order)]] == [(str(c.x), str(c.y)) for c in crops]
    for index, row in enumerate(made.stimuli):
        reference = crops[index // len(order)].of(photo(400, 200))
        image = pixels_of(made, row)
        assert row.psnr == f"{psnr(reference, image):.4f}"
        assert row.ms_ssim == f"{ms_ssim(reference, image):.5f}"
        if row.rate:
            assert abs(float(row.bpp) / float(row.rate) - 1) <= 0.05
            assert float(row.bpp) == pytest.approx(int(row.bytes) * 8 / 80_000, abs=1e-6)
    assert not made.skipped
    assert set(made.images) == {row.sha256 for row in made.stimuli}


def test_crops_of_one_file_are_cut_out_of_one_decoded_picture(source: Source, photo: Callable[..., Array]) -> None:
    """The whole photograph is compressed, not the crop: the same bitstream and bpp stand on both crops."""
    made = make_stimuli(source, Plan(("jpeg",), ("1.00",), crops=2, crop_size=64))
    first, second = (row for row in made.stimuli if row.codec == "jpeg")
    assert (first.bitstream_sha256, first.bytes, first.encoder) == (
        second.bitstream_sha256,
        second.bytes,
        second.encoder,
    )
    quality = float(first.encoder.split("quality=")[1].split()[0])
    file = io.BytesIO()
    whole = Image.fromarray(photo(400, 200))
    whole.save(file, "JPEG", quality=int(quality), optimize=True, progressive=True, subsampling="4:2:0")
    assert len(file.getvalue()) == int(first.bytes)
    box = (int(first.crop_x), int(first.crop_y), int(first.crop_x) + 64, int(first.crop_y) + 64)
    assert np.array_equal(np.array(Image.open(file).crop(box)), pixels_of(made, first))


def test_a_rate_that_one_codec_misses_is_left_out_for_all(tmp_path: Path, photo: Callable[..., Array]) -> None:
    Image.fromarray(photo(96, 96)).save(tmp_path / "p.png")
    made = make_stimuli(Source("p", tmp_path / "p.png"), Plan(EVERY, ("0.10", "2.00"), crops=1, crop_size=64))
    assert {row.rate for row in made.stimuli if row.rate} == {"2.00"}
    assert {row.rate for row in made.skipped} == {"0.10"}
    jpeg = next(row for row in made.skipped if row.codec == "jpeg")  # its tables alone take more than that
    smallest = len(CODECS["jpeg"].encode(photo(96, 96), CODECS["jpeg"].dial.marks[0])) * 8 / 96**2
    assert float(jpeg.nearest_bpp) == pytest.approx(smallest, abs=1e-6)
    assert jpeg.reason == (
        f"the nearest file of jpeg has {smallest:.3f} bpp, +{100 * (smallest / 0.1 - 1):.1f}% from the target"
    )


def test_a_photograph_without_any_rate_gives_nothing_at_all(tmp_path: Path, photo: Callable[..., Array]) -> None:
    Image.fromarray(photo(64, 64)).save(tmp_path / "p.png")
    made = make_stimuli(Source("p", tmp_path / "p.png"), Plan(("jpeg",), ("0.01",), crops=1, crop_size=64))
    assert (made.stimuli, made.images, len(made.skipped)) == ([], {}, 1)


def test_decoded_images_take_part_in_the_rule(source: Source, tmp_path: Path, photo: Callable[..., Array]) -> None:
    (tmp_path / "mine/a").mkdir(parents=True)
    Image.fromarray(photo(400, 200, seed=3)).save(tmp_path / "mine/a/p.png")
    for size, kept in ((10_000, {"1.00", "2.00"}), (10_600, {"2.00"})):
        (tmp_path / "mine/a/p.bin").write_bytes(bytes(size))
        decoded = (find_decoded("mine", "1.00", tmp_path / "mine", ["a/p"]),)
        made = make_stimuli(source, Plan(("jpeg",), ("1.00", "2.00"), 1, 64, decoded=decoded))
        assert {row.rate for row in made.stimuli if row.rate} == kept
        assert [(row.codec, row.nearest_bpp) for row in made.skipped] == (
            [] if len(kept) == 2 else [("mine", "1.060000")]
        )
        mine = [row for row in made.stimuli if row.condition == "mine@1.00"]
        assert len(mine) == len(kept) - 1
        for row in mine:
            x, y = int(row.crop_x), int(row.crop_y)
            assert np.array_equal(pixels_of(made, row), photo(400, 200, seed=3)[y : y + 64, x : x + 64])


def test_png_is_lossless_and_repeatable(photo: Callable[..., Array]) -> None:
    assert np.array_equal(np.array(Image.open(io.BytesIO(png(photo(31, 17))))), photo(31, 17))
    assert png(photo(31, 17)) == png(photo(31, 17).copy())


def test_windows_come_out_of_the_same_decoded_pictures_as_their_crops(
    source: Source, photo: Callable[..., Array]
) -> None:
    plan = Plan(("jpeg", "webp"), ("1.50",), crops=2, crop_size=64, context=48)
    made, plain = make_stimuli(source, plan), make_stimuli(source, replace(plan, context=0))
    assert {row.context_path for row in plain.stimuli} == {row.context_x for row in plain.stimuli} == {""}
    seen = set()
    for row, without in zip(made.stimuli, plain.stimuli, strict=True):
        assert (row.sha256, row.bpp, row.psnr) == (without.sha256, without.bpp, without.psnr)
        window = Crop(int(row.context_x), int(row.context_y), int(row.context_width), int(row.context_height))
        crop = Crop(int(row.crop_x), int(row.crop_y), 64, 64)
        assert window == crop.around(48, 400, 200)
        pixels = np.array(Image.open(io.BytesIO(made.images[row.context_sha256])))
        assert row.context_path == f"images/{row.context_sha256}.png"
        if row.condition == "catch":
            assert np.array_equal(pixels, degrade(window.of(photo(400, 200))).pixels)
        else:
            x, y = crop.x - window.x, crop.y - window.y
            assert np.array_equal(pixels[y : y + 64, x : x + 64], pixels_of(made, row))
        seen |= {row.sha256, row.context_sha256}
    assert set(made.images) == seen
