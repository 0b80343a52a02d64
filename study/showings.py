"""What the page does not know: which conditions stand behind the images of a trial. For simulated participants."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession
from sqlalchemy.orm import joinedload

from study.folder import CATCH, REFERENCE
from study.minds import Showing, Shown
from study.models import Condition, Crop, Pair, Session, Stimulus, Study, Trial
from study.truth import Place


def rated(db: OrmSession, study: Study) -> list[tuple[Place, str]]:
    """Place and condition of every stimulus of a study that gets a rating, in the order of loading."""
    query = (
        select(Stimulus)
        .join(Condition)
        .where(Condition.study_id == study.id, Condition.name.not_in((REFERENCE, CATCH)))
        .options(joinedload(Stimulus.crop).joinedload(Crop.source), joinedload(Stimulus.condition))
        .order_by(Stimulus.id)
    )
    return [(_place(stimulus), stimulus.condition.name) for stimulus in db.scalars(query)]


def planned(db: OrmSession, name: str) -> dict[str, Showing]:
    """What every planned trial of the named study shows, by the trial's public name."""
    query = (
        select(Trial)
        .join(Session, Session.id == Trial.session_id)
        .join(Study, Study.id == Session.study_id)
        .where(Study.name == name)
        .options(*_side(Pair.a), *_side(Pair.b), joinedload(Trial.session))
    )
    return {trial.public: _showing(trial) for trial in db.scalars(query)}


def _side(column: Any) -> tuple[Any, Any]:
    stimulus = joinedload(Trial.pair).joinedload(column)
    return stimulus.joinedload(Stimulus.crop).joinedload(Crop.source), stimulus.joinedload(Stimulus.condition)


def _showing(trial: Trial) -> Showing:
    a, b = _shown(trial.pair.a), _shown(trial.pair.b)
    left, right = (b, a) if trial.flipped else (a, b)
    return Showing(trial.position, left, left if trial.kind == "identical" else right, trial.session.asks_for)


def _shown(stimulus: Stimulus) -> Shown:
    return Shown(_place(stimulus), stimulus.condition.name, stimulus.sha256)


def _place(stimulus: Stimulus) -> Place:
    crop = stimulus.crop
    return Place(crop.tag, crop.source.name, (crop.x, crop.y, crop.width, crop.height))
