"""The door from codec to study: the golden study folder is read and loaded as it stands."""

from pathlib import Path

from sqlalchemy import func, select

from study import loading
from study.db import Database
from study.folder import CATCH, REFERENCE, STIMULI_COLUMNS, read
from study.models import Condition, Crop, Pair, Source, Stimulus

GOLDEN = Path(__file__).parent / "golden" / "stimuli"


def test_the_golden_folder_is_read_whole() -> None:
    found = read(GOLDEN)
    header, *lines = (GOLDEN / "stimuli.csv").read_text(encoding="utf-8").splitlines()
    assert set(STIMULI_COLUMNS) <= set(header.split(","))
    assert len(found.stimuli) == len(lines)
    conditions = {row.condition for row in found.stimuli}
    assert {REFERENCE, CATCH} < conditions
    assert {(GOLDEN / row.path).name for row in found.stimuli} == {path.name for path in (GOLDEN / "images").iterdir()}


def test_the_golden_folder_is_loaded_whole(database: Database, tmp_path: Path) -> None:
    found = read(GOLDEN)
    loading.load(database, found, found.spec, tmp_path / "media")
    with database.read() as db:
        stored = db.execute(
            select(Source.name, Source.sha256, Crop.tag, Crop.x, Crop.width, Condition.name, Condition.codec,
                   Condition.rate, Stimulus.sha256, Stimulus.bpp)
            .join(Crop, Crop.source_id == Source.id).join(Stimulus, Stimulus.crop_id == Crop.id)
            .join(Condition, Condition.id == Stimulus.condition_id).order_by(Stimulus.id)
        ).all()  # fmt: skip
        assert [tuple(row) for row in stored] == [
            (row.crop.source.name, row.crop.source.sha256, row.crop.tag, row.crop.x, row.crop.width, row.condition,
             row.codec, row.rate, row.sha256, row.bpp)
            for row in found.stimuli
        ]  # fmt: skip
        kinds = dict(db.execute(select(Pair.kind, func.count()).group_by(Pair.kind)).all())
    crops = {row.crop for row in found.stimuli}
    assert kinds == {"rating": len(crops), "catch": len(crops)}  # two codecs at one rate
    for row in found.stimuli:
        assert (tmp_path / "media" / f"{row.sha256}.png").read_bytes() == (GOLDEN / row.path).read_bytes()
