"""Single sessions as researchers may see them: by pseudonym, without anything that a platform says of a person."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, case, func, select
from sqlalchemy.orm import Session as OrmSession

from study import scheduling, steps
from study.errors import Refused
from study.ledger import SessionTally
from study.models import Fact, Participant, Session, Study, Trial, Vote, taking_part
from study.shares import Share

A_PAGE = 100
"""Sessions on a page of the list."""
JUST_NOW = timedelta(minutes=5)
"""Who gave a sign of life since then is there now."""
SHOWN = ("viewport_width", "viewport_height", "device_pixel_ratio", "device_pixels_per_pixel")


@dataclass(frozen=True)
class Line:
    """A session in a list: its tally may be missing where it has given nothing yet."""

    id: int
    pseudonym: str
    outcome: str
    block: int
    started_at: datetime
    active_at: datetime
    ended_at: datetime | None
    answered: int
    ratings: int
    catches: Share
    repeats: Share
    left: Share
    identical_left: Share
    seconds: float | None


@dataclass(frozen=True)
class Card:
    """All that there is to know of one session: where it stands, how it answered, and on what screen."""

    line: Line
    step: str
    planned: int
    language: str
    facts: dict[str, str]
    response_s: list[float]
    screens: list[dict[str, Any]]
    exact: Share
    verified: Share
    hidden_s: float
    reloads: int
    known: list[dict[str, Any]]


def page_of(db: OrmSession, study: Study, number: int, at: datetime) -> tuple[list[Line], int]:
    """Sessions, the newest first, on the page of this number from 1; and how many pages there are."""
    took_part = (taking_part(study.id), Session.outcome != "declined")
    total = db.scalar(select(func.count(Session.id)).where(*took_part)) or 0
    query = _lines().where(*took_part).order_by(Session.id.desc()).limit(A_PAGE).offset((number - 1) * A_PAGE)
    return [_line(study, row, at) for row in db.execute(query)], max(1, -(-total // A_PAGE))


def now_voting(db: OrmSession, study: Study, at: datetime) -> list[Line]:
    """Who gave a sign of life in the last few minutes."""
    here = (taking_part(study.id), Session.outcome == "open", Session.active_at >= at - JUST_NOW)
    query = _lines().where(*here).order_by(Session.active_at.desc()).limit(A_PAGE)
    return [_line(study, row, at) for row in db.execute(query)]


def card(db: OrmSession, study: Study, session_id: int, at: datetime) -> Card:
    """One session.

    Raises:
        Refused: the study has no such session.
    """
    row = db.execute(_lines().where(taking_part(study.id), Session.id == session_id)).one_or_none()
    if row is None:
        raise Refused(f"Study `{study.name}` has no session {session_id}: see the list of participants.")
    session, spec = row.Session, scheduling.spec_of(study)
    walk = steps.look(db, session)
    said = select(Fact.name, Fact.value).where(Fact.session_id == session.id)
    facts = {row.name: row.value for row in db.execute(said)}
    exact, verified, votes, checked, hidden = db.execute(_measured(walk)).one()
    return Card(
        line=_line(study, row, at),
        step=steps.step_of(walk, spec, session.active_at),
        planned=sum(trial.kind != "practice" for trial in walk.trials),
        language=session.language,
        facts=facts,
        response_s=_quartiles_s(db, walk),
        screens=[dict(row) for row in db.execute(_screens(walk)).mappings()],
        exact=Share(exact or 0, votes),
        verified=Share(verified or 0, checked),
        hidden_s=(hidden or 0) / 1000,
        reloads=db.scalar(select(func.sum(Trial.reloads)).where(Trial.session_id == session.id)) or 0,
        known=[{"position": at_, "right": trial.right, "choice": trial.choice}
               for at_, trial in enumerate(walk.trials, start=1) if trial.kind == "catch" and trial.choice],
    )  # fmt: skip


def _lines() -> Select[Any]:
    query: Any = (
        select(Session, Participant.pseudonym, SessionTally)
        .join(Participant, Participant.id == Session.participant_id)
        .outerjoin(SessionTally, SessionTally.session_id == Session.id)
    )
    return query  # type: ignore[no-any-return]


def _line(study: Study, row: Any, at: datetime) -> Line:
    session, tally = row.Session, row.SessionTally or _NOTHING
    kept = timedelta(hours=scheduling.spec_of(study).design.resume_hours)
    left = session.outcome == "open" and session.active_at < scheduling.clock(study, at) - kept
    return Line(
        id=session.id,
        pseudonym=row.pseudonym,
        outcome="left" if left else session.outcome,
        block=session.block,
        started_at=session.started_at,
        active_at=session.active_at,
        ended_at=session.ended_at,
        answered=tally.answered,
        ratings=tally.ratings,
        catches=Share(tally.catches_right, tally.catches),
        repeats=Share(tally.repeats_same, tally.repeats),
        left=Share(tally.left, tally.ratings - tally.not_sure),
        identical_left=Share(tally.identical_left, tally.identical),
        seconds=tally.response_ms / tally.timed / 1000 if tally.timed else None,
    )


_NOTHING = SessionTally(
    answered=0, ratings=0, not_sure=0, left=0, catches=0, catches_right=0, identical=0, identical_left=0, repeats=0,
    repeats_same=0, timed=0, response_ms=0,
)  # fmt: skip


def _counting(walk: steps.Walk, kind: str = "") -> list[int]:
    """The votes of a session that count, without those that were corrected; those of one kind, or all."""
    trials = [trial for trial in walk.trials if trial.vote is not None and kind in {"", trial.kind}]
    return [trial.correction or trial.vote or 0 for trial in trials]


def _measured(walk: steps.Walk) -> Select[Any]:
    exact, verified = (func.sum(case((said.is_(True), 1), else_=0)) for said in (Vote.pixel_exact, Vote.bytes_verified))
    counts = (func.count(Vote.pixel_exact), func.count(Vote.bytes_verified), func.sum(Vote.hidden_ms))
    query: Any = select(exact, verified, *counts).where(Vote.id.in_(_counting(walk)))
    return query  # type: ignore[no-any-return]


def _screens(walk: steps.Walk) -> Select[Any]:
    """The windows that pairs were seen in, the most used first."""
    columns = [getattr(Vote, name) for name in SHOWN]
    query = select(*columns, func.count().label("votes"))
    query = query.where(Vote.id.in_(_counting(walk)), Vote.viewport_width.is_not(None))
    return query.group_by(*columns).order_by(func.count().desc()).limit(5)


def _quartiles_s(db: OrmSession, walk: steps.Walk) -> list[float]:
    """The quartiles of its rating votes' response times in seconds, each the time of a vote; none without any."""
    timed = (Vote.id.in_(_counting(walk, "rating")), Vote.response_ms.is_not(None))
    number = db.scalar(select(func.count(Vote.id)).where(*timed)) or 0
    ordered = select(Vote.response_ms).where(*timed).order_by(Vote.response_ms)
    places = [int(share * (number - 1)) for share in (0.25, 0.5, 0.75)] if number else []
    return [(db.scalar(ordered.limit(1).offset(place)) or 0) / 1000 for place in places]
