"""Versions: an opened study never changes, so a later design is a study of its own that follows it.

What changed is told key by key, in the words of study.toml, and by the images that were added, removed or changed.
"""

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study.errors import Refused
from study.folder import Stimulus as Row
from study.folder import StudyFolder
from study.models import Condition, Crop, Source, Stimulus, Study
from study.spec import Spec, parse
from study.spec_tables import tables

LONGEST = 60
"""Characters of a value that are told."""
Place = tuple[str, int, int, int, int, str]
"""Source, rectangle and condition of an image."""


def next_name(db: OrmSession, study: Study) -> str:
    """What the version after this one is called unless it is given a name: that of the first one and a number."""
    first = study
    while first.follows_id is not None:
        first = db.get_one(Study, first.follows_id)
    return f"{first.name}-{study.version + 1}"


def check_followed(db: OrmSession, study: Study, name: str) -> None:
    """Be silent where another study called `name` may follow this one.

    Raises:
        Refused: it is a draft, which can be replaced, a simulation, or another study follows it already.
    """
    if study.state == "draft":
        raise Refused(
            f"Study `{study.name}` is a draft, which nobody has answered: put the folder in its place with "
            f"`manage.py study load FOLDER --name {study.name} --replace`."
        )
    if study.simulated:
        raise Refused(f"Study `{study.name}` is a simulation: follow the study that it copies.")
    other = db.scalar(select(Study.name).where(Study.follows_id == study.id, Study.name != name))
    if other is not None:
        raise Refused(
            f"Study `{study.name}` is followed by `{other}` already: follow that one with `--follows {other}`."
        )


def changes(db: OrmSession, study: Study, read: StudyFolder, spec: Spec) -> list[str]:
    """A line for everything in which a folder differs from a study that was loaded; the names of both aside."""
    found = _keys(parse(study.design, f"the design of study {study.name}"), spec)
    images = _images(_loaded(db, study), {_place(row): _shown(row) for row in read.stimuli})
    if not images and study.stimuli_sha256 != read.stimuli_sha256:
        images = ["stimuli.csv: another file, with the same images at the same bits"]
    return found + images


def between(db: OrmSession, before: Study, after: Study) -> list[str]:
    """The same of two studies that were loaded."""
    specs = (parse(study.design, f"the design of study {study.name}") for study in (before, after))
    return _keys(*specs) + _images(_loaded(db, before), _loaded(db, after))


def _keys(before: Spec, after: Spec) -> list[str]:
    old, new = ({f"{table}.{key}": value for table, values in tables(spec).items() for key, value in values.items()}
                for spec in (before, after))  # fmt: skip
    keys = [key for key in dict.fromkeys([*old, *new]) if key != "study.name" and old.get(key) != new.get(key)]
    return [f"{key}: {_value(old, key)} -> {_value(new, key)}" for key in keys]


def _value(values: dict[str, Any], key: str) -> str:
    if key not in values:
        return "nothing"
    said = json.dumps(values[key], ensure_ascii=False)
    return said if len(said) <= LONGEST else f"{said[: LONGEST - 3]}..."


def _images(old: dict[Place, Any], new: dict[Place, Any]) -> list[str]:
    sorts = {
        "added": [place for place in new if place not in old],
        "removed": [place for place in old if place not in new],
        "changed": [place for place in new if place in old and old[place] != new[place]],
    }
    return [f"stimuli: {len(places)} {sort} (first: {_told(places[0])})" for sort, places in sorts.items() if places]


def _told(place: Place) -> str:
    source, x, y, _width, _height, condition = place
    return f"{condition} of `{source}` at {x},{y}"


def _loaded(db: OrmSession, study: Study) -> dict[Place, Any]:
    query = (
        select(Stimulus, Crop, Source, Condition)
        .join(Crop, Crop.id == Stimulus.crop_id)
        .join(Source, Source.id == Crop.source_id)
        .join(Condition, Condition.id == Stimulus.condition_id)
        .where(Source.study_id == study.id)
        .order_by(Stimulus.id)
    )
    return {
        (source.name, crop.x, crop.y, crop.width, crop.height, condition.name): (
            stimulus.sha256, stimulus.context_sha256 or "", source.sha256, crop.tag, condition.codec, condition.rate,
            stimulus.bpp,
        )
        for stimulus, crop, source, condition in db.execute(query)
    }  # fmt: skip


def _place(row: Row) -> Place:
    crop = row.crop
    return (crop.source.name, crop.x, crop.y, crop.width, crop.height, row.condition)


def _shown(row: Row) -> Any:
    return row.sha256, row.context_sha256, row.crop.source.sha256, row.crop.tag, row.codec, row.rate, row.bpp
