"""What the server writes down: every line names its request, and none holds an address, a cookie or a platform's name.

gunicorn's own lines would: it logs who sent a bad request, and the whole link of one that failed outside of Flask.
"""

import logging
from typing import Any

from flask import g, has_request_context
from flask.logging import default_handler
from gunicorn.glogging import Logger  # type: ignore[import-untyped]

log = logging.getLogger("study")


def prepare() -> None:
    """Let the study's lines out, each with the number of the request that it is about."""
    if not log.handlers:
        log.addHandler(default_handler)
        log.setLevel(logging.INFO)
        log.addFilter(_numbered)


def _numbered(record: logging.LogRecord) -> bool:
    if has_request_context():
        record.msg = f"{g.get('request_id', '-')} {record.msg}"
    return True


class ServerLog(Logger):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn's lines about itself, without what they would say of those who ask."""

    def access(self, *_args: Any, **_kwargs: Any) -> None:
        """No line a request: it would be an address and a link."""

    def warning(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """A warning; that somebody sent nonsense is said without who and what."""
        nonsense = msg.startswith("Invalid request from ip=")
        super().warning("A request that is no HTTP was refused." if nonsense else msg, *args, **kwargs)

    def exception(self, msg: str, *args: Any, **kwargs: Any) -> None:
        """A failure; where gunicorn names the request it is left out, since links name people."""
        about_a_request = msg.startswith("Error handling request")
        super().exception(*(["A request failed outside of Flask."] if about_a_request else [msg, *args]), **kwargs)
