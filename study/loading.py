"""A study folder into the database and the media folder; studies opened, paused, closed and copied."""

import secrets
from collections import Counter
from collections.abc import Iterable
from contextlib import nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session as OrmSession

from study import comparisons, deeds, design, folder, scheduling, storage, versions
from study.db import Database
from study.erasure import remove_previews
from study.errors import Refused
from study.ledger import Export, Result, ResultFile, Tally, Watch
from study.models import (
    Condition,
    Crop,
    Pair,
    Priority,
    Session,
    Source,
    Stimulus,
    Study,
    Trial,
    Vote,
    now,
    taking_part,
)
from study.spec import Rates, Spec, digest, to_toml

AT_ONCE = 10_000
"""Pairs that are written in one statement: a large study has over a million."""
NEXT_STATES = {
    "open": {"draft", "paused"},
    "paused": {"open"},
    "closed": {"open", "paused", "draft"},
}
DEEDS = {"open": "opened", "paused": "paused", "closed": "closed"}
"""What the log calls the way into a state."""


def load(
    database: Database,
    read: folder.StudyFolder,
    spec: Spec,
    media: Path | str,
    *,
    replace: bool = False,
    follows: str | None = None,
    watch: folder.Watch = nullcontext,
    who: str = deeds.COMMAND_LINE,
) -> Study:
    """Store the folder as a draft under the spec's name, once its images are kept by content, which `watch` may show.

    Images are copied outside the transaction, so that a large folder does not keep participants of other studies
    waiting; what an interrupted load has copied is used by the next one. `follows` names the study of which this is the
    next version; a draft that is replaced stays the version that it was.

    Raises:
        Refused: a study of this name is there (and is no draft that may be replaced), there is nothing to ask, or
            nothing that could follow or be followed.
    """
    complaint = unaskable(read, spec)
    if complaint:
        raise Refused(f"{read.path}: {complaint}")
    with database.read() as db:
        _check_name(db, spec, replace=replace)
        _followed(db, read, spec, follows)
    store = storage.at(media)
    with watch(read.stimuli) as rows:
        for stimulus in rows:
            for image in stimulus.images:
                _keep_image(read.path, image, store)
    with database.write() as db:
        there = _check_name(db, spec, replace=replace)
        before = _followed(db, read, spec, follows)
        study = frozen(spec, read.stimuli_sha256, state="draft")
        if there is not None:
            study.version, study.follows_id = there.version, there.follows_id
            _set_aside(db, there)
        if before is not None:
            study.version, study.follows_id = before.version + 1, before.id
        db.add(study)
        db.flush()
        _add_pairs(db, study, _add_stimuli(db, study, read.stimuli), spec.design.rates)
        if there is not None:
            _remove_draft(db, there)
        deeds.record(db, who, "loaded", study.name, sha256=study.stimuli_sha256)
        return study


def _followed(db: OrmSession, read: folder.StudyFolder, spec: Spec, name: str | None) -> Study | None:
    """The study that this folder is to follow, if one is named."""
    if name is None:
        return None
    before = find(db, name, lock=True)
    versions.check_followed(db, before, spec.study.name)
    if not versions.changes(db, before, read, spec):
        raise Refused(f"{read.path} is the same design as study `{name}`: open that one, or change something.")
    return before


def _check_name(db: OrmSession, spec: Spec, *, replace: bool) -> Study | None:
    """The draft that is to be replaced, if there is one."""
    there = db.scalar(select(Study).where(Study.name == spec.study.name).with_for_update())
    if there is not None and not replace:
        instead = "put this one in its place with `--replace`"
        if there.state != "draft":
            instead = f"load this one as its next version with `--follows {there.name}`"
        raise Refused(f"A study `{there.name}` is loaded already ({there.state}): {instead}, or give it a `--name`.")
    if there is not None and there.state != "draft":
        raise Refused(f"Study `{there.name}` is {there.state}: only a draft can be replaced; use another `--name`.")
    return there


def frozen(spec: Spec, stimuli_sha256: str, *, state: str, simulated: bool = False) -> Study:
    """A study whose design text stands alone and is what `config` is the digest of."""
    kind = "simulated study" if simulated else "study"
    text = to_toml(spec, f"The frozen {kind} {spec.study.name}.", f"SHA-256 of stimuli.csv: {stimuli_sha256}")
    return Study(
        name=spec.study.name,
        state=state,
        simulated=simulated,
        design=text,
        config=digest(text),
        stimuli_sha256=stimuli_sha256,
        loaded_at=now(),
        opened_at=now() if state == "open" else None,
    )


