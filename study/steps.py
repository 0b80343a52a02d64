"""Where a participant stands: the open step, the trial in it, and what the page is told of both.

The step is worked out from what is stored, never kept beside it, so that it cannot disagree.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
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


def session_of(db: OrmSession, participant: Participant) -> Session | None:
    """The participant's session, if one has begun or was declined."""
    return db.scalar(select(Session).where(Session.participant_id == participant.id))


def place(db: OrmSession, session: Session) -> Place:
    """Where this session stands."""
    ahead = _unanswered(db, session)
    step = _step(session, ahead)
    trial = ahead[0] if step == "trial" else None
    following = ahead[1] if trial and len(ahead) > 1 and ahead[1].block == trial.block else None
    return Place(step, trial, following, _progress(db, session, step))


def _step(session: Session, ahead: list[Trial]) -> str:
    if session.outcome == "declined":
        return "declined"
    if not ahead:
        return "thanks"
    if not session.instructed:
        return "instructions"
    return "break" if ahead[0].block > session.block else "trial"


def go_on(db: OrmSession, session: Session, shown: str, at: datetime) -> None:
    """Leave the instructions or a break, if that is the step that is open; a stale page changes nothing."""
    here = place(db, session)
    if here.step != shown:
        return
    if shown == "instructions":
        session.instructed = True
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
    progress = here.progress
    return {
        "step": here.step,
        "trial": _described(db, here.trial, spec),
        "next": _described(db, here.following, spec),
        "progress": {"done": progress.done, "of": progress.of, "seconds_left": progress.seconds_left},
    }


def _described(db: OrmSession, trial: Trial | None, spec: Spec) -> dict[str, Any] | None:
    """The trial for the browser: images by content, and nothing that names a condition."""
    if trial is None:
        return None
    left, right = (trial.pair.b, trial.pair.a) if trial.flipped else (trial.pair.a, trial.pair.b)
    shown = spec.study.reference != "never"
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
        "reference": _image(_reference(db, trial)) if shown else None,
    }


def _image(stimulus: Stimulus) -> dict[str, Any]:
    return {
        "url": f"/media/{stimulus.sha256}.png",
        "sha256": stimulus.sha256,
        "width": stimulus.crop.width,
        "height": stimulus.crop.height,
    }


def _reference(db: OrmSession, trial: Trial) -> Stimulus:
    return db.scalars(
        select(Stimulus)
        .join(Condition, Condition.id == Stimulus.condition_id)
        .where(Stimulus.crop_id == trial.pair.a.crop_id, Condition.name == folder.REFERENCE)
        .options(joinedload(Stimulus.crop))
    ).one()


def _unanswered(db: OrmSession, session: Session) -> list[Trial]:
    """The next two trials without a vote."""
    query = (
        select(Trial)
        .where(Trial.session_id == session.id, ~select(Vote.id).where(Vote.trial_id == Trial.id).exists())
        .order_by(Trial.position)
        .limit(2)
        .options(
            joinedload(Trial.pair).options(
                joinedload(Pair.a).joinedload(Stimulus.crop), joinedload(Pair.b).joinedload(Stimulus.crop)
            )
        )
    )
    return list(db.scalars(query))


def _progress(db: OrmSession, session: Session, step: str) -> Progress:
    votes = (
        select(func.count(Vote.id), func.coalesce(func.sum(Vote.response_ms), 0))
        .join(Trial, Trial.id == Vote.trial_id)
        .where(Trial.session_id == session.id, Trial.kind != "practice", Vote.corrects.is_(None))
    )
    done, spent_ms = db.execute(votes).one()
    planned = select(func.count()).where(Trial.session_id == session.id, Trial.kind != "practice")
    of = db.scalar(planned) or 0
    pace = (USUAL_TRIAL_S * USUAL_WEIGHT + (spent_ms or 0) / 1000) / (USUAL_WEIGHT + done)
    return Progress(done, of, 0 if step == "thanks" else round((of - done) * pace))
