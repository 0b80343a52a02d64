"""Who is asking: the only file at the cookie.

The signed cookie holds, for each study, a random token and how the participant arrived. Nothing is stored on the
server before the participant has agreed or declined; no internet address ever is.
"""

import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from flask import Flask, current_app, request, session, url_for
from flask.sessions import SecureCookieSessionInterface
from itsdangerous import BadSignature, URLSafeSerializer, URLSafeTimedSerializer
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study.errors import (
    Elsewhere,
    LinkTooLong,
    NoSession,
    NotForPeople,
    NotOpen,
    UnknownParticipant,
    UnknownStudy,
    Withdrawn,
)
from study.models import Participant, PlatformIdentity, Session, Study, random_pseudonym

KNOWN_IDS = ("PROLIFIC_PID", "workerId", "participant")
"""Parameters by which a platform names a person; a name is no proof, so it never opens a session that has begun."""
UNFILLED = frozenset("{}%")
"""What a platform's placeholder is written with: a link that nobody filled in names nobody."""
SIMULATED = "simulated"
"""The parameter that carries a simulated participant's signed token."""
LANGUAGE = "lang"
"""The parameter by which a link asks for a language."""
SIMULATED_FOR_S = 24 * 3600
PREVIEW = "preview"
"""The parameter that carries a researcher's signed token; an empty one ends the preview in this browser."""
PREVIEW_FOR_S = 7 * 24 * 3600
REMEMBERED = timedelta(days=60)
PARAMETERS_LENGTH = 1500
COOKIE_LENGTH = 2500
"""Characters of JSON: signed and encoded they stay below the 4 kB above which browsers drop a cookie in silence."""
PARAMETER_NAME_LENGTH = 100
OTHERS = 5
"""How many people before the present one a browser remembers in a study: each goes on by their own link."""


class _Cookies(SecureCookieSessionInterface):
    """The cookie never travels in the clear where the page did not; gunicorn knows the scheme behind a proxy."""

    def get_cookie_secure(self, _app: Flask) -> bool:
        return request.is_secure


def prepare(app: Flask) -> None:
    """Set the cookie's manners."""
    app.session_interface = _Cookies()
    app.config.update(
        SESSION_COOKIE_NAME="study",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=REMEMBERED,
    )


def simulated_token(secret_key: str, study_name: str) -> str:
    """What marks a participant of the named simulation as simulated; only who holds the key can make it."""
    return _simulated_signer(secret_key).dumps(study_name)


def preview_token(secret_key: str, study_name: str) -> str:
    """What opens a preview of the named study, each time another one; only who holds the key can make it."""
    return _preview_signer(secret_key).dumps([study_name, _new_token()])


def is_preview(name: str) -> bool:
    """Whether the cookie has the mark of a preview for the study of this name; a token puts it there."""
    visitor: dict[str, Any] = session.get("studies", {}).get(name, {})
    return bool(visitor.get(PREVIEW))


def open_preview(name: str, token: str) -> None:
    """Let this browser preview the study of this name: the link that began a preview goes on with it.

    Raises:
        UnknownStudy: the token was not signed for it, or is too old; it is not told whether there is such a draft.
    """
    try:
        known, own = _preview_signer(_secret_key()).loads(token, max_age=PREVIEW_FOR_S) if token else (name, "")
    except BadSignature:
        known, own = None, None
    if known != name or not isinstance(own, str):
        raise UnknownStudy("This preview's link is too old, or not complete: print another one.")
    kept = {other: visitor for other, visitor in session.get("studies", {}).items() if other != name}
    session["studies"] = kept | ({name: {"token": own, PREVIEW: True}} if own else {})
    session.permanent = True


def arrive(db: OrmSession, study: Study, parameters: Mapping[str, str]) -> None:
    """Take in a link's parameters: whom it names, and whether a simulation sent it.

    Names can be guessed, so a session that has begun is given to the browser whose cookie holds it and to nobody
    else; only a simulation, which proves itself by a signed token, resumes its participants by name. Where several
    people share a browser the cookie holds the last few who have begun, and the link says which of them is here.

    Raises:
        NotForPeople: a simulated participant at a human study, a token that is not this study's, or a person at a
            simulation.
        Elsewhere: the link names somebody who has begun in another browser.
        LinkTooLong: the link says more than a cookie can hold.
    """
    if LANGUAGE in parameters:
        session[LANGUAGE] = parameters[LANGUAGE][:16]
    kept, proven = _said(parameters), SIMULATED in parameters
    visitor = dict(_visitor(study) or _new_visitor())
    if visitor.get(PREVIEW):  # whoever follows a participants' link takes part
        visitor = _new_visitor()
    if proven:
        _check_simulated(study, parameters[SIMULATED])
    else:
        _check_kind(study, visitor)
    known, pseudonym = _by_token(db, study, visitor["token"]), _pseudonym(study, kept)
    named = _by_pseudonym(db, study, pseudonym) if pseudonym else None
    if named is not None:
        _check_here(db, named, visitor, proven=proven)
        visitor = _in_place_of(visitor, known, named.token)
    elif known is not None and pseudonym and known.pseudonym != pseudonym:
        visitor, known = _in_place_of(visitor, known, _new_token()), None  # another person at the same browser
    if kept and known is None and named is None:
        visitor["arrival"] = kept
    _remember(study, visitor)


