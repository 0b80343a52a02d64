"""When ratings may be seen: after the study has closed, at a look that was planned, or uncovered by somebody's deed.

Whoever looks at ratings again and again while votes come in, and stops when something is separated, separates what is
alike: with 20 looks at 5% each, in 25% of studies (Armitage, McPherson and Rowe 1969, J. R. Stat. Soc. A 132, 235-244).
So while a study takes votes its ratings stay covered. A look that `analysis.looks` foresaw shows one report, made from
at least so many complete sessions; alpha is shared among all looks, the last of which comes after the study has closed.
"""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import deeds, loading
from study.errors import Refused
from study.ledger import Export, Result
from study.models import Session, Study, now, taking_part
from study.scheduling import spec_of

WHY_NOT = (
    "Whoever looks at the ratings 20 times while votes come in, and stops when something is separated, separates what "
    "is alike in 25% of studies instead of 5%. Uncovering is logged, and stands in history.csv and in every report "
    "made from later votes."
)
TAKING_VOTES = ("open", "paused")


@dataclass(frozen=True)
class Look:
    """A planned look: its number from 1, of so many, the complete sessions that it needs, and its share of alpha.

    `result` is the report that it showed, where it was taken.
    """

    number: int
    of: int
    sessions: int
    alpha: float
    result: int | None


@dataclass(frozen=True)
class Cover:
    """Whether ratings may be seen now: `all` reports' (`why` says why), or those of the looks that were taken."""

    all: bool
    why: str
    looks: tuple[Look, ...]

    def shows(self, result: int) -> bool:
        """Whether the ratings of this report may be seen."""
        return self.all or self.look_of(result) is not None

    def look_of(self, result: int) -> Look | None:
        """The look that showed this report, if one did."""
        return next((look for look in self.looks if look.result == result), None)

    @property
    def next(self) -> Look | None:
        """The first look that was not taken yet, if votes are still to come."""
        return None if self.all else next((look for look in self.looks if look.result is None), None)


def cover_of(db: OrmSession, study: Study) -> Cover:
    """Whether the ratings of this study may be seen now."""
    looks = _looks(db, study)
    if study.state not in TAKING_VOTES:
        return Cover(True, f"the study is {'closed' if study.state == 'closed' else 'not open yet'}", looks)
    if study.uncovered_at is not None:
        return Cover(True, "they were uncovered while the study takes votes", looks)
    return Cover(False, "the study takes votes", looks)


def uncover(db: OrmSession, name: str, typed: str, *, who: str = deeds.COMMAND_LINE) -> None:
    """Show the ratings of a study that takes votes, from now on; `typed` is its name once more, as a confirmation.

    Raises:
        Refused: there is no such study, its ratings are not covered, or the name was not typed.
    """
    study = loading.find(db, name, lock=True)
    if study.state not in TAKING_VOTES or study.uncovered_at is not None:
        raise Refused(f"The ratings of `{name}` are not covered: {cover_of(db, study).why}.")
    if typed.strip() != name:
        raise Refused(f"To uncover the ratings type the study's name, `{name}`: they stay covered.")
    study.uncovered_at = now()
    deeds.record(db, who, "uncovered", name)


def cover(db: OrmSession, name: str, *, who: str = deeds.COMMAND_LINE) -> None:
    """Cover the ratings again.

    Raises:
        Refused: there is no such study, or nothing was uncovered.
    """
    study = loading.find(db, name, lock=True)
    if study.uncovered_at is None:
        raise Refused(f"The ratings of `{name}` were not uncovered, so there is nothing to cover again.")
    if study.state not in TAKING_VOTES:
        raise Refused(f"Study `{name}` is {study.state}, so its ratings stay in view.")
    study.uncovered_at = None
    deeds.record(db, who, "covered", name)


def look(db: OrmSession, name: str, *, who: str = deeds.COMMAND_LINE) -> Look:
    """Take the next planned look: the report that was loaded last is shown from now on, and no other one by this look.

    Raises:
        Refused: there is no such study, no look is planned or left, or no report holds enough complete sessions.
    """
    study = loading.find(db, name, lock=True)
    found = cover_of(db, study)
    if found.all:
        raise Refused(f"The ratings of `{name}` are not covered, so no look is needed: {found.why}.")
    planned = found.next
    if planned is None:
        why = "all of them were taken" if found.looks else "`analysis.looks` names none"
        raise Refused(f"No look at `{name}` is left before it closes: {why}.")
    newest = db.scalar(select(Result).where(Result.study_id == study.id).order_by(Result.id.desc()).limit(1))
    complete = None if newest is None else complete_in(db, study, newest)
    if newest is None or complete is None or complete < planned.sessions:
        holds = "is loaded" if newest is None else f"was loaded from {complete or 'an unknown number of'} of them"
        raise Refused(
            f"Look {planned.number} at `{name}` needs a report made from {planned.sessions} complete sessions, and "
            f"{'none' if newest is None else 'the last one'} {holds}: load one with `study results {name} FOLDER`."
        )
    if found.look_of(newest.id) is not None:
        raise Refused(f"The report that was loaded last was shown by a look already: load a newer one of `{name}`.")
    deeds.record(db, who, "looked", name, look=planned.number, of=planned.of, alpha=planned.alpha, result=newest.id,
                 sha256=newest.votes_sha256)  # fmt: skip
    return planned


def export_of(db: OrmSession, study: Study, votes_sha256: str) -> Export | None:
    """When and up to where the votes with this digest left the database, if they did."""
    query = select(Export).where(Export.study_id == study.id, Export.what == "votes", Export.sha256 == votes_sha256)
    return db.scalar(query.order_by(Export.id).limit(1))


def complete_in(db: OrmSession, study: Study, result: Result) -> int | None:
    """How many complete sessions a report was made from; None where its votes did not leave this database."""
    export = export_of(db, study, result.votes_sha256)
    if export is None:
        return None
    ended = (Session.outcome == "complete", Session.id <= export.last_session_id, Session.ended_at <= export.at)
    return db.scalar(select(func.count(Session.id)).where(taking_part(study.id), *ended)) or 0


def _looks(db: OrmSession, study: Study) -> tuple[Look, ...]:
    """The looks that the frozen design foresees before the study closes."""
    analysis = spec_of(study).analysis
    taken = {line.detail["look"]: line.detail["result"] for line in deeds.read(db, study.name, did=("looked",))}
    of = analysis.looks_in_all
    return tuple(
        Look(number, of, sessions, analysis.alpha / of, taken.get(number))
        for number, sessions in enumerate(analysis.looks, start=1)
    )
