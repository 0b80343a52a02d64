"""One vote a trial, and one correction a vote: added, never changed.

Why no vote is lost or doubled. A ballot is judged on what was read before, without a lock. What follows from it is
then written in one transaction, which first moves the session on from the `turn` that was read: whoever else wrote to
the session meanwhile (another tab, the participant going on or withdrawing) has moved it already, so nothing matches,
nothing is written, and all is read and judged again. Should two writers get past that, the unique indexes on a vote's
key, trial and correction stop the second one, who reads again as well and finds a duplicate. The answer leaves after
the commit; who does not get it sends the same ballot again, and is told what was saved.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import Connection, String, and_, bindparam, insert, or_, select, type_coerce, update
from sqlalchemy.exc import IntegrityError

from study import describing, questions, scheduling, steps
from study.db import Database
from study.errors import (
    AlreadyCast,
    Busy,
    Expired,
    Malformed,
    NoSession,
    NotOpen,
    UnknownStudy,
    UnknownTrial,
    Withdrawn,
)
from study.models import Participant, Session, Study, Vote
from study.spec import STUDY_NAME, Spec

ATTEMPTS = 10
"""How often a ballot is judged anew; only a participant's own other tabs can make that more than one."""

Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Side = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
Offset = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Density = Annotated[float, msgspec.Meta(gt=0, le=100)]
REGION = ("region_x", "region_y", "region_width", "region_height")


