"""Votes out: votes.csv as the contract says it, with design.toml, sessions.csv and columns.csv beside it.

Rows are streamed, so that the size of a study does not matter, and ordered, so that the same data give the same bytes.
"""

import csv
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import Row, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study import folder, loading, steps, writing
from study.dictionary import FACTS, SESSIONS, VOTES
from study.errors import Refused
from study.models import (
    Condition,
    Crop,
    Fact,
    Pair,
    Participant,
    Session,
    Source,
    Stimulus,
    Study,
    Trial,
    Vote,
    now,
    taking_part,
)
from study.scheduling import clock, spec_of
from study.spec import Spec

VOTES_COLUMNS = tuple(column.name for column in VOTES)
SESSIONS_COLUMNS = tuple(column.name for column in SESSIONS)
COLUMNS_COLUMNS = ("file", "column", "type", "meaning")
AT_ONCE = 1000
"""Rows that are fetched and held at a time."""
SESSIONS_AT_ONCE = 100
"""Sessions whose trials are fetched and held at a time."""

Record = Mapping[str, Any]


def write(db: OrmSession, name: str, votes: Path) -> dict[Path, int | None]:
    """Write the four files and say how many rows each table has; all appear, or none does.

    Raises:
        Refused: there is no such study, or the files cannot or should not stand there.
    """
    study = loading.find(db, name)
    writers: dict[Path, Callable[[TextIO], int | None]] = {
        votes.with_name("design.toml"): lambda file: _write_text(file, study.design),
        votes.with_name("columns.csv"): lambda file: write_table(file, COLUMNS_COLUMNS, _columns()),
        votes.with_name("sessions.csv"): lambda file: write_table(file, SESSIONS_COLUMNS, session_records(db, study)),
    }
    _check_place(name, votes, writers)
    votes.parent.mkdir(parents=True, exist_ok=True)
    return writing.together({**writers, votes: lambda file: write_table(file, VOTES_COLUMNS, vote_records(db, study))})


def _check_place(name: str, votes: Path, companions: Iterable[Path]) -> None:
    """Be silent where the four files can be written without harm to anything else.

    Raises:
        Refused: one of them is a folder, `votes` has the name of another of them, or another study lies there.
    """
    for path in (votes, *companions):
        if path.exists() and not path.is_file():
            kind = "a folder" if path.is_dir() else "no plain file"
            raise Refused(f"{path} is {kind}, so nothing can be written there: name a file, such as votes.csv.")
    if votes.name.casefold() in {path.name for path in companions}:
        raise Refused(f"{votes} would be overwritten by the file of that name that comes beside: name it votes.csv.")
    design = votes.with_name("design.toml")
    if design.exists():
        other = _named_by(design)
        if other is None:
            raise Refused(f"{design} is no study's design and would be overwritten: choose another folder.")
        if other != name:
            raise Refused(f"{design} belongs to study `{other}`: choose another folder for the votes of `{name}`.")


def _named_by(design: Path) -> str | None:
    """The study whose frozen design a file is, if it is one; by whichever release it was written."""
    try:
        study = tomllib.loads(design.read_text(encoding="utf-8")).get("study")
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return None
    name = study.get("name") if isinstance(study, dict) else None
    return name if isinstance(name, str) else None


def write_table(file: TextIO, columns: tuple[str, ...], records: Iterable[Record]) -> int:
    """Write a header and a row for each record; the number of rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    number = 0
    for number, record in enumerate(records, start=1):  # noqa: B007 - the count is what is wanted
        writer.writerow([cell(record[column]) for column in columns])
    return number


def cell(value: object) -> str:
    """A value as docs/formats.md writes it; text that a spreadsheet would run as a formula gets an apostrophe."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}Z"
    if isinstance(value, float):
        return repr(value).removesuffix(".0")
    text = str(value)
    return f"'{text}" if isinstance(value, str) and text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def vote_records(db: OrmSession, study: Study) -> Iterator[dict[str, Any]]:
    """Every vote of the study with everything that stood around it, in the order of saving."""
    spec = spec_of(study)
    with db.execute(_votes_query(study, spec).execution_options(yield_per=AT_ONCE)) as rows:
        for row in rows:
            yield _vote_record(study, spec, row)


def session_records(db: OrmSession, study: Study) -> Iterator[dict[str, Any]]:
    """Every session of the study as it stands now, those that were declined included, in their order."""
    spec, at = spec_of(study), clock(study, now())
    for some in sessions(db, study):
        known = _facts(db, [session.id for session, _ in some])
        for (session, participant), walk in zip(some, steps.looks(db, [session for session, _ in some]), strict=True):
            yield _session_record(session, participant, walk, spec, at) | known[session.id]


def sessions(db: OrmSession, study: Study) -> Iterator[list[tuple[Session, Participant]]]:
    """All sessions of the study with their participants, in their order, some at a time."""
    query = (
        select(Session, Participant)
        .join(Participant, Participant.id == Session.participant_id)
        .where(taking_part(study.id))
        .order_by(Session.id)
        .execution_options(yield_per=SESSIONS_AT_ONCE)
    )
    with db.execute(query) as rows:
        for some in rows.partitions():
            yield [(session, participant) for session, participant in some]