def welcome(study: Study) -> None:
    """Give a visitor without one a token, so that agreeing twice makes one participant.

    Raises:
        NotForPeople: the study is a simulation and the visitor did not come with a token.
    """
    visitor = _visitor(study)
    _check_kind(study, visitor or {})
    if visitor is None:
        _remember(study, _new_visitor())


def language(offered: Sequence[str]) -> str:
    """One of the languages on offer: what a link asked for, else what the browser prefers, else the first."""
    asked = str(session.get(LANGUAGE, ""))
    # By its first part: whoever asks for British English before German gets English.
    wished = (wish.partition("-")[0].lower() for wish, quality in request.accept_languages if quality > 0)
    return next((language for language in (asked, *wished) if language in offered), offered[0])


def token(name: str) -> str | None:
    """The token that the cookie holds for the study of this name, if it holds one; whose it is, the database knows."""
    visitor: dict[str, Any] = session.get("studies", {}).get(name, {})
    return visitor.get("token")


def is_simulated(name: str) -> bool:
    """Whether the cookie has a simulated participant's mark for the study of this name; a token puts it there."""
    visitor: dict[str, Any] = session.get("studies", {}).get(name, {})
    return bool(visitor.get(SIMULATED))


def current(db: OrmSession, study: Study) -> Participant | None:
    """The participant that the cookie names, if there is one in this study."""
    visitor = _visitor(study)
    return _by_token(db, study, visitor["token"]) if visitor else None


def session_of(db: OrmSession, study: Study, *, lock: bool = True) -> Session:
    """The session of the participant that the cookie names, locked until the transaction ends unless it is only read.

    Whoever writes to a session must not do so while it is being erased; a reader sees one moment anyway, and a lock on
    a row that has changed since is what PostgreSQL refuses.

    Raises:
        NoSession: it names none.
        NotOpen: the participant declined.
        Withdrawn: the participant has withdrawn.
    """
    participant = current(db, study)
    session = None
    if participant is not None:
        query = select(Session).where(Session.participant_id == participant.id)
        session = db.scalar(query.with_for_update() if lock else query)
    if session is None:
        raise NoSession("No session of this study belongs to this browser: open the study's link again.")
    if session.outcome == "declined":
        raise NotOpen("You have declined to take part, so no step is open.")
    if session.outcome == "withdrawn":
        raise Withdrawn("You have withdrawn from this study, and your answers are erased.")
    return session


def mark(participant: Participant) -> str:
    """By what a browser that several people share tells apart the votes that it keeps for each of them."""
    return hashlib.sha256(participant.token.encode()).hexdigest()[:12]


def withdraw_link(participant: Participant) -> str:
    """The whole address at which this participant may withdraw: it needs no cookie and lasts as long as the secret."""
    token = _withdrawal_signer().dumps([participant.study.name, participant.token])
    return url_for("withdrawal.page", name=participant.study.name, token=token, _external=True)


def withdrawing(db: OrmSession, study: Study, token: str) -> Participant:
    """The participant of this study whom a withdraw link names, by the random token: a number is somebody else's in a
    database that was set up anew.

    Raises:
        UnknownParticipant: the token was not signed by this server for this study.
    """
    try:
        name, kept = _withdrawal_signer().loads(token)
    except BadSignature:
        name, kept = None, None
    participant = _by_token(db, study, kept) if name == study.name and isinstance(kept, str) else None
    if participant is None:
        raise UnknownParticipant("This link belongs to nobody in this study: copy the whole of it, and try again.")
    return participant


def arrival_link(study: Study) -> str:
    """The link by which this visitor came, to be opened in another browser by whoever has not begun."""
    said = urlencode((_visitor(study) or {}).get("arrival", {}))
    return url_for("participant.page", name=study.name, _external=True) + (f"?{said}" if said else "")


def has_cookie() -> bool:
    """Whether the browser sent a cookie that we signed."""
    return "studies" in session


def enrol(db: OrmSession, study: Study, at: datetime, *, agreed: bool) -> Participant:
    """The visitor's participant, made where there is none; what the link said is kept only of those who agreed.

    Call it with the study locked, so that one person makes one participant.

    Raises:
        NoSession: the browser sent no cookie of ours.
        NotForPeople: a person at a simulation.
        Elsewhere: since this browser came, the same person has begun in another one.
    """
    visitor = _visitor(study)
    if visitor is None:
        raise NoSession("Your browser sent no cookie of this study: allow cookies and open the link again.")
    _check_kind(study, visitor)
    arrival: dict[str, str] = visitor.get("arrival", {}) if agreed else {}
    pseudonym = _pseudonym(study, arrival)
    participant = _by_token(db, study, visitor["token"])
    if participant is None and pseudonym:
        participant = _by_pseudonym(db, study, pseudonym)
        if participant is not None:
            _check_here(db, participant, visitor, proven=study.simulated)
    if participant is None:
        participant = Participant(
            study_id=study.id,
            token=visitor["token"],
            pseudonym=pseudonym or random_pseudonym(),
            simulated=study.simulated,
            preview=bool(visitor.get(PREVIEW)),
            created_at=at,
        )
        db.add(participant)
        db.flush()
        db.add_all(PlatformIdentity(participant_id=participant.id, parameter=p, value=v) for p, v in arrival.items())
    if not participant.preview:
        _remember(study, _in_place_of(visitor, None, participant.token))
    return participant


