"""Where a participant goes afterwards: the study's links with what the participant's own link said filled in."""

import hashlib
import hmac
import re
from collections.abc import Mapping
from urllib.parse import quote

from flask import current_app
from sqlalchemy import select
from sqlalchemy.orm import Session as OrmSession

from study.logs import log
from study.models import Participant, PlatformIdentity
from study.spec import Spec

CODE = "code"
PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
LETTERS = "2346789BCDFGHJKMPQRTVWXY"
"""None that is taken for another, and no vowels, so that no code is a word."""
CODE_LENGTH = 8


def completion_link(db: OrmSession, spec: Spec, participant: Participant) -> str:
    """`links.completion` for this participant; empty where the study has none."""
    return _filled(db, spec.links.completion, participant)


def screen_out_link(db: OrmSession, spec: Spec, participant: Participant) -> str:
    """`links.screen_out` for this participant; empty where the study has none."""
    return _filled(db, spec.links.screen_out, participant)


def code(participant: Participant) -> str:
    """The participant's completion code, by the key of the server that answers."""
    return code_of(str(current_app.secret_key), participant)


def code_of(secret_key: str, participant: Participant) -> str:
    """Eight letters and digits that show a researcher who somebody is, and that nobody makes without the key."""
    said = f"completion code\n{participant.study.name}\n{participant.pseudonym}".encode()
    number = int.from_bytes(hmac.new(secret_key.encode(), said, hashlib.sha256).digest())
    letters = []
    for _ in range(CODE_LENGTH):
        number, at = divmod(number, len(LETTERS))
        letters.append(LETTERS[at])
    return "".join(letters)


def fill(link: str, known: Mapping[str, str]) -> str:
    """The link with every placeholder replaced by what is known of its name, percent-encoded, or by nothing.

    A value can change neither the host, which study.toml may not leave open, nor the structure of the rest.
    """
    return PLACEHOLDER.sub(lambda found: quote(known.get(found[1], ""), safe=""), link)


def _filled(db: OrmSession, link: str, participant: Participant) -> str:
    if not PLACEHOLDER.search(link):
        return link
    rows = db.execute(
        select(PlatformIdentity.parameter, PlatformIdentity.value).where(
            PlatformIdentity.participant_id == participant.id
        )
    )
    known = {row.parameter: row.value for row in rows} | {CODE: code(participant)}
    for name in sorted(set(PLACEHOLDER.findall(link)) - known.keys()):
        log.warning(
            "study %s: {%s} of a link stays empty: the participant came without it", participant.study.name, name
        )
    return fill(link, known)