def outcomes(db: OrmSession, study: Study, some: Sequence[Session]) -> dict[int, str]:
    """The outcome of each of these sessions, as sessions.csv says it."""
    spec, at = spec_of(study), clock(study, now())
    still = [session for session in some if session.outcome == "open"]
    walks = zip(still, steps.looks(db, still), strict=True)
    return {session.id: session.outcome for session in some} | {
        session.id: _outcome(session, walk, spec, at) for session, walk in walks
    }


def _outcome(session: Session, walk: steps.Walk, spec: Spec, at: datetime) -> str:
    expired = session.outcome == "open" and steps.step_of(walk, spec, at) == "expired"
    return "expired" if expired else session.outcome


def _session_record(
    session: Session, participant: Participant, walk: steps.Walk, spec: Spec, at: datetime
) -> dict[str, Any]:
    step = steps.step_of(walk, spec, session.active_at)  # where an expired session was left
    return {
        "participant": participant.pseudonym,
        "session": session.id,
        "started_at": session.started_at,
        "ended_at": session.ended_at,
        "last_step": "consent" if step == "declined" else step,
        "outcome": _outcome(session, walk, spec, at),
        "trials_planned": steps.needed(walk, spec),
        "votes": sum(trial.vote is not None for trial in walk.trials),
        "language": session.language,
        "simulated": participant.simulated,
        **dict.fromkeys(FACTS),
    }


def _facts(db: OrmSession, some: Sequence[int]) -> dict[int, dict[str, str]]:
    known: dict[int, dict[str, str]] = {session: {} for session in some}
    for session, name, value in db.execute(
        select(Fact.session_id, Fact.name, Fact.value).where(Fact.session_id.in_(some))
    ):
        known[session][name] = value
    return known


def _votes_query(study: Study, spec: Spec) -> Any:
    """Every vote with all that stood around it; the hashes are those of the images that were shown."""
    a, b, reference = aliased(Stimulus), aliased(Stimulus), aliased(Stimulus)
    of_a, of_b, of_reference = aliased(Condition), aliased(Condition), aliased(Condition)
    sides = [
        column.label(f"{side}_{column.key}")
        for side, stimulus, condition in (("a", a, of_a), ("b", b, of_b))
        for column in (condition.name, condition.codec, condition.rate, stimulus.bpp)
    ]
    shown = "context_sha256" if spec.study.view == "context" else "sha256"
    sides += [
        getattr(stimulus, shown).label(f"{name}_sha256")
        for name, stimulus in (("a", a), ("b", b), ("reference", reference))
    ]
    return (
        select(Vote, Trial, Crop, Source, Participant.pseudonym, *sides)
        .join(Trial, Trial.id == Vote.trial_id)
        .join(Session, Session.id == Trial.session_id)
        .join(Participant, Participant.id == Session.participant_id)
        .join(Pair, Pair.id == Trial.pair_id)
        .join(a, a.id == Pair.a_id)
        .join(b, b.id == Pair.b_id)
        .join(of_a, of_a.id == a.condition_id)
        .join(of_b, of_b.id == b.condition_id)
        .join(Crop, Crop.id == a.crop_id)
        .join(Source, Source.id == Crop.source_id)
        .join(reference, reference.crop_id == Crop.id)
        .join(of_reference, of_reference.id == reference.condition_id)
        .where(taking_part(study.id), of_reference.name == folder.REFERENCE)
        .order_by(Vote.id)
    )


def _vote_record(study: Study, spec: Spec, row: Row[Any]) -> dict[str, Any]:
    vote, trial, crop, source = row.Vote, row.Trial, row.Crop, row.Source
    left, right = ("b", "a") if trial.flipped else ("a", "b")
    right = left if trial.kind == "identical" else right
    shown = {
        f"{side}{suffix}": getattr(row, f"{letter}_{key}")
        for side, letter in (("left", left), ("right", right))
        for suffix, key in (
            ("", "name"),
            ("_codec", "codec"),
            ("_rate", "rate"),
            ("_bpp", "bpp"),
            ("_sha256", "sha256"),
        )
    }
    measured = {column.key: getattr(vote, column.key) for column in Vote.__table__.columns}
    return {
        **measured,
        **shown,
        "vote": vote.id,
        "study": study.name,
        "config": study.config,
        "participant": row.pseudonym,
        "session": trial.session_id,
        "trial": trial.id,
        **{name: getattr(trial, name) for name in ("block", "position", "kind", "expected", "shown_at", "reloads")},
        "strategy": trial.strategy,
        "probability": trial.probability,
        "asks_for": spec.study.asks_for,
        "reference": spec.study.reference,
        "layout": spec.study.layout,
        "source": source.name,
        "source_sha256": source.sha256,
        "tag": crop.tag,
        **{f"crop_{name}": getattr(crop, name) for name in ("x", "y", "width", "height")},
        "reference_sha256": row.reference_sha256,
        "view": spec.study.view,
    }


def _columns() -> Iterator[Record]:
    for file, columns in (("votes.csv", VOTES), ("sessions.csv", SESSIONS)):
        for column in columns:
            yield {"file": file, "column": column.name, "type": column.type, "meaning": column.meaning}


def _write_text(file: TextIO, text: str) -> None:
    file.write(text)
