"""A participant's walk: one address that shows the open step."""

from threading import Lock
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session as OrmSession

from study import demand, facts, identity, languages, links, plates, questions, scheduling, steps, words
from study.db import Database
from study.errors import Malformed
from study.models import Crop, Participant, Session, Source, Study, now
from study.spec import Spec

blueprint = Blueprint("participant", __name__, url_prefix="/s/<name>")

ENDS = {"thanks", "screened_out", "withdrawn", "expired", "declined"}
"""Steps that stay to be seen whatever becomes of the study; every step has the template of its name."""


@blueprint.get("")
def page(name: str) -> ResponseReturnValue:
    """HTML of the open step; a link's parameters are taken in first and leave the address."""
    if identity.PREVIEW in request.args:
        identity.open_preview(name, request.args[identity.PREVIEW])
        return redirect(url_for("participant.page", name=name))
    with _database().read() as db:
        study = scheduling.find(db, name, preview=identity.is_preview(name))
        languages.choose(scheduling.spec_of(study).study.languages)
        if request.args:
            identity.arrive(db, study, request.args)
            return redirect(url_for("participant.page", name=name))
        participant = identity.current(db, study)
        session = steps.session_of(db, participant) if participant else None
        return _consent(db, study) if session is None else _page(db, study, session)


@blueprint.get("/")
def slashed(name: str) -> ResponseReturnValue:
    """The same for a link that somebody ended with a slash."""
    return page(name) if request.args else redirect(url_for("participant.page", name=name))


@blueprint.post("/step")
def step(name: str) -> ResponseReturnValue:
    """Agree, decline or go on. A page that shows a step which is no longer open changes nothing."""
    shown, action = request.form.get("step", ""), request.form.get("action", "")
    if action not in {"agree", "decline", "next"}:
        raise Malformed("`action`: it is `agree`, `decline` or `next`.")
    ahead = _counted_ahead(name) if action == "agree" else demand.NOTHING
    with _database().write() as db:
        study = scheduling.find(db, name, lock=action != "next", preview=identity.is_preview(name))
        languages.choose(scheduling.spec_of(study).study.languages)
        if action == "next":
            _go_on(db, study, shown)
        elif shown == "consent":
            _answer_consent(db, study, ahead, agreed=action == "agree")
    return redirect(url_for("participant.page", name=name), 303)


def _go_on(db: OrmSession, study: Study, shown: str) -> None:
    session = identity.session_of(db, study)
    languages.use(session.language)
    said = _said(shown, study, session)
    if steps.go_on(db, session, shown, now()):
        facts.keep(db, session, said)


def _counted_ahead(name: str) -> demand.Counted:
    """What is planned and answered, counted before anything is locked; a preview is planned without it."""
    preview = identity.is_preview(name)
    with _database().read() as db:
        study = scheduling.find(db, name, preview=preview)
        return _known(db, study) if preview else _counted(db, study)


def _counted(db: OrmSession, study: Study) -> demand.Counted:
    """The same, counted on from what this process counted last."""
    with _counting():
        kept = _kept()
        kept[study.id] = scheduling.counted(db, study, now(), kept.get(study.id, demand.NOTHING)).settled()
        return kept[study.id]


def _known(db: OrmSession, study: Study) -> demand.Counted:
    """What this process counted last: enough where only the pairs matter, and not how often each was answered."""
    with _counting():
        kept, ask = _kept(), scheduling.spec_of(study).design
        kept[study.id] = demand.known(db, study, ask, kept.get(study.id, demand.NOTHING))
        return kept[study.id]


def _counting() -> Lock:
    """One thread counts at a time: the first time takes long in a large study, and the others find it done."""
    lock: Lock = current_app.extensions.setdefault("counting", Lock())
    return lock


def _kept() -> dict[int, demand.Counted]:
    kept: dict[int, demand.Counted] = current_app.extensions.setdefault("counted", {})
    return kept


def _answer_consent(db: OrmSession, study: Study, ahead: demand.Counted, *, agreed: bool) -> None:
    at, language = now(), languages.spoken()
    participant = identity.enrol(db, study, at, agreed=agreed)
    if not agreed:
        scheduling.decline(db, participant, at, language)
        return
    session = scheduling.begin(db, study, participant, at, language, ahead=ahead)
    if session.outcome == "open":
        facts.keep(db, session, _said("consent", study, session))


def _said(shown: str, study: Study, session: Session) -> dict[str, str]:
    """What the form of a step says of the participant and the screen."""
    ask = scheduling.spec_of(study).ask
    if shown == "plates":
        return facts.read_plates(request.form, _plates(ask.colour_plates, session))
    told = facts.browser(request.user_agent.string) if shown == "consent" else {}
    return told | facts.read(shown, request.form, ask)


def _plates(count: int, session: Session) -> list[plates.Plate]:
    return plates.plates(count, f"{session.study_id} {session.ordinal}")