def _said(parameters: Mapping[str, str]) -> dict[str, str]:
    """What a link says, but for the token, the language and the names that nobody filled in.

    Raises:
        LinkTooLong: it is more than a cookie can hold.
    """
    said = {
        _printable(name): _printable(value) for name, value in parameters.items() if name not in {SIMULATED, LANGUAGE}
    }
    kept = {name: value for name, value in said.items() if name and not (name in KNOWN_IDS and UNFILLED & set(value))}
    if len(json.dumps(kept)) > PARAMETERS_LENGTH or any(len(name) > PARAMETER_NAME_LENGTH for name in kept):
        raise LinkTooLong("The link carries too much: ask whoever sent it for a shorter one.")
    return kept


def _check_here(db: OrmSession, named: Participant, visitor: Mapping[str, Any], *, proven: bool) -> None:
    """Be silent where this browser may go on as the participant: it holds the cookie, or nothing has begun."""
    begun = select(Session.id).where(Session.participant_id == named.id, Session.ordinal.is_not(None))
    if not proven and named.token not in _tokens(visitor) and db.scalar(begun) is not None:
        raise Elsewhere("You have begun this study in another browser: go on there.")


def _visitor(study: Study) -> dict[str, Any] | None:
    found: dict[str, Any] | None = session.get("studies", {}).get(study.name)
    return found


def _new_visitor() -> dict[str, Any]:
    return {"token": _new_token()}


def _new_token() -> str:
    return secrets.token_urlsafe(24)


def _tokens(visitor: Mapping[str, Any]) -> list[str]:
    """The tokens of all whom this browser remembers in a study, the present visitor last."""
    return [*visitor.get("others", []), visitor["token"]]


def _in_place_of(visitor: Mapping[str, Any], known: Participant | None, token: str) -> dict[str, Any]:
    """The visitor with this token, after another one, who is remembered where known: who only looked is not."""
    before = [*visitor.get("others", []), *([known.token] if known else [])]
    others = [other for other in before if other != token][-OTHERS:]
    return {"token": token, "others": others} if others else {"token": token}


def _remember(study: Study, visitor: dict[str, Any]) -> None:
    """Put the visitor last; the studies that were visited longest ago make room.

    Whoever is remembered at a simulation has shown its token, so the mark stays on the cookie.
    """
    kept = {name: other for name, other in session.get("studies", {}).items() if name != study.name}
    kept[study.name] = {**visitor, SIMULATED: True} if study.simulated else visitor
    while len(json.dumps(kept)) > COOKIE_LENGTH:
        del kept[next(iter(kept))]
    session["studies"] = kept
    session.permanent = True


def _by_token(db: OrmSession, study: Study, token: str) -> Participant | None:
    return db.scalar(select(Participant).where(Participant.study_id == study.id, Participant.token == token))


def _by_pseudonym(db: OrmSession, study: Study, pseudonym: str) -> Participant | None:
    return db.scalar(select(Participant).where(Participant.study_id == study.id, Participant.pseudonym == pseudonym))


def _pseudonym(study: Study, arrival: Mapping[str, str]) -> str:
    """The same for the same person in the same study, and nobody's name without the key; empty for the unnamed."""
    for parameter in KNOWN_IDS:
        if arrival.get(parameter):
            said = f"{study.name}\n{parameter}\n{arrival[parameter]}".encode()
            return f"p{hmac.new(_secret_key().encode(), said, hashlib.sha256).hexdigest()[:16]}"
    return ""


def _check_simulated(study: Study, token: str) -> None:
    try:
        name = _simulated_signer(_secret_key()).loads(token, max_age=SIMULATED_FOR_S)
    except BadSignature as error:
        raise NotForPeople("This link's token was not signed for this study, or is too old.") from error
    if name != study.name or not study.simulated:
        raise NotForPeople("This study takes answers from people only: a simulated participant needs a simulated copy.")


def _check_kind(study: Study, visitor: Mapping[str, Any]) -> None:
    if study.simulated and not visitor.get(SIMULATED):
        raise NotForPeople("This is a simulation, which no person can take part in.")


def _simulated_signer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="simulated participant")


def _preview_signer(secret_key: str) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(secret_key, salt="preview")


def _withdrawal_signer() -> URLSafeSerializer:
    return URLSafeSerializer(_secret_key(), salt="withdrawal")


def _secret_key() -> str:
    return str(current_app.secret_key)


def _printable(value: str) -> str:
    return "".join(character for character in value if character.isprintable()).strip()
