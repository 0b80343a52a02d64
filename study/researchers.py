"""Accounts of researchers: hashed passwords, failures counted in the database, the same answer for every wrong login.

Who tries passwords waits: after a few failures under a name, twice as long each time. That holds for every name that
is typed, so that nobody learns which researchers there are; and it means that somebody who knows a name can make its
owner wait, for a quarter of an hour at most.
"""

import re
import secrets
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session as OrmSession
from werkzeug.security import check_password_hash, generate_password_hash

from study import deeds
from study.db import Database
from study.errors import Refused
from study.ledger import LoginFailure, Researcher
from study.models import now

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
ROLES = ("owner", "viewer")
SHORTEST, LONGEST = 10, 1000
HASH = "scrypt:32768:8:3"
"""One of the least that OWASP's cheat sheet on password storage takes: 32 MB, three times over, for each try."""
FREE_FAILURES = 3
"""Failures without a wait: anybody mistypes."""
REMEMBERED = timedelta(hours=1)
"""For how long a failure counts."""
LONGEST_WAIT = timedelta(minutes=15)

_nobodys = ""
"""A hash that no password has, made once a process: a name without an account takes as long as one with."""


class WrongLogin(Exception):  # noqa: N818 - it is named by what it says
    """No such researcher, another password, or a locked account: which one is not told."""


class MustWait(Exception):  # noqa: N818
    """There were too many failures under this name."""

    def __init__(self, seconds: int) -> None:
        super().__init__(f"wait {seconds} s")
        self.seconds = seconds


@dataclass(frozen=True)
class Who:
    """A researcher who is logged in."""

    id: int
    name: str
    role: str
    stamp: str

    @property
    def is_owner(self) -> bool:
        """Whether this one may change what a study does."""
        return self.role == "owner"


def add(db: OrmSession, name: str, role: str, password: str, *, who: str = deeds.COMMAND_LINE) -> None:
    """Make an account.

    Raises:
        Refused: the name cannot be one or is taken, or the password is too short.
    """
    if not NAME.fullmatch(name):
        raise Refused(
            f"{name!r} is no name of a researcher: begin with a letter or digit, then letters, digits and `. _ @ -`, "
            "64 in all at most."
        )
    if db.scalar(select(Researcher.id).where(Researcher.name == name)) is not None:
        raise Refused(f"A researcher `{name}` is there already: `study researcher password {name}` sets a password.")
    db.add(Researcher(name=name, role=role, password=_hashed(password), stamp=_stamp(), created_at=now()))
    deeds.record(db, who, "researcher_added", name=name, role=role)


def set_password(db: OrmSession, name: str, password: str, *, who: str = deeds.COMMAND_LINE) -> None:
    """Give another password, which ends every login of this researcher and every wait.

    Raises:
        Refused: there is no such researcher, or the password is too short.
    """
    researcher = _find(db, name)
    researcher.password, researcher.stamp = _hashed(password), _stamp()
    db.execute(delete(LoginFailure).where(LoginFailure.name == name))
    deeds.record(db, who, "researcher_changed", name=name, what="password")


def lock(db: OrmSession, name: str, *, locked: bool = True, who: str = deeds.COMMAND_LINE) -> None:
    """Lock the account, which ends every login of it at once, or let it in again.

    Raises:
        Refused: there is no such researcher.
    """
    researcher = _find(db, name)
    researcher.locked, researcher.stamp = locked, _stamp()
    deeds.record(db, who, "researcher_changed", name=name, what="locked" if locked else "unlocked")


def log_out(db: OrmSession, number: int) -> None:
    """End every login of this researcher: a copy of the cookie is then worth as little as the cookie."""
    db.get_one(Researcher, number).stamp = _stamp()


def all_of_them(db: OrmSession) -> list[Researcher]:
    """Every account, by name."""
    return list(db.scalars(select(Researcher).order_by(Researcher.name)))


def log_in(database: Database, name: str, password: str, at: datetime) -> Who:
    """The researcher of this name and password; every failure is counted before the password is looked at.

    So whoever tries many at once gains nothing.

    Raises:
        WrongLogin: they do not belong together.
        MustWait: there were too many failures; the password was not looked at.
    """
    typed = name.replace("\0", "")[:64]
    with database.write() as db:
        _count_failure(db, database, typed, at)
    with database.read() as db:
        researcher = db.scalar(select(Researcher).where(Researcher.name == typed))
    nobodys = _nobodys_hash()  # made before it is known whether it is needed
    hashed = researcher.password if researcher else nobodys
    if not check_password_hash(hashed, _normal(password)[:LONGEST]) or researcher is None or researcher.locked:
        raise WrongLogin
    with database.write() as db:
        db.execute(delete(LoginFailure).where(LoginFailure.name == typed))
        deeds.record(db, researcher.name, "logged_in")
    return Who(researcher.id, researcher.name, researcher.role, researcher.stamp)


def known(db: OrmSession, number: int, stamp: str) -> Who | None:
    """The researcher of a login, if it has not been ended since."""
    found = db.get(Researcher, number)
    if found is None or found.locked or not secrets.compare_digest(found.stamp, stamp):
        return None
    return Who(found.id, found.name, found.role, found.stamp)


def wait(failures: int, last: datetime | None, at: datetime) -> timedelta:
    """How long to wait after so many failures, the last one then: 1 s, 2 s, 4 s ... after those that are free."""
    if last is None or failures < FREE_FAILURES:
        return timedelta(0)
    least = min(timedelta(seconds=2 ** min(failures - FREE_FAILURES, 20)), LONGEST_WAIT)
    return max(last + least - at, timedelta(0))


def _count_failure(db: OrmSession, database: Database, name: str, at: datetime) -> None:
    """Note an attempt as failed, which a right password takes back; a write transaction at a time does so."""
    if not database.is_sqlite:
        db.execute(text("LOCK TABLE login_failure IN SHARE ROW EXCLUSIVE MODE"))
    db.execute(delete(LoginFailure).where(LoginFailure.at < at - REMEMBERED))
    query = select(func.count(), func.max(LoginFailure.at)).where(LoginFailure.name == name)
    failures, last = db.execute(query).one()
    left = wait(failures, last, at)
    if left > timedelta(0):
        raise MustWait(-int(-left.total_seconds() // 1))
    db.add(LoginFailure(name=name, at=at))


def _find(db: OrmSession, name: str) -> Researcher:
    researcher = db.scalar(select(Researcher).where(Researcher.name == name)) if NAME.fullmatch(name) else None
    if researcher is None:
        raise Refused(f"There is no researcher `{name}`: `manage.py study researcher list` names them.")
    return researcher


def _hashed(password: str) -> str:
    if not SHORTEST <= len(_normal(password)) <= LONGEST:
        raise Refused(
            f"The password has {len(_normal(password))} characters: take at least {SHORTEST} (a sentence is easiest to "
            f"keep in mind), and {LONGEST} at most."
        )
    return generate_password_hash(_normal(password), HASH)


def _normal(password: str) -> str:
    """The same password however a keyboard composes its letters."""
    return unicodedata.normalize("NFC", password)


def _stamp() -> str:
    return secrets.token_urlsafe(24)


def _nobodys_hash() -> str:
    global _nobodys  # noqa: PLW0603 - made at the first login, for it takes a while
    _nobodys = _nobodys or generate_password_hash(secrets.token_urlsafe(32), HASH)
    return _nobodys
