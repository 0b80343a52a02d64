"""Crops lie inside, show something, keep apart, and follow from seed and content alone."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.crops import CELL, ENOUGH, Crop, choose_crops, detail

Array = NDArray[np.uint8]


def noise(width: int, height: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


@given(st.integers(32, 150), st.integers(32, 150), st.integers(32, 90), st.integers(1, 5), st.text(max_size=8))
@settings(max_examples=80, deadline=None)
def test_crops_lie_wholly_inside_and_differ(width: int, height: int, size: int, count: int, seed: str) -> None:
    size = min(size, width, height)
    picture = noise(width, height)
    crops = choose_crops(picture, size, count, seed)
    assert 1 <= len(crops) <= count
    assert crops == choose_crops(picture, size, count, seed)
    for crop in crops:
        assert 0 <= crop.x <= width - size
        assert 0 <= crop.y <= height - size
        assert crop.of(picture).shape == (size, size, 3)
    for index, crop in enumerate(crops):
        assert all(crop.overlap(other) <= 0.5 for other in crops[index + 1 :])


def test_two_crops_keep_apart_where_there_is_room() -> None:
    for seed in range(40):
        first, second = choose_crops(noise(130, 70), 64, 2, str(seed))
        assert first.overlap(second) == 0


def test_a_picture_of_the_size_of_a_crop_gives_one() -> None:
    assert choose_crops(noise(100, 100), 100, 3, "s") == [Crop(0, 0, 100, 100)]


def test_the_seed_moves_the_crops_all_over() -> None:
    picture = noise(400, 300)
    corners = {choose_crops(picture, 64, 1, str(seed))[0] for seed in range(100)}
    assert len(corners) > 80
    assert min(crop.x for crop in corners) < 60
    assert max(crop.x for crop in corners) > 270


def test_blank_sky_is_avoided(photo: Callable[..., Array]) -> None:
    picture = np.empty((256, 512, 3), np.uint8)
    picture[:] = np.linspace(120, 200, 256).astype(np.uint8)[:, None, None]  # a smooth sky
    picture[160:, 256:] = photo(256, 96)  # and something in one corner
    picture[100:103, :] = 255  # one strong edge is no texture
    for seed in range(20):
        crop = choose_crops(picture, 96, 1, str(seed))[0]
        busy = crop.overlap(Crop(256, 160, 256, 96))
        assert busy > 0.5, crop


def test_detail_by_hand() -> None:
    picture = np.zeros((16, 24, 3), np.uint8)
    picture[:8, :8] = np.tile([[10], [20]], (4, 8))[..., None]  # variance 25 in the first of six cells
    expected = np.log2(26)
    assert detail(picture, 8) == pytest.approx(np.array([[expected, 0, 0], [0, 0, 0]]))
    assert detail(picture, 16) == pytest.approx(np.array([[expected / 4, 0]]))


@given(st.integers(20, 60), st.integers(20, 60), st.integers(8, 20))
@settings(max_examples=40, deadline=None)
def test_detail_is_the_mean_over_cells(width: int, height: int, size: int) -> None:
    picture = noise(width, height)
    scores = detail(picture, size)
    assert scores.shape == (-(-height // CELL) - -(-size // CELL) + 1, -(-width // CELL) - -(-size // CELL) + 1)
    luma = np.pad(picture @ [0.299, 0.587, 0.114], ((0, -height % CELL), (0, -width % CELL)), mode="edge")
    side = -(-size // CELL)
    for row, column in np.ndindex(*scores.shape):
        cells = [
            luma[y * CELL : (y + 1) * CELL, x * CELL : (x + 1) * CELL].var()
            for y in range(row, row + side)
            for x in range(column, column + side)
        ]
        assert scores[row, column] == pytest.approx(np.mean(np.log2(1 + np.array(cells))))


def test_only_places_with_enough_detail_are_chosen(photo: Callable[..., Array]) -> None:
    picture = photo(320, 240)
    picture[:, :160] = picture[:, :160] // 16 + 100  # little contrast on the left
    scores = detail(picture, 64)
    for seed in range(30):
        for crop in choose_crops(picture, 64, 2, str(seed)):
            assert scores[crop.y // CELL, crop.x // CELL] >= ENOUGH * scores.max()


def test_overlap_is_a_share_of_the_area() -> None:
    crop = Crop(0, 0, 10, 10)
    shares = [crop.overlap(Crop(x, y, 10, 10)) for x, y in ((0, 0), (5, 0), (5, 5), (10, 0), (30, 30))]
    assert shares == [1, 0.5, 0.25, 0, 0]


@given(st.data())
@settings(max_examples=200)
def test_a_window_holds_its_crop_and_is_moved_before_it_is_made_smaller(data: st.DataObject) -> None:
    whole = {side: data.draw(st.integers(1, 300)) for side in ("width", "height")}
    width, height = (data.draw(st.integers(1, whole[side])) for side in ("width", "height"))
    x, y = data.draw(st.integers(0, whole["width"] - width)), data.draw(st.integers(0, whole["height"] - height))
    margin = data.draw(st.integers(0, 120))
    crop, window = Crop(x, y, width, height), Crop(x, y, width, height).around(margin, **whole)
    assert crop.overlap(window) == 1
    assert Crop(0, 0, whole["width"], whole["height"]).overlap(window) == (
        window.width * window.height / (whole["width"] * whole["height"])
    )
    assert window.width == min(width + 2 * margin, whole["width"])
    assert window.height == min(height + 2 * margin, whole["height"])
    if x >= margin and x + width + margin <= whole["width"]:
        assert window.x == x - margin


def test_windows_by_hand() -> None:
    crop = Crop(10, 40, 20, 20)
    assert crop.around(5, 100, 100) == Crop(5, 35, 30, 30)
    assert crop.around(30, 100, 100) == Crop(0, 10, 80, 80)  # moved to the right by 20
    assert crop.around(50, 100, 110) == Crop(0, 0, 100, 110)  # 120 pixels are not there
    assert Crop(80, 80, 20, 20).around(8, 100, 100) == Crop(64, 64, 36, 36)
