"""What the dashboard counts of votes, kept so that a page about a million of them needs no way through them all.

Why it cannot disagree with the votes. Every write to a session moves its `turn`, and a session's votes come one after
the other: so a session whose turn is the one that was counted has no vote that was not, and of any other session only
the votes above the last counted one are new. They are added up on one moment of the database, without a lock, and
written in one short transaction that first moves the study's `Watch` on from the turn that was read: who was slower
finds it moved, writes nothing and counts again. Nothing is added to the transaction of a vote. An erasure takes away
what it erases in its own transaction (`forget`). All of it can be thrown away at any time: the next look counts anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Integer,
    Select,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    or_,
    select,
    union_all,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import aliased

from study.ledger import SessionTally, Tally, Watch
from study.models import Session, Study, Trial, Vote, taking_part

SLACK = 200
"""Trials that a session may pass without a vote, beside those that it answers: rounds of practice not needed."""
LONGEST_MS = 60_000
"""As how long an answer counts at most: whoever took longer was mostly away."""
TENTH_MS = 100

_new, _old = aliased(Vote), aliased(Vote)
"""A vote, and the one that it corrects, if it does."""
_first, _cast, _mended = aliased(Trial), aliased(Vote), aliased(Vote)
"""The rating trial that a repeat repeats, its vote, and the correction of that."""


@dataclass(frozen=True)
class Read:
    """What is new of some sessions, on one moment, and the study's turn then."""

    turn: int
    sessions: list[dict[str, Any]]
    tallies: Sequence[Any]


def behind(db: OrmSession, study: Study) -> list[int]:
    """Sessions with something to be counted; those that were counted before come first, for they have little."""
    query = (
        select(Session.id)
        .outerjoin(SessionTally, SessionTally.session_id == Session.id)
        .where(taking_part(study.id), Session.outcome != "declined")
        .where(or_(SessionTally.id.is_(None), SessionTally.turn != Session.turn))
        .order_by(SessionTally.id.is_(None), Session.id)
    )
    return list(db.scalars(query))


def counted_before(db: OrmSession, sessions: Sequence[int]) -> list[int]:
    """Those of these sessions that something is counted of already."""
    return list(db.scalars(select(SessionTally.session_id).where(SessionTally.session_id.in_(sessions))))


def read(db: OrmSession, study: Study, sessions: Sequence[int]) -> Read:
    """Count what is new of these sessions; call it in a transaction that sees one moment (`Database.read`)."""
    turn = db.scalar(select(Watch.turn).where(Watch.study_id == study.id)) or 0
    given, tallies = dict[int, dict[str, Any]](), list[Any]()
    known = set(counted_before(db, sessions))
    for some, again in ((known, True), (set(sessions) - known, False)):
        new = _newly(sorted(some), again=again)
        found = {row["session_id"]: dict(row) for row in db.execute(_sums(new, again=again)).mappings()} if some else {}
        tallies += db.execute(_tallies(db, new, again=again)).all() if found else []
        given |= found
    nothing = dict.fromkeys(_COUNTS, 0)
    turns = db.execute(select(Session.id, Session.turn).where(Session.id.in_(sessions)))
    rows = [{**nothing, **given.get(session, {}), "session_id": session, "turn": at} for session, at in turns]
    return Read(turn, rows, tallies)


def keep(db: OrmSession, study: Study, found: Read) -> bool:
    """Add what was read to what is counted; whether nobody else has counted, or erased, since it was read."""
    _begin(db, study.id)
    moved = update(_WATCH).where(_WATCH.c.study_id == study.id, _WATCH.c.turn == found.turn).values(turn=found.turn + 1)
    if db.connection().execute(moved).rowcount != 1:
        return False
    new = _insert(db, _SESSIONS)
    changed = {name: _SESSIONS.c[name] + new.excluded[name] for name in _COUNTS}
    for name in ("position", "last_vote"):  # 0 where there was nothing new
        changed[name] = case((new.excluded[name] > 0, new.excluded[name]), else_=_SESSIONS.c[name])
    changed["turn"] = new.excluded.turn
    db.execute(new.on_conflict_do_update(index_elements=["session_id"], set_=changed), found.sessions)
    _add(db, study.id, found.tallies)
    return True


