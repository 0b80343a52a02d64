"""A copy of a study for simulated participants, under another name; never of its participants or votes.

The copy asks as the study does at that moment: its design, its pairs, and the priorities that an adaptive study draws
by. From then on it is a study of its own: `prioritise` gives it others, and what the original gets changes it no more.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session as OrmSession

from study import deeds, loading
from study.errors import Refused
from study.models import Condition, Crop, Pair, Priority, Source, Stimulus, Study
from study.spec import parse, renamed

CONTEXT = ("context_x", "context_y", "context_width", "context_height")


def copy_study(db: OrmSession, name: str, new_name: str) -> Study:
    """An open simulation `new_name` that shows what `name` shows; the one that is there already is given back.

    Raises:
        Refused: there is no study `name`, or `new_name` is taken by people or by another design.
    """
    original = loading.find(db, name)
    spec = renamed(parse(original.design, f"the design of study {name}"), new_name)
    copy = loading.frozen(spec, original.stimuli_sha256, state="open", simulated=True)
    there = db.scalar(select(Study).where(Study.name == new_name))
    if there is not None:
        if not there.simulated:
            raise Refused(f"Study `{new_name}` is for people: name another copy with `--into`.")
        if there.config != copy.config:
            raise Refused(f"Study `{new_name}` simulates another design: name another copy with `--into`.")
        return there
    db.add(copy)
    db.flush()
    _copy_pairs(db, original, copy, _copy_stimuli(db, original, copy))
    if original.priorities_sha256 is not None:
        _copy_priorities(db, original, copy)
    return copy


def _copy_stimuli(db: OrmSession, original: Study, copy: Study) -> dict[int, int]:
    """The number of the copy of each stimulus."""
    sources = {
        old.id: Source(study_id=copy.id, name=old.name, sha256=old.sha256, width=old.width, height=old.height)
        for old in db.scalars(select(Source).where(Source.study_id == original.id).order_by(Source.id))
    }
    crops = {
        old.id: Crop(
            source=sources[old.source_id],
            **{name: getattr(old, name) for name in ("tag", "x", "y", "width", "height", *CONTEXT)},
        )
        for old in db.scalars(select(Crop).where(Crop.source_id.in_(sources)).order_by(Crop.id))
    }
    conditions = {
        old.id: Condition(study_id=copy.id, name=old.name, codec=old.codec, rate=old.rate)
        for old in db.scalars(select(Condition).where(Condition.study_id == original.id).order_by(Condition.id))
    }
    stimuli = {
        old.id: Stimulus(
            crop=crops[old.crop_id],
            condition=conditions[old.condition_id],
            **{name: getattr(old, name) for name in ("sha256", "context_sha256", "bpp")},
        )
        for old in db.scalars(
            select(Stimulus).join(Condition).where(Condition.study_id == original.id).order_by(Stimulus.id)
        )
    }
    db.add_all([*sources.values(), *crops.values(), *conditions.values(), *stimuli.values()])
    db.flush()
    return {old: new.id for old, new in stimuli.items()}


def _copy_pairs(db: OrmSession, original: Study, copy: Study, stimuli: Mapping[int, int]) -> None:
    """In their order and some at a time: a large study has over a million."""
    last = 0
    query = select(Pair.id, Pair.kind, Pair.a_id, Pair.b_id).where(Pair.study_id == original.id).order_by(Pair.id)
    while some := db.execute(query.where(Pair.id > last).limit(loading.AT_ONCE)).all():
        rows = [{"study_id": copy.id, "kind": kind, "a_id": stimuli[a], "b_id": stimuli[b]} for _, kind, a, b in some]
        db.execute(insert(Pair), rows)
        last = some[-1].id


def _copy_priorities(db: OrmSession, original: Study, copy: Study) -> None:
    """The weights of its pairs, which have the order of the original's; and the log says whence they came."""
    new = zip(_weights(db, original), _weights(db, copy), strict=True)
    rows = [{"pair_id": pair, "weight": weight} for (_, weight), (pair, _) in new if weight is not None]
    given = iter(rows)
    while some := list(islice(given, loading.AT_ONCE)):
        db.execute(insert(Priority), some)
    copy.priorities_sha256 = original.priorities_sha256
    said: dict[str, Any] = {"sha256": copy.priorities_sha256, "pairs": len(rows), "copied_from": original.name}
    for line in deeds.read(db, original.name, did=["prioritised"], newest=1):
        said["votes_sha256"] = line.detail.get("votes_sha256", "")
    deeds.record(db, deeds.COMMAND_LINE, "prioritised", copy.name, **said)


def _weights(db: OrmSession, study: Study) -> Iterator[tuple[int, float | None]]:
    """Every pair in the order of loading, with its weight, if it has one."""
    query = select(Pair.id, Priority.weight).outerjoin(Priority, Priority.pair_id == Pair.id)
    query = query.where(Pair.study_id == study.id).order_by(Pair.id).execution_options(yield_per=loading.AT_ONCE)
    return ((pair, weight) for pair, weight in db.execute(query))
