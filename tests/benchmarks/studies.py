"""A study to measure on: real images of noise, loaded and copied for simulated participants as researchers do it."""

import csv
import hashlib
import io
from pathlib import Path

import numpy as np
from PIL import Image

from study import copying, loading
from study.db import Database
from study.folder import STIMULI_COLUMNS, read

NAME = "bench"
SIDE = 32
CONDITIONS = ("reference", "catch", "avif@0.50", "jpeg@0.50", "webp@0.50")
SECRET = "a secret of forty characters for a benchmark"  # noqa: S105 - of no server


def make(database: Database, media: Path, folder: Path, *, sources: int = 40, toml: str = "") -> None:
    """Make, load and open a simulation named `bench` with three rating pairs a source."""
    (folder / "images").mkdir(parents=True)
    rows = [_row(folder, source, condition) for source in range(sources) for condition in CONDITIONS]
    table = io.StringIO()
    writer = csv.DictWriter(table, STIMULI_COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    (folder / "stimuli.csv").write_text(table.getvalue(), encoding="utf-8")
    (folder / "study.toml").write_text(toml, encoding="utf-8")
    found = read(folder)
    loading.load(database, found, found.spec, media)
    with database.write() as db:
        loading.change_state(db, found.spec.study.name, "open")
        copying.copy_study(db, found.spec.study.name, NAME)


def _row(folder: Path, source: int, condition: str) -> dict[str, str]:
    drawn = np.random.default_rng([source, CONDITIONS.index(condition)])
    image = Image.fromarray(drawn.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8))
    file = io.BytesIO()
    image.save(file, "PNG")
    digest = hashlib.sha256(file.getvalue()).hexdigest()
    (folder / "images" / f"{digest}.png").write_bytes(file.getvalue())
    codec, _, rate = condition.partition("@")
    name = f"source{source}"
    return dict.fromkeys(STIMULI_COLUMNS, "") | {
        "source": name, "source_sha256": hashlib.sha256(name.encode()).hexdigest(), "source_width": "64",
        "source_height": "64", "crop_x": "0", "crop_y": "0", "crop_width": str(SIDE), "crop_height": str(SIDE),
        "condition": condition, "codec": "" if condition == "reference" else codec, "rate": rate,
        "rate_matched": "1" if rate else "", "path": f"images/{digest}.png", "sha256": digest, "bpp": rate,
        "leak": "0",
    }  # fmt: skip
