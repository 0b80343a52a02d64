"""The door from codec to study: the golden study folder is read and loaded as it stands."""

from dataclasses import astuple
from pathlib import Path

from sqlalchemy import func, select

from study import loading
from study.copying import copy_study
from study.db import Database
from study.folder import CATCH, REFERENCE, STIMULI_COLUMNS, read
from study.models import Condition, Crop, Pair, Source, Stimulus, Study
from study.spec import parse

GOLDEN = Path(__file__).parent / "golden" / "stimuli"


def test_the_golden_folder_is_read_whole() -> None:
    found = read(GOLDEN)
    header, *lines = (GOLDEN / "stimuli.csv").read_text(encoding="utf-8").splitlines()
    assert set(STIMULI_COLUMNS) <= set(header.split(","))
    assert len(found.stimuli) == len(lines)
    conditions = {row.condition for row in found.stimuli}
    assert {REFERENCE, CATCH} < conditions
    named = {(GOLDEN / image.path).name for row in found.stimuli for image in row.images}
    assert named == {path.name for path in (GOLDEN / "images").iterdir()}
    assert all(row.window and row.window.width == row.window.height == 136 for row in found.stimuli)


def test_the_golden_folder_is_loaded_whole(database: Database, tmp_path: Path) -> None:
    found = read(GOLDEN)
    loading.load(database, found, found.spec, tmp_path / "media")
    with database.read() as db:
        stored = db.execute(
            select(Source.name, Source.sha256, Crop.tag, Crop.x, Crop.width, Condition.name, Condition.codec,
                   Condition.rate, Stimulus.sha256, Stimulus.bpp, Stimulus.context_sha256, Crop.context_x,
                   Crop.context_y, Crop.context_width, Crop.context_height)
            .join(Crop, Crop.source_id == Source.id).join(Stimulus, Stimulus.crop_id == Crop.id)
            .join(Condition, Condition.id == Stimulus.condition_id).order_by(Stimulus.id)
        ).all()  # fmt: skip
        assert [tuple(row) for row in stored] == [
            (row.crop.source.name, row.crop.source.sha256, row.crop.tag, row.crop.x, row.crop.width, row.condition,
             row.codec, row.rate, row.sha256, row.bpp, row.context_sha256, *astuple(row.window))
            for row in found.stimuli
        ]  # fmt: skip
        kinds = dict(db.execute(select(Pair.kind, func.count()).group_by(Pair.kind)).all())
    crops = {row.crop for row in found.stimuli}
    assert kinds == {"rating": len(crops), "catch": len(crops)}  # two codecs at one rate
    for image in (image for row in found.stimuli for image in row.images):
        assert (tmp_path / "media" / f"{image.sha256}.png").read_bytes() == (GOLDEN / image.path).read_bytes()


def test_the_golden_folder_can_be_shown_with_its_surroundings(database: Database, tmp_path: Path) -> None:
    found = read(GOLDEN)
    spec = parse('[study]\nname = "wide"\nview = "context"')
    loading.load(database, found, spec, tmp_path / "media")
    with database.write() as db:
        copy_study(db, "wide", "copy")
        columns = (Stimulus.context_sha256, Crop.context_x, Crop.context_y, Crop.context_width, Crop.context_height)
        shown = {
            name: db.execute(
                select(*columns).join(Crop).join(Condition).join(Study)
                .where(Study.name == name).order_by(Stimulus.id)
            ).all()
            for name in ("wide", "copy")
        }  # fmt: skip
    assert len(shown["wide"]) == len(found.stimuli)
    assert shown["copy"] == shown["wide"]
