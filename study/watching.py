"""What a running study looks like: counted in SQL, from what `tallying` keeps, never from a way through all votes."""

import time
from dataclasses import dataclass

from sqlalchemy import func, select

from study import tallying
from study.db import Database
from study.models import Session, Study, taking_part

BUDGET_S = 0.15
"""For how long one look counts votes that nobody has counted yet; the rest waits for the next look."""
AT_ONCE = 20
"""Sessions that are counted in one transaction."""


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
            found = tallying.read(db, study, behind[:AT_ONCE])
        with database.write() as db:
            tallying.keep(db, study, found)
