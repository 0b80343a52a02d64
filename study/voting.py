"""One vote a trial, added and never changed. The database's unique indexes have the last word in every race."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from sqlalchemy import and_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import joinedload

from study import scheduling, steps
from study.db import Database
from study.errors import AlreadyCast, Malformed, NotOpen, UnknownTrial, Withdrawn
from study.models import Participant, Session, Trial, Vote

Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_-]{1,64}\Z")]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**31 - 1)]
Offset = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
Density = Annotated[float, msgspec.Meta(gt=0, le=100)]


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


CIRCUMSTANCES = tuple(name for name in Ballot.__struct_fields__ if name not in {"trial", "key", "choice"})


@dataclass(frozen=True)
class Saved:
    """A saved vote: its trial, whether it had been saved before, and where the participant stands now."""

    trial: Trial
    duplicate: bool
    answer: dict[str, Any]


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


def cast(database: Database, participant: Participant, ballot: Ballot, at: datetime) -> Saved:
    """Save the vote, once, and return after the commit.

    The same ballot sent twice is saved once and answered twice; where two are sent at once, the slower one meets
    the unique index, is rolled back, and is read again as the second.

    Raises:
        UnknownTrial, Malformed, AlreadyCast, NotOpen, Paused, Closed: nothing was saved.
    """
    try:
        with database.write() as db:
            return _cast(db, participant, ballot, at)
    except IntegrityError:
        with database.write() as db:
            return _cast(db, participant, ballot, at)


def _cast(db: OrmSession, participant: Participant, ballot: Ballot, at: datetime) -> Saved:
    session = _locked_session(db, participant)
    trial, vote = _trial_and_vote(db, ballot)
    if session is not None and session.outcome == "withdrawn":
        raise Withdrawn("You have withdrawn from this study, and your answers are erased.")
    if session is None or trial is None or trial.session_id != session.id:
        raise UnknownTrial("This trial is not one of yours: reload the page.")
    if ballot.key != trial.key:
        raise Malformed("`key`: it is not the key of this trial.")
    if vote is not None and vote.choice != ballot.choice:
        raise AlreadyCast("This pair has an answer already, and the first one counts.")
    outlook = steps.look(db, session)
    if vote is None:
        _check(session, trial, ballot, outlook)
        _save(db, session, trial, ballot, at)
        outlook = outlook.after(ballot.response_ms)
    here = steps.place(session, outlook)
    if here.step == "thanks" and session.outcome == "open":
        session.outcome = "complete"
        session.ended_at = at
    steps.show(here.trial, at, fetched=False)
    answer = steps.describe(db, here, scheduling.spec_of(session.study))
    return Saved(trial, vote is not None, answer)


def _locked_session(db: OrmSession, participant: Participant) -> Session | None:
    """The participant's session, locked, so that two tabs vote one after the other."""
    return db.scalar(
        select(Session)
        .where(Session.participant_id == participant.id)
        .options(joinedload(Session.study, innerjoin=True), joinedload(Session.participant, innerjoin=True))
        .with_for_update(of=Session)
    )


def _trial_and_vote(db: OrmSession, ballot: Ballot) -> tuple[Trial | None, Vote | None]:
    query = (
        select(Trial, Vote)
        .outerjoin(Vote, and_(Vote.trial_id == Trial.id, Vote.corrects.is_(None)))
        .where(Trial.public == ballot.trial)
    )
    row = db.execute(query).one_or_none()
    return (row[0], row[1]) if row else (None, None)


def _check(session: Session, trial: Trial, ballot: Ballot, outlook: steps.Outlook) -> None:
    scheduling.check_open(session.study)
    if ballot.choice == "not_sure" and not scheduling.spec_of(session.study).study.not_sure:
        raise Malformed('`choice`: this study takes "left" or "right".')
    if steps.place(session, outlook).trial != trial:
        raise NotOpen("Another step of the study is open: reload the page.")


def _save(db: OrmSession, session: Session, trial: Trial, ballot: Ballot, at: datetime) -> None:
    db.add(
        Vote(
            trial_id=trial.id,
            key=ballot.key,
            choice=ballot.choice,
            simulated=session.participant.simulated,
            voted_at=at,
            **{name: getattr(ballot, name) for name in CIRCUMSTANCES},
        )
    )
    session.active_at = at
    db.flush()
