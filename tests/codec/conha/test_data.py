"""Which images are trained on, and crops as functions of seed and place alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from codec.conha import batches, config, data
from codec.conha.batches import Batches, Place
from codec.conha.data import Picture
from codec.conha.processes import Processes
from codec.errors import Refusal
from codec.pixels import pixels_sha256, read_pixels

HERE = Processes(0, 1, torch.device("cpu"))
Folder = Callable[..., Path]


def settings(*more: str) -> config.Config:
    return config.read("smoke", ("data.crop=32", "training.batch=4", *more))


def looked(found: config.Config) -> list[Picture]:
    return data.look_at(data.find(found.data), found.data.crop, 1)


def test_a_folder_gives_its_pictures_and_says_what_it_passed_over(folder_of: Folder) -> None:
    folder = folder_of("a.png", "below/b.png", "small.png", width=40, height=48)
    Image.new("RGB", (16, 40)).save(folder / "small.png")
    (folder / "notes.txt").write_text("no picture")
    pictures = looked(settings(f"data.train={folder}"))
    used = data.usable(pictures, "train")
    assert [picture.file.name for picture in used] == ["a.png", "b.png"]
    assert used[0].source_sha256 == pixels_sha256(read_pixels(folder / "a.png"))
    assert (used[0].width, used[0].height) == (40, 48)
    skipped = {picture.file.name: picture.skipped for picture in pictures if picture.skipped}
    assert skipped["small.png"] == "is 16 x 40 pixels, and a crop has 32 a side"
    assert "no whole image" in skipped["notes.txt"]


def test_images_csv_brings_back_what_it_was_made_from(folder_of: Folder, tmp_path: Path) -> None:
    folder = folder_of("a.png", "comma, and 'quote'.png")
    (folder / "notes.txt").write_text("no picture")
    pictures = looked(settings(f"data.train={folder}"))
    (tmp_path / "images.csv").write_text(data.as_csv(pictures))
    assert data.from_csv(tmp_path / "images.csv") == pictures


def test_a_list_chooses_files_and_splits(folder_of: Folder, tmp_path: Path) -> None:
    folder = folder_of("a.png", "b.png", "c.png", "d.png")
    (folder / "e.png").write_bytes((folder / "a.png").read_bytes())
    listed = tmp_path / "list.csv"
    listed.write_text("split,file,tag\ntrain,a.png,x\nval,b.png,x\ntest,c.png,x\nval,e.png,x\n")
    pictures = looked(settings(f"data.train={folder}", f"data.list={listed}"))
    assert [one.file.name for one in data.usable(pictures, "train")] == ["a.png"]
    assert [one.file.name for one in data.usable(pictures, "val")] == ["b.png"]
    twice = [one for one in pictures if one.file.name == "e.png"]
    assert twice[0].skipped == "is in the train split too"
    listed.write_text("split,file\ntrain,a.png\nval,absent.png\n")
    with pytest.raises(Refusal, match=r"line 3, column file: absent\.png is not in"):
        data.find(settings(f"data.train={folder}", f"data.list={listed}").data)
    listed.write_text("split,file\ntest,a.png\n")
    with pytest.raises(Refusal, match="no row whose split is train"):
        data.find(settings(f"data.train={folder}", f"data.list={listed}").data)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda _: "", "Name a folder of images"),
        (lambda folder: folder / "absent", "is no folder"),
        (lambda folder: folder, "holds no images"),
    ],
)
def test_a_folder_without_images_is_refused(make: Callable[[Path], object], said: str, tmp_path: Path) -> None:
    with pytest.raises(Refusal, match=said):
        data.find(settings(f"data.train={make(tmp_path)}").data)


def test_a_folder_of_which_nothing_can_be_used_is_refused_with_reasons(tmp_path: Path) -> None:
    (tmp_path / "notes.csv").write_text("no picture")
    found = settings(f"data.train={tmp_path}")
    with pytest.raises(Refusal, match=r"holds no image that can be trained on \(notes.csv: is no whole image"):
        data.refuse_none(looked(found), found.data)


SIZES = st.lists(st.tuples(st.integers(32, 300), st.integers(32, 300)), min_size=1, max_size=5)


@given(SIZES, st.integers(0, 2**40), st.integers(0, 3), st.integers(0, 10**6))
def test_a_crop_lies_inside_its_picture_and_is_scaled_as_said(
    sizes: list[tuple[int, int]], seed: int, sample: int, step: int
) -> None:
    pictures = [Picture(Path("x"), "train", str(n), width, height) for n, (width, height) in enumerate(sizes)]
    found = settings(f"training.seed={seed}")
    index, (left, top, right, bottom), _ = batches.cut(Place(1, step, 0, sample), pictures, found)
    width, height = sizes[index]
    assert 0 <= left < right <= width + 1e-9
    assert 0 <= top < bottom <= height + 1e-9
    for length, taken in ((width, right - left), (height, bottom - top)):
        scaled = 32 * length / taken  # the picture's side after scaling: a whole number of pixels
        assert abs(scaled - round(scaled)) < 1e-6
        least = max(0.75, 32 / min(width, height))
        assert least * length - 0.51 <= scaled <= max(0.95, least) * length + 0.51
    shown = batches.window(Place(1, step, 0, sample), pictures, found)
    assert shown.crop.width > 0
    assert shown.crop.x + shown.crop.width <= width
    assert shown.crop.y + shown.crop.height <= height


def test_every_draw_goes_through_all_pictures_before_any_comes_again() -> None:
    pictures = [Picture(Path("x"), "train", str(n), 64, 64) for n in range(10)]
    found = settings()
    for draw in (0, 1):
        places = [Place(2, step, draw, sample) for step in range(5) for sample in range(4)]
        seen = [batches.cut(place, pictures, found).picture for place in places]
        assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
        assert seen[:10] != seen[10:]
    orders = {batches.order(1, 2, draw, 0, 10) for draw in (0, 1)}
    assert len(orders) == 2


def test_places_differ_in_every_part() -> None:
    place = Place(1, 2, 0, 3)
    others = [place._replace(**{name: getattr(place, name) + 1}) for name in Place._fields]
    drawn = [batches.numbers(7, "crop", *one) for one in (place, *others)]
    assert len(set(drawn)) == len(drawn)
    assert batches.numbers(7, "crop", *place) == drawn[0]
    assert batches.numbers(8, "crop", *place) != drawn[0]


def test_the_four_numbers_are_evenly_spread() -> None:
    drawn = np.array([batches.numbers(1, "crop", step) for step in range(4000)])
    assert np.all((drawn >= 0) & (drawn < 1))
    np.testing.assert_allclose(drawn.mean(0), 0.5, atol=0.025)  # five standard errors
    np.testing.assert_allclose(drawn.var(0), 1 / 12, atol=0.006)
    np.testing.assert_allclose(np.corrcoef(drawn.T) - np.eye(4), 0, atol=0.08)


def batch_of(found: config.Config, pictures: list[Picture], step: int, samples: range) -> batches.Batch:
    return next(batches.load(pictures, found, Batches(2, range(step, step + 1), (0,), samples), HERE))


def test_a_batch_is_the_same_whoever_loads_it_and_from_wherever_one_begins(folder_of: Folder) -> None:
    folder = folder_of("a.png", "b.png", "c.png")
    found = settings(f"data.train={folder}")
    pictures = looked(found)
    loaded = list(batches.load(pictures, found, Batches(2, range(4), (1, 0), range(4)), HERE))
    assert len(loaded) == 8
    alone = batch_of(found, pictures, 3, range(4))
    assert torch.equal(alone.pixels, loaded[7].pixels)
    assert all(torch.equal(*pair) for pair in zip(alone.noise, loaded[7].noise, strict=True))
    assert alone.windows == loaded[7].windows
    halves = [batch_of(found, pictures, 3, part) for part in (range(2), range(2, 4))]
    assert torch.equal(torch.cat([half.pixels for half in halves]), alone.pixels)
    assert torch.equal(torch.cat([half.noise.latent for half in halves]), alone.noise.latent)
    by_others = settings(f"data.train={folder}", "data.workers=1", "data.cache=0")
    assert torch.equal(batch_of(by_others, pictures, 3, range(4)).pixels, alone.pixels)
    assert not torch.equal(loaded[6].pixels, loaded[7].pixels)


def test_a_crop_shows_its_window_and_flips() -> None:
    ramp = np.zeros((64, 96, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(96), np.arange(64)[:, None]
    plain = batches.crop_of(ramp, batches.Cut(0, (16.0, 8.0, 48.0, 40.0), flip=False), 32)
    assert np.array_equal(plain, ramp[8:40, 16:48])  # unscaled: the pixels themselves
    flipped = batches.crop_of(ramp, batches.Cut(0, (16.0, 8.0, 48.0, 40.0), flip=True), 32)
    assert np.array_equal(flipped, plain[:, ::-1])
    smaller = batches.crop_of(ramp, batches.Cut(0, (16.0, 8.0, 80.0, 72.0 - 8), flip=False), 32)
    assert abs(float(smaller[16, 16, 0]) - 48) < 2


def test_a_picture_that_vanishes_is_a_refusal_also_from_a_loading_process(folder_of: Folder) -> None:
    folder = folder_of("a.png")
    found = settings(f"data.train={folder}", "data.workers=1")
    pictures = looked(found)
    (folder / "a.png").write_bytes(b"")
    with pytest.raises(Refusal) as refused:
        batch_of(found, pictures, 0, range(2))
    assert "a.png is no whole image" in refused.value.message
    assert "\n" not in refused.value.message


def test_the_middle_of_each_picture_is_looked_at(folder_of: Folder) -> None:
    folder = folder_of("a.png", width=40, height=50)
    pictures = looked(settings(f"data.train={folder}"))
    middle = batches.centre(pictures, 32)
    expected = read_pixels(folder / "a.png")[9:41, 4:36]
    assert middle.shape == (1, 3, 32, 32)
    assert torch.equal((middle[0] * 255).round().byte().permute(1, 2, 0), torch.from_numpy(expected))
