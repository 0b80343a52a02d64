"""How much one participant, or one address, may ask in a short time: more than any person does, less than a script.

Votes and steps are counted by session. The opening of sessions is counted by address, generously, since a whole lab may
sit behind one; an address is kept for these minutes only, as a hash whose salt ends with the process, in memory or in
the storage that `STUDY_LIMITS_URL` names.
"""

import hashlib
import hmac
import ipaddress
import secrets
import time
from typing import Any

from flask import Flask, request
from flask_limiter import Limiter
from limits.errors import ConfigurationError
from limits.storage import storage_from_string

from study import identity
from study.errors import Refused, TooMany

A_SESSION = "30 per 10 seconds"
"""Votes, and likewise steps and looks at the open trial: two hands on the keys make some 20 votes in that time."""
AN_ADDRESS = "1000 per 10 minutes"
"""Links that are opened, and likewise agreements: 200 people of one lab may each reload four times."""
A_LOGIN = "60 per 10 minutes"
"""Attempts to log in by address, beside the waits by name: each costs the server some tenth of a second."""
BY_SESSION = ("door.trial", "door.last", "door.vote", "participant.step")
BY_ADDRESS = ("participant.page", "participant.slashed", "participant.step")

_SALT = secrets.token_bytes(32)


def check(url: str | None) -> None:
    """Be silent where requests can be counted there.

    Raises:
        Refused: `limits` knows no such storage, or its driver is not installed.
    """
    try:
        if url is not None:
            storage_from_string(url)
    except ConfigurationError as error:
        raise Refused(
            f"STUDY_LIMITS_URL cannot be used ({error}): write `redis://HOST:6379` or the like, or leave it out."
        ) from error


def prepare(app: Flask, url: str | None) -> None:
    """Count the requests of every view that has a limit, in the storage at `url`; nothing is counted without one.

    A storage that does not answer is replaced by this process's memory until it does: no vote waits for a counter.
    """
    if url is None:
        return
    check(url)
    limiter = Limiter(_session_key, storage_uri=url, in_memory_fallback_enabled=True, swallow_errors=True)
    limiter.init_app(app)
    views: dict[str, Any] = app.view_functions
    for endpoint in set(BY_SESSION) & views.keys():
        views[endpoint] = limiter.limit(A_SESSION, key_func=_session_key, exempt_when=_has_no_session)(views[endpoint])
    for endpoint in BY_ADDRESS:
        views[endpoint] = limiter.limit(AN_ADDRESS, key_func=_address_key, exempt_when=_opens_nothing)(views[endpoint])
    tried = views["researcher_login.log_in"]
    limit = limiter.limit(A_LOGIN, key_func=_address_key, exempt_when=_is_from_this_machine)
    views["researcher_login.log_in"] = limit(tried)
    app.extensions["limiter_of_study"] = limiter


def refusal(app: Flask) -> TooMany:
    """What is answered to a request that was one too many."""
    limiter: Limiter = app.extensions["limiter_of_study"]
    limit = limiter.current_limit
    seconds = max(1, int(limit.reset_at - time.time())) if limit else 1
    return TooMany("That was more than one person does in so short a time. Nothing is lost: please wait.", seconds)


def _session_key() -> str:
    return hashlib.sha256(f"{_token()}".encode()).hexdigest()


def _has_no_session() -> bool:
    """Whether nobody's session is asked for, or a simulated one: those may be quick."""
    return _token() is None or identity.is_simulated(_study())


def _address_key() -> str:
    return hmac.new(_SALT, f"{request.remote_addr}".encode(), hashlib.sha256).hexdigest()


def _opens_nothing() -> bool:
    """Whether the request is no opening of a session, or comes through a proxy that hides who asks."""
    opens = request.args if request.method == "GET" else request.form.get("step") == "consent"
    return not opens or _is_from_this_machine()


def _is_from_this_machine() -> bool:
    """Whether a proxy on this machine asks for people whom it does not name, or somebody who sits at it."""
    try:
        return ipaddress.ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        return True


def _token() -> str | None:
    return identity.token(_study())


def _study() -> str:
    return str((request.view_args or {}).get("name", ""))