def rating_pairs(stimuli: Iterable[folder.Stimulus], rates: Rates) -> list[tuple[int, int]]:
    """The rating pairs of these rows, by their lines in stimuli.csv; `rates` is `design.rates`."""
    rows = list(stimuli)
    crops: dict[folder.Crop, int] = {}
    candidates = [
        design.Candidate(row.line, crops.setdefault(row.crop, len(crops)), row.rate, row.condition, row.sha256)
        for row in rows
        if row.condition not in {folder.REFERENCE, folder.CATCH}
    ]
    return [(a.id, b.id) for a, b in design.rating_pairs(candidates, rates)]


def unaskable(read: folder.StudyFolder, spec: Spec) -> str | None:
    """Why no participant could be asked anything, or not what was meant, if so."""
    if not rating_pairs(read.stimuli, spec.design.rates):
        if spec.design.rates == "across":
            return "no crop has two different conditions, so there is nothing to compare; add codecs or rates."
        return "no crop has two different conditions at one rate, so there is nothing to compare; add codecs."
    wants = [key for key in ("practice", "catch_rate") if getattr(spec.design, key)]
    if wants and not any(row.condition == folder.CATCH for row in read.stimuli):
        keys = " and ".join(f"`design.{key} = 0`" for key in wants)
        return f"stimuli.csv has no `{folder.CATCH}` rows, which practice and catch trials need; set {keys}."
    return _undegraded(read) or _without_context(read, spec) or _not_compared(read, spec)


def _undegraded(read: folder.StudyFolder) -> str | None:
    """The first catch stimulus that nobody can tell from its reference: its known answer would be a coin's."""
    references = {row.crop: row for row in read.stimuli if row.condition == folder.REFERENCE}
    for row in read.stimuli:
        reference = references[row.crop]
        if row.condition == folder.CATCH and row.sha256 == reference.sha256:
            return (
                f"{folder.FILE}, line {row.line}, column `sha256`: this `{folder.CATCH}` image has the bytes of its "
                f"reference (line {reference.line}), so no answer is right; degrade it or delete the row."
            )
    return None


def compared(read: folder.StudyFolder, spec: Spec) -> Counter[comparisons.Pair]:
    """How many crops show each pair of conditions."""
    condition = {row.line: row.condition for row in read.stimuli}
    pairs = rating_pairs(read.stimuli, spec.design.rates)
    return Counter(frozenset((condition[a], condition[b])) for a, b in pairs)


def _not_compared(read: folder.StudyFolder, spec: Spec) -> str | None:
    """The first primary comparison that nobody would be asked about."""
    rated = comparisons.rated((row.condition, row.codec, row.rate) for row in read.stimuli)
    return comparisons.complaint(spec.analysis.primary, rated, compared(read, spec))


def _without_context(read: folder.StudyFolder, spec: Spec) -> str | None:
    """The first stimulus without the larger window that the study wants to show."""
    for row in read.stimuli:
        if spec.study.view == "context" and row.window is None:
            return (
                f"{folder.FILE}, line {row.line}, column `context_path`: is empty, but the study has "
                '`study.view = "context"`; make them with `codec stimuli --context PIXELS`, or set "crop".'
            )
    return None


def change_state(db: OrmSession, name: str, state: str, *, who: str = deeds.COMMAND_LINE) -> Study:
    """Open, pause or close a study, and log who did it.

    Raises:
        Refused: there is no such study, or it cannot go there from where it is.
    """
    study = find(db, name, lock=True)
    if digest(study.design) != study.config:
        raise Refused(
            f"The design of study `{name}` was changed in the database, its digest says: restore it from a backup."
        )
    if study.state not in NEXT_STATES[state]:
        raise Refused(f"Study `{name}` is {study.state}: it cannot be made {state}; {_instead(study, state)}.")
    at = now()
    if study.state == "paused" and state == "open":
        scheduling.resume(db, study, at)
    study.state, study.paused_at = state, at if state == "paused" else None
    if state == "open" and study.opened_at is None:
        study.opened_at = at
    if state == "closed":
        study.closed_at = at
    deeds.record(db, who, DEEDS[state], study.name)
    return study


def _instead(study: Study, state: str) -> str:
    """What to do where a study cannot be brought into a state."""
    if study.state == state:
        return "it is so already, and nothing was done"
    if study.state == "closed":
        return f"`manage.py study load FOLDER --follows {study.name}` loads its next version"
    return f"`manage.py study open {study.name}` opens it"


def find(db: OrmSession, name: str, *, lock: bool = False) -> Study:
    """The study of this name, in whatever state.

    Raises:
        Refused: there is none.
    """
    query = select(Study).where(Study.name == name)
    study = db.scalar(query.with_for_update() if lock else query) if "\0" not in name else None
    if study is None:
        raise Refused(f"No study `{name}` is loaded: `manage.py study status` lists those that are.")
    return study


