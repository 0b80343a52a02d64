"""The door from codec to study and analysis: `codec stimuli` writes the golden study folder, and it keeps the contract.

To write the golden folder again: delete it, and run this file's `write_golden` with its place.
"""

import csv
import hashlib
import json
import math
import re
import struct
import tomllib
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from codec.catch import degrade
from codec.cli import cli
from codec.metrics import psnr
from codec.pixels import pixels_sha256
from codec.sources import NAME
from codec.stimuli import SKIPPED_COLUMNS, STIMULI_COLUMNS

GOLDEN = Path(__file__).parent / "golden" / "stimuli"
CUTS = {"chelsea": (slice(60, 252), slice(100, 292)), "coffee": (slice(130, 322), slice(240, 432))}


def write_golden(folder: Path, work: Path) -> None:
    """Cut two CC0 photographs out of scikit-image, one of them tagged, and make the folder of them."""
    (work / "sources").mkdir(parents=True)
    for name, (rows, columns) in CUTS.items():
        Image.fromarray(getattr(data, name)()[rows, columns]).save(work / "sources" / f"{name}.png")
    (work / "tags.csv").write_text("file,tag\nchelsea.png,texture\n")
    settings = "--codecs jpeg,webp --rates 1.00 --crops 1 --crop-size 64 --context 36 --seed 1 --jobs 1"
    places = ["--sources", str(work / "sources"), "--tags", str(work / "tags.csv"), "-o", str(folder)]
    done = CliRunner().invoke(cli, ["stimuli", *settings.split(), *places], catch_exceptions=False)
    assert done.exit_code == 0, done.output


