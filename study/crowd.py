"""All simulated participants of a study: begun one after the other, then voting some at a time, with progress told."""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from study import truth
from study.errors import Refused
from study.minds import Mind, Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as OrmSession

    from study.db import Database
    from study.spec import Study
    from study.walking import Walker

Ratings = Mapping[tuple[truth.Place, str], float]
Told = Callable[[int], None]
"""Is called with the number of participants that have finished since the last call."""


@dataclass(frozen=True)
class Crowd:
    """Who votes: how many, how many at a time, and what their choices follow from."""

    participants: int
    jobs: int
    settings: Settings
    ratings: Ratings


def walk(database: "Database", name: str, study: "Study", crowd: Crowd, secret_key: str) -> tuple[int, int]:
    """Let everybody begin whom the study has a place for, one after the other, then vote, some at a time.

    Args:
        name: of the simulated copy.
        study: what its frozen design says of it.

    Returns:
        How many participants there were, and how many votes they cast.
    """
    from httpx import HTTPTransport

    from study import showings
    from study.identity import simulated_token
    from study.walking import Images, Walker, server

    token, images = simulated_token(secret_key, name), Images()
    with server(os.environ) as address, HTTPTransport() as transport:
        people = [Walker(address, name, transport, images) for _ in range(crowd.participants)]
        walkers = _begun(people, token)
        with database.read() as db:
            shown = showings.planned(db, name)

        def finish(index: int) -> int:
            mind = Mind(index, crowd.settings, study.asks_for, study.not_sure, crowd.ratings)
            return walkers[index - 1].finish(lambda trial: mind.answer(shown[trial["id"]]))

        with ThreadPoolExecutor(crowd.jobs) as pool, _progress(len(walkers)) as told:
            running = [pool.submit(finish, index) for index in range(1, len(walkers) + 1)]
            try:
                return len(walkers), sum(_each(running, told))
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


def _begun(people: "list[Walker]", token: str) -> "list[Walker]":
    """Those who could begin. Plans follow from the order of beginning, so this is never done side by side.

    Raises:
        Full: there was no place for anybody.
    """
    from study.identity import SIMULATED
    from study.walking import Full

    for index, walker in enumerate(people, start=1):
        try:
            walker.begin({SIMULATED: token, "participant": str(index)})
        except Full:
            if index == 1:
                raise
            return people[: index - 1]
    return people


def check_ended(db: "OrmSession", name: str, participants: int) -> None:
    """Be silent where everybody came to an end.

    Raises:
        Refused: some did not, for their sessions were left for too long by an earlier run.
    """
    from sqlalchemy import func, select

    from study.models import Session, Study

    left = select(func.count(Session.id)).join(Session.study).where(
        Study.name == name, Session.ordinal <= participants, Session.outcome == "open"
    )  # fmt: skip
    number = db.scalar(left) or 0
    if number:
        raise Refused(
            f"{number} of {participants} simulated participants were away for longer than `design.resume_hours` allows "
            f"and cannot go on in `{name}`: simulate into another copy with `--into`."
        )


def _each(running: "list[Future[int]]", told: Told) -> Iterator[int]:
    for future in as_completed(running):
        yield future.result()
        told(1)


@contextmanager
def _progress(participants: int) -> Iterator[Told]:
    """A bar on a terminal, otherwise a line for every tenth of the way."""
    if sys.stderr.isatty():
        with click.progressbar(length=participants, label="Participants", file=sys.stderr) as bar:
            yield bar.update
        return
    done = 0

    def told(more: int) -> None:
        nonlocal done
        done += more
        if done * 10 // participants > (done - more) * 10 // participants:
            click.echo(f"{done} of {participants} participants", err=True)

    yield told