def votes_of(db: OrmSession, study: Study) -> int:
    """How many votes a study holds."""
    query = (
        select(func.count(Vote.id)).join(Trial, Trial.id == Vote.trial_id).join(Session).where(taking_part(study.id))
    )
    return db.scalar(query) or 0


def _set_aside(db: OrmSession, study: Study) -> None:
    """Free a draft's name.

    It is removed only after the new one is there, or SQLite would give the new pairs the numbers of the old ones, whose
    images a server may remember from a preview.
    """
    study.name, study.follows_id = f"replaced {secrets.token_hex(8)}", None
    db.flush()


def _remove_draft(db: OrmSession, study: Study) -> None:
    """Take away a draft with its previews and whatever else was made of it; the log of deeds keeps its name."""
    remove_previews(db, study)
    pairs, results = (
        select(Pair.id).where(Pair.study_id == study.id),
        select(Result.id).where(Result.study_id == study.id),
    )
    db.execute(delete(Priority).where(Priority.pair_id.in_(pairs)))
    db.execute(delete(ResultFile).where(ResultFile.result_id.in_(results)))
    for made in (Result, Export, Tally, Watch):
        db.execute(delete(made).where(made.study_id == study.id))
    crops = select(Crop.id).join(Source).where(Source.study_id == study.id)
    db.execute(delete(Pair).where(Pair.study_id == study.id))
    db.execute(delete(Stimulus).where(Stimulus.crop_id.in_(crops)))
    db.execute(delete(Crop).where(Crop.id.in_(crops)))
    for table in (Condition, Source):
        db.execute(delete(table).where(table.study_id == study.id))
    db.delete(study)
    db.flush()


def _add_stimuli(
    db: OrmSession, study: Study, rows: Iterable[folder.Stimulus]
) -> list[tuple[folder.Stimulus, Stimulus]]:
    sources: dict[folder.Source, Source] = {}
    crops: dict[folder.Crop, Crop] = {}
    conditions: dict[str, Condition] = {}
    stimuli = []
    for row in rows:
        at = row.crop
        if at.source not in sources:
            sources[at.source] = Source(study_id=study.id, name=at.source.name, sha256=at.source.sha256,
                                        width=at.source.width, height=at.source.height)  # fmt: skip
        if at not in crops:
            crops[at] = Crop(source=sources[at.source], tag=at.tag, x=at.x, y=at.y, width=at.width, height=at.height,
                             **_context(row.window))  # fmt: skip
        if row.condition not in conditions:
            conditions[row.condition] = Condition(study_id=study.id, name=row.condition, codec=row.codec, rate=row.rate)
        stimulus = Stimulus(crop=crops[at], condition=conditions[row.condition], sha256=row.sha256,
                            context_sha256=row.context_sha256 or None, bpp=row.bpp)  # fmt: skip
        stimuli.append((row, stimulus))
    db.add_all(stimulus for _, stimulus in stimuli)
    db.flush()
    return stimuli


def _context(window: folder.Window | None) -> dict[str, int]:
    return {f"context_{name}": number for name, number in asdict(window).items()} if window else {}


def _add_pairs(db: OrmSession, study: Study, stimuli: list[tuple[folder.Stimulus, Stimulus]], rates: Rates) -> None:
    """The rating pairs first and without a gap between their numbers, then those of known answer."""
    by_line = {row.line: stimulus.id for row, stimulus in stimuli}
    references = {row.crop: stimulus.id for row, stimulus in stimuli if row.condition == folder.REFERENCE}
    rated = rating_pairs((row for row, _ in stimuli), rates)
    of_kind = {
        "rating": ((by_line[a], by_line[b]) for a, b in rated),
        "catch": ((references[row.crop], other.id) for row, other in stimuli if row.condition == folder.CATCH),
    }
    rows = ({"study_id": study.id, "kind": kind, "a_id": a, "b_id": b} for kind in of_kind for a, b in of_kind[kind])
    while some := list(islice(rows, AT_ONCE)):
        db.execute(insert(Pair), some)


def _keep_image(root: Path, image: folder.Image, store: storage.Store) -> None:
    """Copy the image by content, whole or not at all; one that is there already is kept if its bytes are right."""
    kept = store.read(image.sha256)
    if kept is not None and folder.sha256(kept) == image.sha256:
        if isinstance(store, storage.Folder):
            store.forget_time(image.sha256)
        return
    path = folder.image_path(root, image)
    content = path.read_bytes() if path else b""
    if folder.sha256(content) != image.sha256:
        raise Refused(f"{path} was changed while it was loaded: make the folder again.")
    store.put(image.sha256, content)
