"""priorities.csv in: which pairs an adaptive study wants votes of, read strictly and put in place of those before."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import deeds, loading
from study.db import Database
from study.errors import Refused
from study.folder import sha256
from study.models import Condition, Crop, Pair, Priority, Source, Stimulus, Study
from study.rows import Row, rows, shown
from study.scheduling import spec_of

CROP = ("crop_x", "crop_y", "crop_width", "crop_height")
COLUMNS = ("source", *CROP, "condition_a", "condition_b", "priority")
"""What the reader demands; `simulated` and `votes_sha256` it uses where they are there."""
LEAST = {"crop_x": 0, "crop_y": 0, "crop_width": 1, "crop_height": 1}
MADE_BY = "make the file with `manage.py analysis priorities`"
AT_ONCE = 10_000

Rectangle = tuple[int, ...]
Key = tuple[str, Rectangle, tuple[str, str]]
"""Source and crop, empty where all are meant, and the two conditions in the order of their names."""


@dataclass(frozen=True)
class Wish:
    """A line of the file: how much votes of a pair are wanted there, 0 or more."""

    line: int
    key: Key
    weight: float


@dataclass(frozen=True)
class Wishes:
    """A file without a fault in itself; `simulated` is the line that says so, `votes_sha256` of the votes behind it."""

    path: Path
    sha256: str
    lines: tuple[Wish, ...]
    simulated: int | None
    votes_sha256: str


@dataclass(frozen=True)
class Given:
    """What became of it: so many pairs of so many are drawn by their weights from now on."""

    pairs: int
    of: int
    sha256: str
    votes_sha256: str


def read(path: Path) -> Wishes:
    """Read a whole priorities.csv.

    Raises:
        Refused: the first fault, with file, line, column and remedy.
    """
    content = path.read_bytes()
    first: dict[Key, int] = {}
    lines, simulated, made_from = [], None, ""
    for row in rows(path, content, COLUMNS, ("simulated", "votes_sha256"), MADE_BY):
        wish = _wish(row)
        if first.setdefault(wish.key, row.line) != row.line:
            raise row.refuse("condition_a", f"says again what line {first[wish.key]} says; delete one of them.")
        lines.append(wish)
        if row.cells["simulated"] and row.flag("simulated"):
            simulated = simulated or row.line
        digest = row.hash("votes_sha256") if row.cells["votes_sha256"] else made_from
        if made_from not in {"", digest}:
            raise row.refuse("votes_sha256", f"is of other votes than the lines before; {MADE_BY} from one votes.csv.")
        made_from = digest
    return Wishes(path, sha256(content), tuple(lines), simulated, made_from)


def give(database: Database, name: str, wishes: Wishes, *, who: str = deeds.COMMAND_LINE) -> Given:
    """Put these priorities in the place of the study's, for sessions that begin from now on.

    Pairs are looked up before anything is locked, so that nobody's vote waits for a large file.

    Raises:
        Refused: the study is closed or not adaptive, a line speaks of nothing that it has, or simulated votes are
            behind priorities for people.
    """
    with database.read() as db:
        study = loading.find(db, name)
        _check(study, wishes)
        known = _known(db, study, wishes)
        weights, of = _weights(db, study, known)
    with database.write() as db:
        now = loading.find(db, name, lock=True)
        _check(now, wishes)
        if (now.id, now.config) != (study.id, study.config):
            raise Refused(f"Study `{name}` was loaded anew meanwhile: run the same again.")
        _replace(db, now, weights)
        now.priorities_sha256 = wishes.sha256
        said = {"sha256": wishes.sha256, "votes_sha256": wishes.votes_sha256, "pairs": len(weights)}
        deeds.record(db, who, "prioritised", name, **said)
    return Given(len(weights), of, wishes.sha256, wishes.votes_sha256)


def _wish(row: Row) -> Wish:
    source = row.name("source", empty=True)
    given = [column for column in CROP if row.cells[column]]
    if given and (len(given) < len(CROP) or not source):
        lacks = next((column for column in ("source", *CROP) if not row.cells[column]), "source")
        raise row.refuse(lacks, "is empty, but a crop needs its source and all four numbers; fill them in or none.")
    crop = tuple(row.whole(column, LEAST[column]) for column in given)
    a, b = row.name("condition_a"), row.name("condition_b")
    if a == b:
        raise row.refuse("condition_b", f"is {shown(b)} as well; a pair has two conditions.")
    return Wish(row.line, (source, crop, (min(a, b), max(a, b))), _weight(row))


def _weight(row: Row) -> float:
    text = row.cells["priority"]
    try:
        weight = float(text) if text.isascii() and "_" not in text else math.nan
    except ValueError:
        weight = math.nan
    if not math.isfinite(weight) or weight < 0:
        raise row.refuse("priority", f"{shown(text)} is no number of at least 0: write a weight with a decimal point.")
    return weight


def _check(study: Study, wishes: Wishes) -> None:
    strategy = spec_of(study).design.strategy
    if study.state == "closed":
        raise Refused(f"Study `{study.name}` is closed and draws no pairs any more: give priorities to an open one.")
    if strategy != "adaptive":
        raise Refused(
            f'Study `{study.name}` has `design.strategy` "{strategy}" and draws by no priorities: '
            'load a version of it with "adaptive".'
        )
    if wishes.simulated and not study.simulated:
        raise Refused(
            f"{wishes.path}, line {wishes.simulated}, column `simulated`: these priorities come from simulated votes, "
            f"but study `{study.name}` asks people; make them from its own votes."
        )


def _known(db: OrmSession, study: Study, wishes: Wishes) -> Wishes:
    """The same, where every name is one of the study's.

    Raises:
        Refused: a condition, source or crop is not.
    """
    conditions = set(db.scalars(select(Condition.name).where(Condition.study_id == study.id)))
    at = (Source.name, Crop.x, Crop.y, Crop.width, Crop.height)
    crops = {
        (name, tuple(crop)) for name, *crop in db.execute(select(*at).join(Source).where(Source.study_id == study.id))
    }
    sources = {name for name, _ in crops}
    for wish in wishes.lines:
        source, crop, (a, b) = wish.key
        where = f"{wishes.path}, line {wish.line}: study `{study.name}` has"
        for condition in (a, b):
            if condition not in conditions:
                raise Refused(f"{where} no condition `{condition}`; correct the name or delete the line.")
        if source and source not in sources:
            raise Refused(f"{where} no source `{source}`; correct the name or delete the line.")
        if crop and (source, crop) not in crops:
            raise Refused(f"{where} no crop {', '.join(map(str, crop))} of `{source}`; correct it or delete the line.")
    return wishes


def _weights(db: OrmSession, study: Study, wishes: Wishes) -> tuple[dict[int, float], int]:
    """The weights above 0 by pair, and how many pairs the study has; the line that says most of a pair counts.

    Raises:
        Refused: a line matches no pair, or none has a weight.
    """
    said, of = {wish.key: wish for wish in wishes.lines}, 0
    used: set[int] = set()
    weights: dict[int, float] = {}
    for of, (pair, places) in enumerate(_pairs(db, study), start=1):  # noqa: B007 - the count is wanted
        matching = [said[key] for key in places if key in said]
        used.update(wish.line for wish in matching)
        if matching and matching[0].weight:
            weights[pair] = matching[0].weight
    for wish in wishes.lines:
        if wish.line not in used:
            a, b = wish.key[2]
            raise Refused(
                f"{wishes.path}, line {wish.line}: study `{study.name}` does not ask about `{a}` against `{b}` there; "
                "correct the line or delete it."
            )
    if not weights:
        raise Refused(f"{wishes.path} has no priority above 0, so there is nothing to draw by; {MADE_BY}.")
    return weights, of


def _pairs(db: OrmSession, study: Study) -> Iterator[tuple[int, tuple[Key, Key, Key]]]:
    """Every rating pair with the keys that speak of it: its crop, its source, and everywhere."""
    a, b, of_a, of_b = aliased(Stimulus), aliased(Stimulus), aliased(Condition), aliased(Condition)
    query = (
        select(Pair.id, of_a.name, of_b.name, Source.name, Crop.x, Crop.y, Crop.width, Crop.height)
        .join(a, a.id == Pair.a_id)
        .join(b, b.id == Pair.b_id)
        .join(of_a, of_a.id == a.condition_id)
        .join(of_b, of_b.id == b.condition_id)
        .join(Crop, Crop.id == a.crop_id)
        .join(Source)
        .where(Pair.study_id == study.id, Pair.kind == "rating")
        .execution_options(yield_per=AT_ONCE)
    )
    for pair, one, other, source, *crop in db.execute(query):
        names = min(one, other), max(one, other)
        yield pair, ((source, tuple(crop), names), (source, (), names), ("", (), names))


def _replace(db: OrmSession, study: Study, weights: dict[int, float]) -> None:
    db.execute(delete(Priority).where(Priority.pair_id.in_(select(Pair.id).where(Pair.study_id == study.id))))
    new = ({"pair_id": pair, "weight": weight} for pair, weight in weights.items())
    while some := list(islice(new, AT_ONCE)):
        db.execute(insert(Priority), some)