def _consent(db: OrmSession, study: Study) -> str:
    preview = identity.is_preview(study.name)
    scheduling.check_open(study, preview=preview)
    identity.welcome(study)
    spec, at = scheduling.spec_of(study), now()
    ahead = demand.NOTHING
    if not preview:
        ahead = _counted(db, study) if spec.design.votes_per_pair else _known(db, study)
        scheduling.check_room(db, study, at, ahead)
    practice, trials = scheduling.trials_planned(db, study, at, ahead, preview=preview)
    seconds = (practice + trials) * steps.USUAL_TRIAL_S
    nothing_yet = steps.Progress(0, trials, round(seconds))
    more = {"practice": practice, "link": identity.arrival_link(study), **_device(db, study, spec)}
    return _render("consent", study, spec, nothing_yet, **more)


def _page(db: OrmSession, study: Study, session: Session) -> str:
    here = steps.here(db, session, now())
    spec = scheduling.spec_of(study)
    languages.use(session.language)
    if here.step not in ENDS:
        scheduling.check_open(study, preview=session.participant.preview)
    return _render(here.step, study, spec, here.progress, session.asks_for, **_more(db, here.step, study, session))


def _more(db: OrmSession, step: str, study: Study, session: Session) -> dict[str, Any]:
    """What the templates of some steps need beside what all get."""
    spec, participant = scheduling.spec_of(study), session.participant
    more: dict[str, Any] = {"withdraw_link": identity.withdraw_link(participant), "whose": identity.mark(participant)}
    if step == "questions":
        more |= {"questions": {name: words.QUESTIONS[name] for name in facts.asked(step, spec.ask)}}
    elif step == "plates":
        more |= {"plates": _plates(spec.ask.colour_plates, session)}
    elif step == "screen":
        more |= {"words": words.said(words.SCREEN)}
    elif step == "instructions":
        more |= _device(db, study, spec)
    elif step == "trial":
        more |= {"words": words.said(words.TRIAL)}
    elif step in {"thanks", "screened_out"}:
        more |= _payment(db, step, spec, participant)
    return more


def _payment(db: OrmSession, step: str, spec: Spec, participant: Participant) -> dict[str, str]:
    """The link that pays, and the code to tell where the link carries it or there is no link."""
    link, filled = {
        "thanks": (spec.links.completion, links.completion_link),
        "screened_out": (spec.links.screen_out, links.screen_out_link),
    }[step]
    told = not link or links.CODE in links.PLACEHOLDER.findall(link)
    return {"url": filled(db, spec, participant), "code": links.code(participant) if told else ""}


def _device(db: OrmSession, study: Study, spec: Spec) -> dict[str, Any]:
    """What static/device.js checks the window against: a trial with the largest images of the study."""
    image = _largest_image(db, study, spec)
    trial = {
        "layout": spec.study.layout,
        "reference_mode": spec.study.reference,
        "device_pixels_per_pixel": spec.study.device_pixels_per_pixel,
        "choices": ["left", "right", *(["not_sure"] if spec.study.not_sure else [])],
        "loupe": spec.study.loupe,
        "mark_region": spec.study.mark_region,
        "left": image,
        "right": image,
        "reference": None if spec.study.reference == "never" else image,
    }
    return {"device": {"phones": spec.study.phones, "trial": trial}, "words": words.said(words.DEVICE)}


def _largest_image(db: OrmSession, study: Study, spec: Spec) -> dict[str, int]:
    sides = (Crop.width, Crop.height) if spec.study.view == "crop" else (Crop.context_width, Crop.context_height)
    query = select(func.max(sides[0]), func.max(sides[1])).join(Crop.source).where(Source.study_id == study.id)
    largest = db.execute(query).one()
    return {"width": largest[0] or 0, "height": largest[1] or 0}


def _render(
    step: str, study: Study, spec: Spec, progress: steps.Progress, asks_for: str | None = None, **more: Any
) -> str:
    """The page of a step, with what every template may use; `asks_for` is the session's own question, if it has one."""
    shown = {
        "name": study.name,
        "contact": spec.study.contact,
        "kind": spec.study.kind,
        "asks_for": questions.of(spec, asks_for),
        "reference": spec.study.reference,
        "layout": spec.study.layout,
        "loupe": spec.study.loupe,
        "mark_region": spec.study.mark_region,
        "not_sure": spec.study.not_sure,
        "languages": spec.study.languages,
        "screening": spec.screening.catches_missed > 0,
        "screen_out": spec.links.screen_out,
        "catches": spec.design.catch_rate > 0,
        "identical": spec.design.identical_rate > 0,
        "repeats": spec.design.repeat_rate > 0,
        "simulated": study.simulated,
        "preview": identity.is_preview(study.name),
    }
    texts = questions.texts(spec, languages.spoken(), asks_for)
    asks = len(steps.preparation(spec)) > 1
    return render_template(f"{step}.html", study=shown, texts=texts, progress=progress, asks=asks, **more)


def _database() -> Database:
    database: Database = current_app.extensions["database"]
    return database