def forget(db: OrmSession, session: Session) -> None:
    """Take a session out of what is counted; call it in the write transaction that erases its votes, before it does."""
    _begin(db, session.study_id)
    db.execute(update(_WATCH).where(_WATCH.c.study_id == session.study_id).values(turn=_WATCH.c.turn + 1))
    counted = db.scalar(select(SessionTally).where(SessionTally.session_id == session.id))
    if counted is None:
        return
    theirs = and_(Trial.session_id == session.id, _new.id <= counted.last_vote)
    gone = [(what, key, -votes) for what, key, votes in db.execute(_tallies(db, theirs, again=False))]
    _add(db, session.study_id, gone)
    db.execute(delete(_SESSIONS).where(_SESSIONS.c.session_id == session.id))


def throw_away(db: OrmSession, study: Study) -> None:
    """Forget all that is counted of a study; the next look counts it anew."""
    _begin(db, study.id)
    db.execute(update(_WATCH).where(_WATCH.c.study_id == study.id).values(turn=_WATCH.c.turn + 1))
    db.execute(delete(_TALLIES).where(_TALLIES.c.study_id == study.id))
    theirs = select(Session.id).where(Session.study_id == study.id)
    db.execute(delete(_SESSIONS).where(_SESSIONS.c.session_id.in_(theirs)))


def _newly(sessions: Sequence[int], *, again: bool) -> ColumnElement[bool]:
    """Whether a vote of these sessions is not counted yet; `again`: some of each are.

    Then the trials are bounded by what a session can have answered since, so that those ahead of it are not gone
    through. The bounds stand bare, without a case for sessions that nothing is counted of: so they lead into an index.
    """
    if not again:
        return Session.id.in_(sessions)
    return and_(
        Session.id.in_(sessions),
        Trial.position >= SessionTally.position,
        Trial.position <= SessionTally.position + Session.turn - SessionTally.turn + SLACK,
        _new.id > SessionTally.last_vote,
    )


def _votes(*columns: Any, again: bool) -> Select[Any]:
    """Votes with what was voted on, and what is counted of their sessions; practice and previews are among them."""
    votes = select(*columns).select_from(Session).join(Trial, Trial.session_id == Session.id)
    if again:
        votes = votes.join(SessionTally, SessionTally.session_id == Session.id)
    return votes.join(_new, _new.trial_id == Trial.id).outerjoin(_old, _old.id == _new.corrects)


def _sums(votes: ColumnElement[bool], *, again: bool) -> Select[Any]:
    """What each session has given in these votes. A correction adds what it says and takes away what it corrects."""
    rating, catch = Trial.kind == "rating", Trial.kind == "catch"
    identical, repeat = Trial.kind == "identical", and_(Trial.kind == "repeat", _cast.id.is_not(None))
    ours = func.coalesce(_mended.choice, _cast.choice)
    sums = {
        "position": func.max(Trial.position),
        "last_vote": func.max(_new.id),
        "practice": _sum(and_(Trial.kind == "practice", _IS_FIRST)),
        "answered": _sum(and_(Trial.kind.not_in(["practice", "preview"]), _IS_FIRST)),
        "ratings": _sum(and_(rating, _IS_FIRST)),
        "not_sure": _change(rating, *(vote.choice == "not_sure" for vote in (_new, _old))),
        "left": _change(rating, *(vote.choice == "left" for vote in (_new, _old))),
        "catches": _sum(and_(catch, _IS_FIRST)),
        "catches_right": _change(catch, *(vote.choice == Trial.expected for vote in (_new, _old))),
        "identical": _change(identical, *(vote.choice != "not_sure" for vote in (_new, _old))),
        "identical_left": _change(identical, *(vote.choice == "left" for vote in (_new, _old))),
        "repeats": _sum(and_(repeat, _IS_FIRST)),
        "repeats_same": _change(repeat, *(_same_winner(vote, ours) for vote in (_new, _old))),
        "timed": _change(rating, *(vote.response_ms.is_not(None) for vote in (_new, _old))),
        "response_ms": cast(func.sum(case((rating, _ms(_new) - _ms(_old)), else_=0)), BigInteger),
    }
    return (
        _votes(Session.id.label("session_id"), *(column.label(name) for name, column in sums.items()), again=again)
        .outerjoin(_first, and_(Trial.kind == "repeat", _first.pair_id == Trial.pair_id,
                                _first.session_id == Trial.session_id, _first.kind == "rating"))
        .outerjoin(_cast, and_(_cast.trial_id == _first.id, _cast.corrects.is_(None)))
        .outerjoin(_mended, _mended.corrects == _cast.id)
        .where(votes)
        .group_by(Session.id)
    )  # fmt: skip


