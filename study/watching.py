"""What a running study looks like: counted in SQL, from what `tallying` keeps, never from a way through all votes."""

import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import ColumnElement, and_, func, select
from sqlalchemy.orm import Session as OrmSession

from study import extent, scheduling, steps, tallying
from study.db import Database
from study.ledger import SessionTally, Tally
from study.models import Session, Study, Trial, taking_part
from study.shares import Share

BUDGET_S = 0.15
"""For how long one look counts votes that nobody has counted yet; the rest waits for the next look."""
VOTES_AT_ONCE = 4000
"""About so many votes are counted in one transaction, so that a look keeps to its time."""
SESSIONS_AT_ONCE = 50
"""Sessions that were counted before, and have little that is new, in one transaction."""


@dataclass(frozen=True)
class Counted:
    """How far counting has come: sessions that still have votes to be counted, of so many."""

    behind: int
    of: int

    @property
    def whole(self) -> bool:
        """Whether every vote is in what is counted."""
        return self.behind == 0


def catch_up(database: Database, study: Study, *, budget_s: float = BUDGET_S) -> Counted:
    """Count what is new, until all is or the time is over; how far that came."""
    until = time.monotonic() + budget_s
    while True:
        with database.read() as db:
            behind = tallying.behind(db, study)
            if not behind or time.monotonic() >= until:
                of = db.scalar(select(func.count(Session.id)).where(taking_part(study.id))) or 0
                return Counted(len(behind), of)
            found = tallying.read(db, study, _next(db, behind))
        with database.write() as db:
            tallying.keep(db, study, found)


