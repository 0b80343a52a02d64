"""The rows of votes.csv, streamed: a study of any size passes through in the memory of a few thousand rows.

What a vote says of images is the same for every vote on them, so its cells are made once, before the first vote; one
statement then gives the votes in the order of saving, through a cursor of the server's.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import DateTime, Double, String, select, type_coerce
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import folder
from study.dictionary import VOTES
from study.models import (
    Condition,
    Crop,
    Pair,
    Participant,
    Session,
    Source,
    Stimulus,
    Study,
    Trial,
    UtcDateTime,
    Vote,
    taking_part,
)
from study.scheduling import spec_of
from study.spec import Spec

COLUMNS = tuple(column.name for column in VOTES)
AT_ONCE = 5000
"""Rows that are fetched and held at a time."""
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet runs, where a cell begins with it."""

_OF_STUDY = ("study", "config", "reference", "layout", "view")
_OF_CROP = ("source", "source_sha256", "tag", "crop_x", "crop_y", "crop_width", "crop_height", "reference_sha256")
_OF_SIDE = ("", "_codec", "_rate", "_bpp", "_sha256")
_OF_TRIAL = ("kind", "block", "position", "expected", "strategy", "probability", "shown_at", "reloads")
_OF_VOTE = tuple(column.key for column in Vote.__table__.columns if column.key in COLUMNS)
_FLAT = (
    *_OF_STUDY,
    *_OF_CROP,
    *(f"{side}{suffix}" for side in ("left", "right") for suffix in _OF_SIDE),
    *("asks_for", "participant", "session", "trial", *_OF_TRIAL, "vote", *_OF_VOTE),
)
_IN_ORDER = itemgetter(*(_FLAT.index(name) for name in COLUMNS))
Cells = tuple[str, ...]


class _Shown(NamedTuple):
    """The cells that a stimulus brings into every vote on it: of its side, and of its crop."""

    side: Cells
    crop: Cells


def rows(db: OrmSession, study: Study) -> Iterator[Cells]:
    """Every vote of the study with everything that stood around it, as cells in the order of `COLUMNS`."""
    spec = spec_of(study)
    constant = tuple(map(cell, (study.name, study.config, spec.study.reference, spec.study.layout, spec.study.view)))
    shown, asked = _shown(db, study, spec), spec.study.asks_for
    with db.connection().execute(_query(study).execution_options(yield_per=AT_ONCE)) as found:
        for a, b, flipped, asks_for, *measured in found:
            left, right = (b, a) if flipped else (a, b)
            if measured[_KIND] == "identical":
                right = left
            of_left = shown[left]
            yield _IN_ORDER(
                (*constant, *of_left.crop, *of_left.side, *shown[right].side, asks_for or asked, *map(cell, measured))
            )


def records(db: OrmSession, study: Study) -> Iterator[dict[str, str]]:
    """The same by the names of the columns, for a look at single votes."""
    return (dict(zip(COLUMNS, row, strict=True)) for row in rows(db, study))


def cell(value: object) -> str:
    """A value as docs/formats.md writes it; text that a spreadsheet would run as a formula gets an apostrophe."""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(FORMULA) else value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
    return str(value)


def _shown(db: OrmSession, study: Study, spec: Spec) -> Mapping[int, _Shown]:
    """Each stimulus of the study by its number; the hashes are those of the images that were shown."""
    image = "context_sha256" if spec.study.view == "context" else "sha256"
    reference, of_reference = aliased(Stimulus), aliased(Condition)
    side = (Condition.name, Condition.codec, Condition.rate, Stimulus.bpp, getattr(Stimulus, image))
    crop = (Source.name, Source.sha256, Crop.tag, Crop.x, Crop.y, Crop.width, Crop.height, getattr(reference, image))
    query = (
        select(Stimulus.id, *side, *crop)
        .join(Condition, Condition.id == Stimulus.condition_id)
        .join(Crop, Crop.id == Stimulus.crop_id)
        .join(Source, Source.id == Crop.source_id)
        .join(reference, reference.crop_id == Crop.id)
        .join(of_reference, of_reference.id == reference.condition_id)
        .where(Source.study_id == study.id, of_reference.name == folder.REFERENCE)
    )
    shown, crops = {}, dict[Cells, Cells]()
    with db.connection().execute(query.execution_options(yield_per=AT_ONCE)) as found:
        for number, *values in found:
            cells = tuple(map(cell, values))
            of_crop = cells[len(side) :]
            shown[number] = _Shown(cells[: len(side)], crops.setdefault(of_crop, of_crop))
    return shown


def _query(study: Study) -> Any:
    """The votes, in the order of saving."""
    return (
        select(
            *(Pair.a_id, Pair.b_id, Trial.flipped, _plain(Session.asks_for)),
            *(Participant.pseudonym, Session.id, Trial.id, *(_plain(getattr(Trial, name)) for name in _OF_TRIAL)),
            *(Vote.id, *(_plain(getattr(Vote, name)) for name in _OF_VOTE)),
        )
        .select_from(Vote)
        .join(Trial, Trial.id == Vote.trial_id)
        .join(Session, Session.id == Trial.session_id)
        .join(Participant, Participant.id == Session.participant_id)
        .join(Pair, Pair.id == Trial.pair_id)
        .where(taking_part(study.id))
        .order_by(Vote.id)
    )


_KIND = 3 + _OF_TRIAL.index("kind")
"""Where a trial's kind stands in what `_query` gives, after the four values that become no cells."""


def _plain(column: Any) -> Any:
    """The column with values as the database gives them: to look words up in enumerations takes half of the time."""
    kind = getattr(column, "type", None)
    if isinstance(kind, UtcDateTime):
        return type_coerce(column, DateTime)
    if isinstance(kind, String):
        return type_coerce(column, String)
    return type_coerce(column, Double) if isinstance(kind, Double) else column
