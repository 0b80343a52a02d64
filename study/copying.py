"""A copy of a study's design under another name, for simulated participants; never of its participants or votes."""

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import loading
from study.errors import Refused
from study.models import Condition, Crop, Pair, Source, Stimulus, Study
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
    _copy_design(db, original, copy)
    return copy


def _copy_design(db: OrmSession, original: Study, copy: Study) -> None:
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
    pairs = [
        Pair(study_id=copy.id, kind=old.kind, a=stimuli[old.a_id], b=stimuli[old.b_id])
        for old in db.scalars(select(Pair).where(Pair.study_id == original.id).order_by(Pair.id))
    ]
    db.add_all([*sources.values(), *crops.values(), *conditions.values(), *stimuli.values(), *pairs])
    db.flush()
