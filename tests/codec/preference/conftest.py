"""Sources of two kinds, smooth and noisy, and labels of crops in which votes follow the kind."""

import csv
import itertools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.pixels import pixels_sha256
from codec.preference.labels import REQUIRED

SIDE = 96


@pytest.fixture
def source() -> Callable[..., np.ndarray]:
    """Pixels of a source: waves of its own, and noise upon them where it is noisy."""

    def make(number: int, *, noisy: bool) -> np.ndarray:
        rng = np.random.default_rng(number)
        rows, columns = np.mgrid[0:SIDE, 0:SIDE] / SIDE
        waves = sum(
            rng.normal()
            * np.sin(2 * np.pi * (rng.integers(1, 4) * rows + rng.integers(1, 4) * columns) + rng.uniform(0, 6))
            for _ in range(4)
        )
        plane = 128 + 30 * waves + (rng.normal(size=(SIDE, SIDE)) * 60 if noisy else 0)
        return np.repeat(np.clip(plane, 0, 255).astype(np.uint8)[:, :, None], 3, axis=2)

    return make


@pytest.fixture
def labelled(tmp_path: Path, source: Callable[..., np.ndarray]) -> Callable[..., tuple[Path, Path]]:
    """labels.csv and the folder of its sources; `cells` change every row, `first` numbers the sources."""

    def make(
        sources: int = 12, *, votes: int = 6, below: str = "one", first: int = 0, **cells: str
    ) -> tuple[Path, Path]:
        folder = tmp_path / below
        folder.mkdir()
        rng = np.random.default_rng(7 + first)
        rows = []
        for number, noisy in zip(range(first, first + sources), itertools.cycle((True, False)), strict=False):
            pixels = source(number, noisy=noisy)
            Image.fromarray(pixels).save(folder / f"s{number}.png")
            for x in (0, 48):
                won = int(rng.binomial(votes, 0.85 if noisy else 0.15))
                rows.append(row(f"s{number}", pixels_sha256(pixels), x, won, votes - won, noisy=noisy) | cells)
        path = tmp_path / f"{below}.csv"
        write(path, rows)
        return path, folder

    return make


def row(name: str, sha256: str, x: int, won: int, lost: int, *, noisy: bool) -> dict[str, str]:
    filled = dict.fromkeys(REQUIRED, "")
    filled |= {"source": name, "source_sha256": sha256, "tag": "texture" if noisy else "plain"}
    filled |= {"crop_x": str(x), "crop_y": "16", "crop_width": "48", "crop_height": "48"}
    filled |= {"hallucinated": "gan@0.14", "faithful": "mse@0.14", "rate": "0.14", "asks_for": "prefer"}
    filled |= {"reference": "on_demand", "layout": "side_by_side", "view": "crop", "simulated": "1", "study": "made"}
    filled |= {"votes": str(won + lost), "participants": str(won + lost), "votes_sha256": "a" * 64}
    return filled | {"hallucinated_votes": str(won), "faithful_votes": str(lost), "not_sure_votes": "0"}


def write(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, REQUIRED, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture
def change() -> Callable[..., None]:
    """Change cells of a line of a labels.csv, counted from 2 as editors do."""

    def make(path: Path, line: int, **cells: str) -> None:
        with path.open(newline="") as file:
            rows = list(csv.DictReader(file))
        rows[line - 2] |= cells
        write(path, rows)

    return make
