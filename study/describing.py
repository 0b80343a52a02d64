"""What the trial page is told: the open trial and the next one, images by content, nothing that names a condition."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, bindparam, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study.errors import NotOpen
from study.folder import REFERENCE
from study.models import Condition, Crop, Pair, Stimulus
from study.spec import Spec, Texts
from study.steps import Place, Reader, Standing

Image = dict[str, Any]
KEPT = 20_000
"""How many pairs' pictures a server process remembers, about a kilobyte each."""


@dataclass(frozen=True)
class Pictures:
    """The images of a pair and of its original, and the crop: `outline` is where it lies inside a larger window."""

    a: Image
    b: Image
    reference: Image
    width: int
    height: int
    outline: dict[str, int] | None


def describe(db: Reader, here: Place, spec: Spec, texts: Texts) -> dict[str, Any]:
    """What `GET /s/NAME/trial` answers; `texts` are the session's."""
    return _described(db, here, spec, texts, (here.trial, here.following))


def describe_last(db: Reader, here: Place, spec: Spec, texts: Texts) -> dict[str, Any]:
    """What `GET /s/NAME/last` answers: the trial whose vote may be corrected, and the open one after it.

    Raises:
        NotOpen: no vote may be corrected.
    """
    if here.undo is None:
        raise NotOpen("Your last answer cannot be changed any more.")
    return _described(db, here, spec, texts, (here.undo, here.trial), correcting=True)


def pictures(db: Reader, spec: Spec, trials: Iterable[Standing]) -> Mapping[int, Pictures]:
    """The pictures of these trials' pairs, by pair. An open study's images never change, so each is read once."""
    connection = db.connection() if isinstance(db, OrmSession) else db
    kept: dict[tuple[str, int], Pictures] = connection.info["pictures"]
    found = {pair: kept.get((spec.study.view, pair)) for pair in {trial.pair_id for trial in trials}}
    missing = sorted(pair for pair, seen in found.items() if seen is None)
    read = _read(connection, missing, context=spec.study.view == "context") if missing else {}
    if len(kept) > KEPT:
        kept.clear()
    kept.update({(spec.study.view, pair): seen for pair, seen in read.items()})
    return {pair: seen for pair, seen in (found | read).items() if seen is not None}


def _described(
    db: Reader,
    here: Place,
    spec: Spec,
    texts: Texts,
    shown: Iterable[Standing | None],
    *,
    correcting: bool = False,
) -> dict[str, Any]:
    trials = [trial for trial in shown if trial is not None]
    seen = pictures(db, spec, trials)
    told = [
        _trial(trial, spec, seen[trial.pair_id], texts.question, correcting=correcting and trial is here.undo)
        for trial in trials
    ]
    return {
        "step": here.step,
        "trial": told[0] if told else None,
        "next": told[1] if len(told) > 1 else None,
        "progress": asdict(here.progress),
        "undo": here.undo is not None,
    }


def _trial(trial: Standing, spec: Spec, seen: Pictures, question: str, *, correcting: bool) -> dict[str, Any]:
    left, right = (seen.b, seen.a) if trial.flipped else (seen.a, seen.b)
    return {
        "id": trial.public,
        "key": trial.correction_key if correcting else trial.key,
        "practice": trial.kind == "practice",
        "correcting": {"choice": trial.cast} if correcting else None,
        "layout": spec.study.layout,
        "reference_mode": spec.study.reference,
        "flicker_ms": spec.study.flicker_ms,
        "loupe": spec.study.loupe,
        "mark_region": spec.study.mark_region,
        "question": question,
        "choices": ["left", "right", *(["not_sure"] if spec.study.not_sure else [])],
        "minimum_view_ms": spec.design.minimum_view_ms,
        "device_pixels_per_pixel": spec.study.device_pixels_per_pixel,
        "outline": seen.outline,
        "left": left,
        "right": left if trial.kind == "identical" else right,
        "reference": seen.reference if spec.study.reference != "never" else None,
    }


def _read(connection: Connection, pairs: list[int], *, context: bool) -> dict[int, Pictures]:
    return {row.pair: _pictures(row, context=context) for row in connection.execute(_PICTURES, {"pairs": pairs})}


def _pictures(row: Row[Any], *, context: bool) -> Pictures:
    width, height = (row.context_width, row.context_height) if context else (row.width, row.height)
    images = {
        name: {"url": f"/media/{sha256}.png", "sha256": sha256, "width": width, "height": height}
        for name in ("a", "b", "reference")
        for sha256 in (getattr(row, f"{name}_context" if context else name),)
    }
    where = {"x": row.x - row.context_x, "y": row.y - row.context_y} if context else {}
    outline = {**where, "width": row.width, "height": row.height} if context else None
    return Pictures(**images, width=row.width, height=row.height, outline=outline)


def _pictures_query() -> Any:
    a, b, reference = aliased(Stimulus), aliased(Stimulus), aliased(Stimulus)
    columns = [
        column.label(f"{name}{suffix}")
        for name, stimulus in (("a", a), ("b", b), ("reference", reference))
        for suffix, column in (("", stimulus.sha256), ("_context", stimulus.context_sha256))
    ]
    crop = (Crop.x, Crop.y, Crop.width, Crop.height)
    context = (Crop.context_x, Crop.context_y, Crop.context_width, Crop.context_height)
    return (
        select(Pair.id.label("pair"), *crop, *context, *columns)
        .join(a, a.id == Pair.a_id)
        .join(b, b.id == Pair.b_id)
        .join(Crop, Crop.id == a.crop_id)
        .join(reference, reference.crop_id == Crop.id)
        .join(Condition, Condition.id == reference.condition_id)
        .where(Pair.id.in_(bindparam("pairs", expanding=True)), Condition.name == REFERENCE)
    )


_PICTURES = _pictures_query()