def _next(db: OrmSession, behind: list[int]) -> list[int]:
    """The sessions to be counted next: those that were counted before, then whole ones by how long sessions are."""
    again = tallying.counted_before(db, behind[:SESSIONS_AT_ONCE])
    if again:
        return again
    trials = db.scalar(select(func.max(Trial.position)).where(Trial.session_id == behind[0])) or 1
    return behind[: max(1, VOTES_AT_ONCE // trials)]


@dataclass(frozen=True)
class Counts:
    """How far a study is: `alive` are on their way, `left` were away for too long; `least` and `most` are of a pair."""

    complete: int
    alive: int
    left: int
    screened_out: int
    withdrawn: int
    declined: int
    votes: int
    pairs: int
    least: int
    most: int

    @property
    def begun(self) -> int:
        """Everybody who agreed."""
        return self.complete + self.alive + self.left + self.screened_out + self.withdrawn


@dataclass(frozen=True)
class Quality:
    """What known answers and repeated questions say of all sessions together."""

    catches: Share
    identical_left: Share
    repeats: Share
    left: Share
    not_sure: Share


@dataclass(frozen=True)
class Stage:
    """A part of the walk: how many reached it, and of those who went no further how many are still on their way."""

    name: str
    reached: int
    here: int
    left: int
    sent_away: int


def counts(db: OrmSession, study: Study, at: datetime) -> Counts:
    """How many sessions, votes and answers a pair."""
    alive = _alive(study, at)
    query = select(Session.outcome, alive, func.count()).where(taking_part(study.id)).group_by(Session.outcome, alive)
    outcomes: Counter[str] = Counter()
    for outcome, is_alive, number in db.execute(query):
        outcomes[outcome if outcome != "open" else "alive" if is_alive else "left"] += number
    answered = select(func.count(), func.sum(Tally.votes), func.min(Tally.votes), func.max(Tally.votes))
    with_votes = (Tally.study_id == study.id, Tally.what == "pair", Tally.votes > 0)
    asked, total, least, most = (number or 0 for number in db.execute(answered.where(*with_votes)).one())
    pairs = extent.pairs(db, study)
    ends = {name: outcomes[name] for name in ("complete", "alive", "left", "screened_out", "withdrawn", "declined")}
    return Counts(**ends, votes=int(total), pairs=pairs, least=least if asked == pairs else 0, most=most)


def quality(db: OrmSession, study: Study) -> Quality:
    """What known answers and repeated questions say of all sessions together."""
    names = "catches_right catches identical_left identical repeats_same repeats left not_sure ratings".split()
    sums = [func.coalesce(func.sum(getattr(SessionTally, name)), 0) for name in names]
    query = select(*sums).join(Session, Session.id == SessionTally.session_id).where(taking_part(study.id))
    right, catches, on_left, identical, same, repeats, left, unsure, ratings = map(int, db.execute(query).one())
    return Quality(
        Share(right, catches), Share(on_left, identical), Share(same, repeats), Share(left, ratings - unsure),
        Share(unsure, ratings),
    )  # fmt: skip


def response_s(db: OrmSession, study: Study) -> list[float]:
    """The quartiles of the response times of rating votes in seconds, interpolated within a tenth; none without any."""
    counted = (
        select(
            Tally.key,
            Tally.votes,
            func.sum(Tally.votes).over(order_by=Tally.key).label("upto"),
            func.sum(Tally.votes).over().label("total"),
        )
        .where(Tally.study_id == study.id, Tally.what == "tenth", Tally.votes > 0)
        .cte("counted")
    )
    found = []
    for share in (0.25, 0.5, 0.75):
        at = share * counted.c.total
        holds = and_(counted.c.upto >= at, counted.c.upto - counted.c.votes < at)
        row = db.execute(select(counted).where(holds)).one_or_none()
        if row is not None:
            within = (share * int(row.total) - (int(row.upto) - row.votes)) / row.votes
            found.append((row.key + within) * tallying.TENTH_MS / 1000)
    return found


def by_hour(db: OrmSession, study: Study) -> list[tuple[datetime, int]]:
    """How many rating votes came in in each hour that had any."""
    query = select(Tally.key, Tally.votes).where(Tally.study_id == study.id, Tally.what == "hour", Tally.votes > 0)
    return [(datetime.fromtimestamp(hour * 3600, UTC), votes) for hour, votes in db.execute(query.order_by(Tally.key))]


def stages(db: OrmSession, study: Study, at: datetime) -> list[Stage]:
    """How far sessions have come, step by step; who withdrew has left no trace of that, and is in none of them."""
    spec = scheduling.spec_of(study)
    before = [*steps.preparation(spec), *(["practice"] if spec.design.practice else [])]
    alive, answered = _alive(study, at), func.coalesce(SessionTally.answered, 0) > 0
    columns = (Session.outcome, alive, Session.prepared, answered, Session.block)
    query = (
        select(*columns, func.count())
        .outerjoin(SessionTally, SessionTally.session_id == Session.id)
        .where(taking_part(study.id), Session.outcome.not_in(["declined", "withdrawn"]))
        .group_by(*columns)
    )
    rows = db.execute(query).all()
    blocks = max((row[4] for row in rows), default=1)
    names = [*before, *(f"block {number}" for number in range(1, blocks + 1)), "complete"]
    stays: Counter[tuple[int, str]] = Counter()
    for outcome, is_alive, prepared, has_answered, block, number in rows:
        how = outcome if outcome != "open" else "here" if is_alive else "left"
        if outcome == "complete":
            place = len(names) - 1
        elif has_answered:
            place = len(before) + block - 1
        else:
            place = min(prepared, len(before))
        stays[place, how] += number
    reached = [sum(number for (at_, _), number in stays.items() if at_ >= place) for place in range(len(names))]
    return [
        Stage(name, reached[place], stays[place, "here"], stays[place, "left"], stays[place, "screened_out"])
        for place, name in enumerate(names)
    ]


def _alive(study: Study, at: datetime) -> ColumnElement[bool]:
    """Whether a session may still go on at the moment `at`."""
    kept = timedelta(hours=scheduling.spec_of(study).design.resume_hours)
    return and_(Session.outcome == "open", Session.active_at >= scheduling.clock(study, at) - kept)