class Ballot(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of `POST /s/NAME/vote`; times in milliseconds of the browser's monotonic clock."""

    trial: Identifier
    key: Identifier
    choice: Literal["left", "right", "not_sure"]
    response_ms: Count | None = None
    flips: Count | None = None
    left_ms: Count | None = None
    right_ms: Count | None = None
    reference_ms: Count | None = None
    zoomed: bool | None = None
    hidden_ms: Count | None = None
    viewport_width: Count | None = None
    viewport_height: Count | None = None
    device_pixel_ratio: Density | None = None
    device_pixels_per_pixel: Density | None = None
    pixel_exact: bool | None = None
    bytes_verified: bool | None = None
    left_x: Offset | None = None
    left_y: Offset | None = None
    right_x: Offset | None = None
    right_y: Offset | None = None
    region_x: Count | None = None
    region_y: Count | None = None
    region_width: Side | None = None
    region_height: Side | None = None
    geometry_changes: Count | None = None

    def __post_init__(self) -> None:
        """A region is whole or absent; msgspec turns the error into its own."""
        given = [name for name in REGION if getattr(self, name) is not None]
        if given and len(given) < len(REGION):
            missing = next(name for name in REGION if name not in given)
            raise ValueError(f"`{missing}`: a region needs {', '.join(REGION)}, all or none")


CIRCUMSTANCES = tuple(name for name in Ballot.__struct_fields__ if name not in {"trial", "key", "choice"})


ENDS = {"thanks": "complete", "screened_out": "screened_out"}
"""The outcome of a session whose last vote leads to one of these steps."""


@dataclass(frozen=True)
class Saved:
    """A saved vote: whether it had been saved before, where the participant stands now, and what practice says."""

    duplicate: bool
    answer: dict[str, Any]
    feedback: dict[str, Any] | None


@dataclass(frozen=True)
class Read:
    """What a ballot is judged on: a row of the participant's session and study, the walk, its open place, the trial."""

    row: Any
    spec: Spec
    walk: steps.Walk
    here: steps.Place
    trial: steps.Standing
    at: datetime


def read_ballot(body: bytes) -> Ballot:
    """The ballot that `body` spells.

    Raises:
        Malformed: it is no JSON, or a value has the wrong type or range; the message names it.
    """
    try:
        return msgspec.json.decode(body, type=Ballot)
    except msgspec.ValidationError as error:
        said, _, where = str(error).partition(" - at `$.")
        raise Malformed(f"`{where.rstrip('`')}`: {said}." if where else f"{said}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Malformed(f"The body is not JSON: {error}.") from error


def cast(database: Database, name: str, token: str | None, ballot: Ballot, at: datetime) -> Saved:
    """Save the vote, once, and return after the commit. The same ballot sent twice is saved once and answered twice.

    Args:
        name: of the study.
        token: of the participant, from the cookie.
        at: when the ballot came in, by the server's clock.

    Raises:
        UnknownStudy, NoSession, UnknownTrial, Malformed, AlreadyCast, NotOpen, Paused, Closed, Expired, Withdrawn:
            nothing was saved.
        Busy: the participant's other tabs were always quicker.
    """
    for _ in range(ATTEMPTS):
        with database.connect() as connection:
            with database.reading(connection):
                read = _read(connection, name, token, ballot, at)
                if _is_duplicate(read.trial, ballot):
                    return _saved(connection, read, read.walk, read.here, ballot)
                _check(connection, read, ballot)
                walk = _after(read, ballot)
                there = steps.place(walk, read.spec, at)
                saved = _saved(connection, read, walk, there, ballot)
            try:
                with database.writing(connection):
                    if _write(connection, read, walk, there, ballot):
                        return saved
            except IntegrityError:
                continue
    raise Busy("Your other tabs are answering as well: close them and try again.")


def _read(db: Connection, name: str, token: str | None, ballot: Ballot, at: datetime) -> Read:
    """The state that the ballot meets. The session's `turn` is read first: what is newer than it will be noticed."""
    row: Any = None
    if STUDY_NAME.fullmatch(name):
        row = db.execute(_WHO, {"name": name, "token": token or ""}).one_or_none()
    if row is None:
        raise UnknownStudy("There is no open study at this address: check the link.")
    if row.id is None:
        raise NoSession("No session of this study belongs to this browser: open the study's link again.")
    if row.outcome == "withdrawn":
        raise Withdrawn("You have withdrawn from this study, and your answers are erased.")
    walk = steps.look(db, row)
    trial = next((trial for trial in walk.trials if trial.public == ballot.trial), None)
    if trial is None:
        raise UnknownTrial("This trial is not one of yours: reload the page.")
    spec = scheduling.spec_of(row)
    return Read(row, spec, walk, steps.place(walk, spec, scheduling.clock(row, at)), trial, at)


def _is_duplicate(trial: steps.Standing, ballot: Ballot) -> bool:
    """Whether the very vote, or correction, is saved already.

    Raises:
        Malformed: the key is not this trial's.
        AlreadyCast: another choice is saved under this key.
    """
    if ballot.key == trial.key:
        saved = trial.cast
    elif ballot.key == trial.correction_key:
        saved = trial.choice if trial.correction else None
    else:
        raise Malformed("`key`: it is not the key of this trial.")
    if saved is not None and saved != ballot.choice:
        raise AlreadyCast("This pair has an answer already, and the first one counts.")
    return saved is not None


def _check(db: Connection, read: Read, ballot: Ballot) -> None:
    """Be silent where the ballot may be saved."""
    scheduling.check_open(read.row, preview=read.row.preview)
    if ballot.choice == "not_sure" and not read.spec.study.not_sure:
        raise Malformed('`choice`: this study takes "left" or "right".')
    if ballot.region_x is not None:
        _check_region(ballot, read.spec, describing.pictures(db, read.spec, [read.trial])[read.trial.pair_id])
    if read.here.step == "expired":
        raise Expired("Your session was left for too long and has ended. The answers that you gave are kept.")
    if (read.here.undo if ballot.key == read.trial.correction_key else read.here.trial) != read.trial:
        raise NotOpen("Another step of the study is open: reload the page.")


def _check_region(ballot: Ballot, spec: Spec, pictures: describing.Pictures) -> None:
    if not spec.study.mark_region:
        raise Malformed("`region_x`: this study asks for no region.")
    if (ballot.region_x or 0) + (ballot.region_width or 0) > pictures.width:
        raise Malformed(f"`region_width`: the region ends outside the crop, which is {pictures.width} pixels wide.")
    if (ballot.region_y or 0) + (ballot.region_height or 0) > pictures.height:
        raise Malformed(f"`region_height`: the region ends outside the crop, which is {pictures.height} pixels high.")


def _after(read: Read, ballot: Ballot) -> steps.Walk:
    """The walk once the ballot is saved, without another look at the database. What is new in it has no number yet."""
    if ballot.key == read.trial.key:
        trial = read.trial._replace(vote=0, cast=ballot.choice, choice=ballot.choice, response_ms=ballot.response_ms)
    else:
        trial = read.trial._replace(correction=0, choice=ballot.choice)
    trials = tuple(trial if each.id == trial.id else each for each in read.walk.trials)
    walk = replace(read.walk, trials=trials, active_at=read.at)
    if trial.kind == "practice" and steps.practice_ends(walk, trial, read.spec):
        walk = replace(walk, practised=True)
    return walk


def _saved(db: Connection, read: Read, walk: steps.Walk, place: steps.Place, ballot: Ballot) -> Saved:
    answer = describing.describe(db, place, read.spec, questions.texts_of(read.spec, read.row))
    feedback = None
    if read.trial.kind == "practice":
        again = steps.practice_repeats(walk, read.trial, read.spec)
        expected = read.trial.expected
        feedback = {"correct": ballot.choice == expected, "expected": expected, "again": again}
    return Saved(walk is read.walk, answer, feedback)


def _write(db: Connection, read: Read, walk: steps.Walk, there: steps.Place, ballot: Ballot) -> bool:
    """Move the session on and add the vote; whether the session was still as it was read."""
    outcome = ENDS.get(there.step, "open")
    moved = {"session": read.row.id, "read_turn": read.row.turn, "active_at": read.at, "practised": walk.practised}
    ended = {"outcome": outcome, "ended_at": None if outcome == "open" else read.at}
    if db.execute(_MOVE, moved | ended).rowcount != 1:
        return False
    db.execute(_VOTE, _vote(read, ballot))
    steps.show(db, there.trial, read.at, fetched=False)
    return True


def _vote(read: Read, ballot: Ballot) -> Mapping[str, Any]:
    return {
        "trial_id": read.trial.id,
        "key": ballot.key,
        "choice": ballot.choice,
        "simulated": read.row.simulated,
        "voted_at": read.at,
        "corrects": read.trial.vote,
        **{name: getattr(ballot, name) for name in CIRCUMSTANCES},
    }


_SESSIONS: Any = Session.__table__
_VOTES: Any = Vote.__table__
_SESSION = (
    *(Session.id, Session.outcome, Session.prepared, Session.practised, Session.warned_at, Session.block),
    *(Session.active_at, Session.turn, Session.language, type_coerce(Session.asks_for, String).label("asks_for")),
)
_WHO = (
    select(
        Study.name, Study.state, Study.paused_at, Study.design, Participant.simulated, Participant.preview, *_SESSION
    )
    .outerjoin(Participant, and_(Participant.study_id == Study.id, Participant.token == bindparam("token")))
    .outerjoin(Session, Session.participant_id == Participant.id)
    .where(Study.name == bindparam("name"), or_(Study.state != "draft", Participant.preview))
)
_MOVE = (
    update(_SESSIONS)
    .where(_SESSIONS.c.id == bindparam("session"), _SESSIONS.c.turn == bindparam("read_turn"))
    .values({name: bindparam(name) for name in ("active_at", "practised", "outcome", "ended_at")})
)
_VOTE = insert(_VOTES).inline()