def _same_winner(vote: Any, before: Any) -> ColumnElement[bool]:
    """Whether a repeat names the image that was named before, or again none; its sides may have been swapped."""
    kept = Trial.flipped == _first.flipped
    swapped = case((vote.choice == "left", "right"), (vote.choice == "right", "left"), else_=vote.choice)
    same: ColumnElement[bool] = case((kept, vote.choice), else_=swapped) == before
    return same


def _tallies(db: OrmSession, votes: ColumnElement[bool], *, again: bool) -> Any:
    """How many of these votes there are of each pair, in each hour and by each time: `what`, `key`, `votes`."""
    said = (
        ("pair", Trial.pair_id, func.count(), _IS_FIRST),
        ("hour", _hour(db), func.count(), _IS_FIRST),
        ("tenth", _ms(_new) // TENTH_MS, func.count(), _new.response_ms.is_not(None)),
        ("tenth", _ms(_old) // TENTH_MS, -func.count(), _old.response_ms.is_not(None)),
    )
    rating = and_(votes, Trial.kind == "rating")
    parts = [
        _votes(literal(what), key, number, again=again).where(rating, of).group_by(key)
        for what, key, number, of in said
    ]
    return union_all(*parts)


def _hour(db: OrmSession) -> ColumnElement[int]:
    """Hours since 1970 at which a vote came in."""
    if db.get_bind().dialect.name == "sqlite":
        return cast(func.strftime("%s", _new.voted_at), Integer) // 3600
    return cast(func.floor(func.date_part("epoch", _new.voted_at) / 3600), Integer)


def _ms(vote: Any) -> ColumnElement[int]:
    """How long the answer took; 0 where there is none, or where the page did not say."""
    said = func.coalesce(vote.response_ms, 0)
    return case((said > LONGEST_MS, LONGEST_MS), else_=said)


def _sum(counts: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((counts, 1), else_=0))


def _change(of: ColumnElement[bool], new: ColumnElement[bool], old: ColumnElement[bool]) -> ColumnElement[int]:
    """How many votes have become so, less those that are so no more since they were corrected."""
    return _sum(and_(of, new)) - _sum(and_(of, old))


def _begin(db: OrmSession, study: int) -> None:
    """Make sure that the study has its row of `Watch`."""
    db.execute(_insert(db, _WATCH).values(study_id=study, turn=0).on_conflict_do_nothing())


def _add(db: OrmSession, study: int, tallies: Sequence[Any]) -> None:
    rows = [{"study_id": study, "what": what, "key": key, "votes": votes} for what, key, votes in tallies]
    if rows:
        new = _insert(db, _TALLIES)
        added = {"votes": _TALLIES.c.votes + new.excluded.votes}
        db.execute(new.on_conflict_do_update(index_elements=["study_id", "what", "key"], set_=added), rows)


def _insert(db: OrmSession, table: Any) -> Any:
    """An INSERT that can say what to do where the row is there; both databases spell it alike."""
    return sqlite.insert(table) if db.get_bind().dialect.name == "sqlite" else postgresql.insert(table)


_WATCH: Any = Watch.__table__
_TALLIES: Any = Tally.__table__
_SESSIONS: Any = SessionTally.__table__
_COUNTS = tuple(column.name for column in _SESSIONS.columns if column.name not in {"id", "session_id", "turn"})
_IS_FIRST = _new.corrects.is_(None)
