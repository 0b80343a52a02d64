"""The log of what researchers did: lines are only ever added, in the transaction of the deed itself.

So a deed that failed leaves no line, and none that succeeded lacks one.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, select
from sqlalchemy.orm import Session as OrmSession

from study.ledger import Deed, SessionTally
from study.models import Session, Study, Trial, Vote, now, taking_part

COMMAND_LINE = "command line"
"""Who did it where nobody logged in: whoever may start commands on the server's machine."""
AT_ONCE = 500
"""Sessions whose votes are counted in one statement."""
OF_STUDIES = ("loaded", "opened", "paused", "closed", "uncovered", "covered", "looked", "prioritised", "results")
"""What is done to a study and stands in its history.csv."""
BESIDE = ("exported", "erased", "restored", "moved", "archived", "researcher_added", "researcher_changed", "logged_in")
"""What else is done."""
WORDS = frozenset((*OF_STUDIES, *BESIDE))


@dataclass(frozen=True)
class Line:
    """A line of the log; `detail` is what was said beside the deed, such as the SHA-256 of what was loaded."""

    id: int
    at: datetime
    who: str
    did: str
    study: str
    detail: dict[str, Any]


def record(db: OrmSession, who: str, did: str, study: str = "", **detail: Any) -> None:
    """Add a line; call it in the write transaction of the deed.

    What is done to a study stands beside how much there was to see of it: complete sessions, and rating votes.

    Args:
        who: the researcher's name, or `COMMAND_LINE`.
        did: one of `WORDS`.
        study: its name, where one is meant.
        detail: what JSON can hold, and nothing that names a participant but the number of a session; where a file was
            loaded, `sha256` is its digest.

    Raises:
        ValueError: there is no such deed.
    """
    if did not in WORDS:
        raise ValueError(f"the log has no word {did!r}")
    if did in OF_STUDIES:
        detail = _there(db, study) | detail
    said = json.dumps(detail, sort_keys=True, ensure_ascii=False)
    db.add(Deed(at=now(), who=who, did=did, study=study, detail=said))
    db.flush()


def _there(db: OrmSession, study: str) -> dict[str, Any]:
    """Complete sessions and rating votes of a study, if it is there, at this moment; a correction is no second vote."""
    number = db.scalar(select(Study.id).where(Study.name == study))
    if number is None:
        return {}
    theirs = taking_part(number)
    complete = select(func.count(Session.id)).where(theirs, Session.outcome == "complete")
    # What the dashboard has counted up to a session's last write need not be counted again, for others wait meanwhile.
    known = SessionTally.turn == Session.turn
    kept = select(func.sum(SessionTally.ratings)).join(Session, Session.id == SessionTally.session_id)
    votes = db.scalar(kept.where(theirs, known)) or 0
    behind = select(Session.id).outerjoin(SessionTally, and_(SessionTally.session_id == Session.id, known))
    behind = behind.where(theirs, SessionTally.id.is_(None), Session.outcome.not_in(["declined", "withdrawn"]))
    sessions = db.scalars(behind.order_by(Session.id)).all()
    voted = exists().where(Vote.trial_id == Trial.id)
    for start in range(0, len(sessions), AT_ONCE):
        some = Trial.session_id.in_(sessions[start : start + AT_ONCE])
        votes += db.scalar(select(func.count(Trial.id)).where(some, Trial.kind == "rating", voted)) or 0
    return {"sessions": db.scalar(complete), "votes": int(votes)}


def read(db: OrmSession, study: str | None = None, *, did: Iterable[str] = (), newest: int | None = None) -> list[Line]:
    """Lines of the log in their order: all, those of one study, those of some words, or only the `newest` of them."""
    query = select(Deed).order_by(Deed.id.desc() if newest else Deed.id).limit(newest)
    if study is not None:
        query = query.where(Deed.study == study)
    if words := list(did):
        query = query.where(Deed.did.in_(words))
    rows = list(db.scalars(query))
    return [
        Line(row.id, row.at, row.who, row.did, row.study, json.loads(row.detail))
        for row in (reversed(rows) if newest else rows)
    ]
