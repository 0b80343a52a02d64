"""What the study refuses: one sentence to a researcher, a typed answer to a participant. Flask is not known here."""

# ruff: noqa: N818 - a refusal is named by what it says, as in Werkzeug

import click


def _(english: str) -> str:
    """The sentence itself; what stands in this call is collected into the catalogues. Pages translate it."""
    return english


class Refused(click.ClickException):
    """One sentence to the researcher: what, where, what to do. The command line prints it and exits with 1."""


class Problem(Exception):
    """Why a participant's request is not done: a status, a code that the page acts on, and one sentence."""

    status = 400
    code = "malformed"
    title = _("This did not work")
    on_page: str | None = None
    """What a page says in place of the message, where that is not meant for participants."""
    retry_after: int | None = None

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Malformed(Problem):
    """The request is not what the contract says; the message names the value, which helps programs only."""

    on_page = _("The server cannot do what was asked here. Go back, and try again from the study's own page.")


class LinkTooLong(Problem):
    """The link that brought a visitor says more than a cookie can hold."""

    code = "link_too_long"
    title = _("This link is too long")


class StaleForm(Problem):
    """The CSRF token is missing or belongs to another session."""

    code = "csrf"
    title = _("This page is out of date")


class NoSession(Problem):
    """There is no session, or the cookie is forged or foreign."""

    status = 401
    code = "no_session"
    title = _("We do not know this browser")


class NotForPeople(Problem):
    """A simulation was opened by a person, or a human study by a simulated participant."""

    status = 403
    code = "simulated"
    title = _("This link is not for you")


class Elsewhere(Problem):
    """The link names somebody whose session another browser holds: a name can be guessed, a cookie cannot."""

    status = 403
    code = "elsewhere"
    title = _("Please go on where you began")


class UnknownStudy(Problem):
    """No study of this name takes or took votes."""

    status = 404
    code = "unknown_study"
    title = _("There is no such study")


class UnknownParticipant(Problem):
    """A withdraw link that this server did not sign for this study."""

    status = 404
    code = "unknown_participant"
    title = _("This link is not complete")


class UnknownTrial(Problem):
    """The trial does not exist, or is another participant's."""

    status = 404
    code = "unknown_trial"


class AlreadyCast(Problem):
    """The trial has another vote already."""

    status = 409
    code = "already_cast"


class NotOpen(Problem):
    """An earlier trial is still open, or the open step is not a trial."""

    status = 409
    code = "not_open"


class Closed(Problem):
    """The study takes no votes any more."""

    status = 410
    code = "closed"
    title = _("This study has ended")


class Full(Problem):
    """The study needs nobody else at the moment; who leaves it gives a place back."""

    status = 410
    code = "full"
    title = _("All places are taken")


class Withdrawn(Problem):
    """The participant has withdrawn, and nothing of theirs is left to go on with."""

    status = 410
    code = "withdrawn"
    title = _("You have withdrawn")


class Expired(Problem):
    """The session was left for longer than design.resume_hours, and others get its open trials."""

    status = 410
    code = "expired"
    title = _("Your session has ended")


class Paused(Problem):
    """The study takes no votes for the moment."""

    status = 423
    code = "paused"
    title = _("This study is paused")


class TooMany(Problem):
    """More requests in a short time than a person makes; the same request will succeed later."""

    status = 429
    code = "too_many"
    title = _("Just a moment")

    def __init__(self, message: str, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Busy(Problem):
    """The database did not answer in time; the same request will succeed later."""

    status = 503
    code = "busy"
    title = _("Just a moment")
    retry_after = 2
