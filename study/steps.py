"""Where a participant stands: the open step, the trial in it, and what the page is told of both.

The step is worked out from what is stored, never kept beside it, so that it cannot disagree.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import joinedload

from study import folder
from study.models import Condition, Pair, Participant, Session, Stimulus, Trial, Vote
from study.spec import Spec

USUAL_TRIAL_S = 7.0
"""Seconds that a trial is taken to last before anything is known of the participant."""
USUAL_WEIGHT = 5
"""As how many trials of the participant's own the usual duration counts."""


@dataclass(frozen=True)
class Progress:
    """Trials after practice: done, of so many, and about how many seconds the rest will take."""

    done: int
    of: int
    seconds_left: int


@dataclass(frozen=True)
class Place:
    """The open step; the open trial in it, and the trial after that where nothing stands between."""

    step: str
    trial: Trial | None
    following: Trial | None
    progress: Progress


@dataclass(frozen=True)
class Outlook:
    """What the open step follows from: the next trials without a vote, at most three, and what has been done."""

    ahead: tuple[Trial, ...]
    done: int
    of: int
    spent_ms: int

    def after(self, response_ms: int | None) -> "Outlook":
        """The outlook once the first trial has its vote, without another look at the database."""
        counts = self.ahead[0].kind != "practice"
        return Outlook(self.ahead[1:], self.done + counts, self.of, self.spent_ms + counts * (response_ms or 0))


def session_of(db: OrmSession, participant: Participant) -> Session | None:
    """The participant's session, if one has begun or was declined."""
    return db.scalar(select(Session).where(Session.participant_id == participant.id))


def look(db: OrmSession, session: Session) -> Outlook:
    """What lies ahead of this session, and behind it."""
    # An outer join begins at the session's trials; from an inner one SQLite would begin at every vote there is.
    query = (
        select(func.count(Vote.id), func.count(), func.coalesce(func.sum(Vote.response_ms), 0))
        .select_from(Trial)
        .outerjoin(Vote, and_(Vote.trial_id == Trial.id, Vote.corrects.is_(None)))
        .where(Trial.session_id == session.id, Trial.kind != "practice")
    )
    done, of, spent_ms = db.execute(query).one()
    return Outlook(_unanswered(db, session), done, of, spent_ms or 0)


def place(session: Session, outlook: Outlook) -> Place:
    """Where this session stands."""
    ahead = outlook.ahead
    step = _step(session, ahead)
    trial = ahead[0] if step == "trial" else None
    following = ahead[1] if trial and len(ahead) > 1 and ahead[1].block == trial.block else None
    return Place(step, trial, following, _progress(outlook))


def _step(session: Session, ahead: tuple[Trial, ...]) -> str:
    if session.outcome == "declined":
        return "declined"
    if not ahead:
        return "thanks"
    if not session.prepared:
        return "instructions"
    return "break" if ahead[0].block > session.block else "trial"


def _progress(outlook: Outlook) -> Progress:
    pace_s = (USUAL_TRIAL_S * USUAL_WEIGHT + outlook.spent_ms / 1000) / (USUAL_WEIGHT + outlook.done)
    return Progress(outlook.done, outlook.of, round((outlook.of - outlook.done) * pace_s))


def go_on(db: OrmSession, session: Session, shown: str, at: datetime) -> None:
    """Leave the instructions or a break, if that is the step that is open; a stale page changes nothing."""
    if place(session, look(db, session)).step != shown:
        return
    if shown == "instructions":
        session.prepared += 1
    elif shown == "break":
        session.block += 1
    session.active_at = at


def show(trial: Trial | None, at: datetime, *, fetched: bool) -> None:
    """Note that the trial is shown now; fetching one that was shown before is a reload."""
    if trial is None:
        return
    if trial.shown_at is None:
        trial.shown_at = at
    elif fetched:
        trial.reloads += 1


def describe(db: OrmSession, here: Place, spec: Spec) -> dict[str, Any]:
    """What `GET /s/NAME/trial` answers."""
    shown = [trial for trial in (here.trial, here.following) if trial is not None]
    references = _references(db, shown) if spec.study.reference != "never" else {}
    trials = [_described(trial, spec, references.get(trial.pair.a.crop_id)) for trial in shown]
    return {
        "step": here.step,
        "trial": trials[0] if trials else None,
        "next": trials[1] if len(trials) > 1 else None,
        "progress": asdict(here.progress),
    }


def _described(trial: Trial, spec: Spec, reference: Stimulus | None) -> dict[str, Any]:
    """The trial for the browser: images by content, and nothing that names a condition."""
    left, right = (trial.pair.b, trial.pair.a) if trial.flipped else (trial.pair.a, trial.pair.b)
    return {
        "id": trial.public,
        "key": trial.key,
        "practice": trial.kind == "practice",
        "layout": spec.study.layout,
        "reference_mode": spec.study.reference,
        "question": spec.texts.question,
        "choices": ["left", "right", *(["not_sure"] if spec.study.not_sure else [])],
        "minimum_view_ms": spec.design.minimum_view_ms,
        "device_pixels_per_pixel": spec.study.device_pixels_per_pixel,
        "left": _image(left),
        "right": _image(right),
        "reference": _image(reference) if reference else None,
    }


def _image(stimulus: Stimulus) -> dict[str, Any]:
    return {
        "url": f"/media/{stimulus.sha256}.png",
        "sha256": stimulus.sha256,
        "width": stimulus.crop.width,
        "height": stimulus.crop.height,
    }


def _references(db: OrmSession, trials: list[Trial]) -> dict[int, Stimulus]:
    """The references of the trials' crops, by crop."""
    query = (
        select(Stimulus)
        .join(Condition, Condition.id == Stimulus.condition_id)
        .where(Stimulus.crop_id.in_({t.pair.a.crop_id for t in trials}), Condition.name == folder.REFERENCE)
        .options(joinedload(Stimulus.crop, innerjoin=True))
    )
    return {stimulus.crop_id: stimulus for stimulus in db.scalars(query)} if trials else {}


def _unanswered(db: OrmSession, session: Session) -> tuple[Trial, ...]:
    """The next trials without a vote: the open one, the one to fetch ahead, and the one after those."""
    stimulus = joinedload(Stimulus.crop, innerjoin=True)
    sides = (joinedload(Pair.a, innerjoin=True).options(stimulus), joinedload(Pair.b, innerjoin=True).options(stimulus))
    vote = select(Vote.id).where(Vote.trial_id == Trial.id, Vote.corrects.is_(None))  # as the index has it
    query = (
        select(Trial)
        .where(Trial.session_id == session.id, ~vote.exists())
        .order_by(Trial.position)
        .limit(3)
        .options(joinedload(Trial.pair, innerjoin=True).options(*sides))
    )
    return tuple(db.scalars(query))
