"""Votes out: votes.csv as the contract says it, with design.toml, sessions.csv, history.csv and columns.csv beside it.

Rows are streamed, so that the size of a study does not matter, and ordered, so that the same data give the same bytes.
"""

import csv
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study import history, loading, steps, writing
from study.dictionary import FACTS, HISTORY, SESSIONS, VOTES
from study.errors import Refused
from study.models import (
    Fact,
    Participant,
    Session,
    Study,
    now,
    taking_part,
)
from study.scheduling import clock, spec_of
from study.spec import Spec
from study.vote_rows import cell
from study.vote_rows import rows as vote_rows

VOTES_COLUMNS = tuple(column.name for column in VOTES)
SESSIONS_COLUMNS = tuple(column.name for column in SESSIONS)
COLUMNS_COLUMNS = ("file", "column", "type", "meaning")
SESSIONS_AT_ONCE = 20
"""Sessions whose trials are fetched and held at a time: some have thousands."""

Record = Mapping[str, Any]


def write(db: OrmSession, name: str, votes: Path, settle: writing.Settle = writing.settled) -> dict[Path, int | None]:
    """Write the five files and say how many rows each table has; all appear, or none does.

    `settle` is told their digests before they take their places.

    Raises:
        Refused: there is no such study, or the files cannot or should not stand there.
    """
    study = loading.find(db, name)
    writers: dict[Path, Callable[[TextIO], int | None]] = {
        votes.with_name("design.toml"): lambda file: _write_text(file, study.design),
        votes.with_name("columns.csv"): lambda file: write_table(file, COLUMNS_COLUMNS, _columns()),
        votes.with_name("sessions.csv"): lambda file: write_table(file, SESSIONS_COLUMNS, session_records(db, study)),
        votes.with_name("history.csv"): lambda file: write_table(file, history.COLUMNS, history.records(db, name)),
    }
    _check_place(name, votes, writers)
    votes.parent.mkdir(parents=True, exist_ok=True)
    return writing.together(
        {**writers, votes: lambda file: write_rows(file, VOTES_COLUMNS, vote_rows(db, study))}, settle
    )


def _check_place(name: str, votes: Path, companions: Iterable[Path]) -> None:
    """Be silent where the five files can be written without harm to anything else.

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
    return write_rows(file, columns, ([cell(record[column]) for column in columns] for record in records))


def write_rows(file: TextIO, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write a header and rows whose cells are text already; the number of rows."""
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    number = 0
    for number, row in enumerate(rows, start=1):  # noqa: B007 - the count is what is wanted
        writer.writerow(row)
    return number


def session_records(db: OrmSession, study: Study) -> Iterator[dict[str, Any]]:
    """Every session of the study as it stands now, those that were declined included, in their order."""
    spec, at = spec_of(study), _moment(study)
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
    spec, at = spec_of(study), _moment(study)
    still = [session for session in some if session.outcome == "open"]
    walks = zip(still, steps.looks(db, still), strict=True)
    return {session.id: session.outcome for session in some} | {
        session.id: _outcome(session, walk, spec, at) for session, walk in walks
    }


def _moment(study: Study) -> datetime:
    """By which sessions expire: now, or when the study was closed, so that a closed one is told alike for ever."""
    return clock(study, study.closed_at or now())


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


def _columns() -> Iterator[Record]:
    for file, columns in (("votes.csv", VOTES), ("sessions.csv", SESSIONS), ("history.csv", HISTORY)):
        for column in columns:
            yield {"file": file, "column": column.name, "type": column.type, "meaning": column.meaning}


def _write_text(file: TextIO, text: str) -> None:
    file.write(text)