def table(folder: Path, name: str = "stimuli.csv") -> list[dict[str, str]]:
    with (folder / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def picture(folder: Path, row: dict[str, str], column: str = "path") -> np.ndarray:
    return np.array(Image.open(folder / row[column]))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("golden")
    write_golden(work / "stimuli", work)
    return work / "stimuli"


def test_the_writer_gives_the_golden_rows_and_pixels(written: Path) -> None:
    """Bytes of PNGs may differ with the build of zlib; nothing else may."""
    bytes_of_png = {"path", "sha256", "context_path", "context_sha256"}
    pairs = list(zip(table(written), table(GOLDEN), strict=True))
    assert len(pairs) == 8
    for new, old in pairs:
        assert {k: v for k, v in new.items() if k not in bytes_of_png} == {
            k: v for k, v in old.items() if k not in bytes_of_png
        }
        for column in ("path", "context_path"):
            assert np.array_equal(picture(written, new, column), picture(GOLDEN, old, column))
    for name in ("study.toml", "skipped.csv", "recipe.json"):
        assert (written / name).read_bytes() == (GOLDEN / name).read_bytes()


def test_nothing_else_is_left_in_the_folder(written: Path) -> None:
    expected = {"images", "recipe.json", "skipped.csv", "stimuli.csv", "study.toml"}
    assert {path.name for path in written.iterdir()} == expected == {path.name for path in GOLDEN.iterdir()}
    named = {row[column] for row in table(GOLDEN) for column in ("path", "context_path")}
    assert {f"images/{path.name}" for path in (GOLDEN / "images").iterdir()} == named


def test_the_tables_have_the_columns_of_the_contract() -> None:
    for name, columns in (("stimuli.csv", STIMULI_COLUMNS), ("skipped.csv", SKIPPED_COLUMNS)):
        raw = (GOLDEN / name).read_bytes()
        assert raw.decode().split("\n")[0].split(",") == list(columns)
        assert b"\r" not in raw
        assert raw.endswith(b"\n")


def test_every_crop_has_its_reference_its_stimuli_and_its_catch() -> None:
    rows = table(GOLDEN)
    for name in CUTS:
        mine = [row for row in rows if row["source"] == name]
        assert [row["condition"] for row in mine] == ["reference", "jpeg@1.00", "webp@1.00", "catch"]
        assert len({(row["crop_x"], row["crop_y"]) for row in mine}) == 1
    assert {row["source"]: row["tag"] for row in rows} == {"chelsea": "texture", "coffee": ""}


def test_sources_are_known_by_content_and_references_are_cut_out_of_them() -> None:
    for row in table(GOLDEN):
        rows, columns = CUTS[row["source"]]
        source = getattr(data, row["source"])()[rows, columns]
        x, y, side = int(row["crop_x"]), int(row["crop_y"]), int(row["crop_width"])
        assert row["source_sha256"] == pixels_sha256(source)
        assert (row["source_width"], row["source_height"], row["crop_height"]) == ("192", "192", "64")
        reference = source[y : y + side, x : x + side]
        if row["condition"] == "reference":
            assert np.array_equal(picture(GOLDEN, row), reference)
        assert float(row["psnr"]) == pytest.approx(psnr(reference, picture(GOLDEN, row)), abs=1e-4)
        assert row["ms_ssim"] == ""  # sides up to 160


def test_windows_are_cut_around_the_crops_out_of_the_same_pictures() -> None:
    """36 pixels on every side, moved where they would leave the source; the catch's window is degraded on its own."""
    for row in table(GOLDEN):
        x, y, width, height = (int(row[f"context_{name}"]) for name in ("x", "y", "width", "height"))
        left, top = int(row["crop_x"]), int(row["crop_y"])
        assert (width, height) == (136, 136)
        assert (x, y) == (min(max(left - 36, 0), 192 - 136), min(max(top - 36, 0), 192 - 136))
        window = picture(GOLDEN, row, "context_path")
        inside = window[top - y : top - y + 64, left - x : left - x + 64]
        rows, columns = CUTS[row["source"]]
        source = getattr(data, row["source"])()[rows, columns][y : y + height, x : x + width]
        if row["condition"] == "reference":
            assert np.array_equal(window, source)
        if row["condition"] == "catch":
            assert np.array_equal(window, degrade(source).pixels)
        else:
            assert np.array_equal(inside, picture(GOLDEN, row))
    assert {row["context_y"] for row in table(GOLDEN) if row["source"] == "coffee"} == {"56"}  # moved by 4 pixels


def test_cells_by_kind_of_row() -> None:
    for row in table(GOLDEN):
        assert all(NAME.fullmatch(row[name]) for name in ("source", "condition"))
        assert (row["model"], row["leak"]) == ("", "0")
        measured = [row[name] for name in ("rate", "rate_matched", "bpp", "bytes", "encoder", "bitstream_sha256")]
        if row["condition"] == "reference":
            assert (row["codec"], *measured) == ("",) * 7
            assert float(row["psnr"]) == math.inf
            continue
        pixels = 64 * 64 if row["condition"] == "catch" else 192 * 192
        assert float(row["bpp"]) == pytest.approx(int(row["bytes"]) * 8 / pixels, abs=1e-6)
        assert re.fullmatch(r"[0-9a-f]{64}", row["bitstream_sha256"])
        assert "quality=" in row["encoder"]
        if row["condition"] == "catch":
            assert (row["codec"], row["rate"], row["rate_matched"]) == ("catch", "", "")
            assert float(row["psnr"]) < 22
        else:
            assert row["condition"] == f"{row['codec']}@{row['rate']}"
            assert (row["rate_matched"], abs(float(row["bpp"]) - 1) <= 0.05) == ("1", True)


@pytest.mark.parametrize(("prefix", "side"), [("", 64), ("context_", 136)])
def test_images_are_plain_png_named_by_content(prefix: str, side: int) -> None:
    for row in table(GOLDEN):
        raw = (GOLDEN / row[f"{prefix}path"]).read_bytes()
        assert row[f"{prefix}sha256"] == hashlib.sha256(raw).hexdigest() == Path(row[f"{prefix}path"]).stem
        kinds, place = [], 8
        while place < len(raw):
            length, kind = struct.unpack_from(">I4s", raw, place)
            kinds.append(kind)
            place += length + 12
        assert set(kinds) == {b"IHDR", b"IDAT", b"IEND"}
        assert struct.unpack_from(">IIBB", raw, 16) == (side, side, 8, 2)


def test_the_default_study_states_the_defaults_of_the_contract() -> None:
    page = (Path(__file__).parents[2] / "docs/formats.md").read_text().split("\n## study.toml\n")[1].split("\n## ")[0]
    documented = dict(re.findall(r"^\| `([a-z.]+(?:_[a-z_]+)*)` \| (.*?) \|", page, re.MULTILINE))
    study = tomllib.loads((GOLDEN / "study.toml").read_text())
    keys = {f"{part}.{key}": value for part, values in study.items() for key, value in values.items()}
    assert {"study.kind", "design.trials", "links.completion"} < keys.keys() < documented.keys()
    for key, value in keys.items():
        shown = "empty" if value == "" else str(value).lower()
        assert re.search(rf"(^|[ ,`]){re.escape(shown)}([ ,`]|$)", documented[key]), (key, value)


def test_the_recipe_names_what_the_folder_was_made_from() -> None:
    recipe = json.loads((GOLDEN / "recipe.json").read_text())
    assert {photograph["source"]: photograph["source_sha256"] for photograph in recipe["photographs"]} == {
        row["source"]: row["source_sha256"] for row in table(GOLDEN)
    }
    assert (recipe["rates"], recipe["tolerance"], recipe["seed"], recipe["context"], list(recipe["codecs"])) == (
        ["1.00"], 0.05, 1, 36, ["jpeg", "webp"],
    )  # fmt: skip
