"""`study simulate`: participants of known ratings take the real study, over HTTP, in a copy that is marked for ever."""

import hashlib
import json
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from study import crowd, truth
from study.errors import Refused
from study.minds import MARGIN, RESPONSE_MS, RESPONSE_SPREAD, Settings

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as OrmSession

    from study.db import Database
    from study.spec import Spec


@dataclass(frozen=True)
class Copy:
    """The simulated copy: its frozen design, its rated stimuli, how many have begun, and the folder of its truth."""

    name: str
    config: str
    spec: "Spec"
    stimuli: list[tuple[truth.Place, str]]
    begun: int
    folder: Path


class Finite(click.FloatRange):
    """A number in a range; "nan" and "inf" are numbers to Python, but no participant can be made of them."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number.

        Raises:
            BadParameter: it is none, out of the range or not finite.
        """
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return number


@click.command()
@click.argument("name")
@click.option("--participants", default=30, show_default=True, type=click.IntRange(min=1), help="How many, in all.")
@click.option("--seed", default=1, show_default=True, help="Every choice follows from it.")
@click.option(
    "--truth",
    "truth_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help=f"Ratings, a truth.csv; without one they are drawn by the seed, with a spread of {truth.SPREAD:g} points.",
)
@click.option("--into", metavar="COPY", help="The copy's name.  [default: NAME-simulated]")
@click.option(
    "--taste",
    default=Settings.taste,
    show_default=True,
    type=Finite(min=0),
    help="Spread of a participant's own taste for a condition, in Elo points.",
)
@click.option(
    "--source-taste",
    default=Settings.source_taste,
    show_default=True,
    type=Finite(min=0),
    help="Spread of what a source does to a condition, in Elo points.",
)
@click.option(
    "--side-bias",
    default=Settings.side_bias,
    show_default=True,
    type=Finite(),
    help="Elo points that the left side has in advance.",
)
@click.option("--lapse", default=Settings.lapse, show_default=True, type=Finite(0, 1), help="Chance of a blind press.")
@click.option(
    "--not-sure",
    default=Settings.not_sure,
    show_default=True,
    type=Finite(min=0),
    help='Davidson\'s nu, where the study takes "not sure": between equals its chance is nu / (2 + nu).',
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 64), help="Participants at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def simulate(
    name: str,
    *,
    participants: int,
    truth_path: Path | None,
    into: str | None,
    jobs: int,
    as_json: bool,
    **numbers: Any,
) -> None:
    """Let simulated participants of known ratings take a marked copy of a study."""
    from study import settings as kept

    chosen, secret_key, places = Settings(**numbers), kept.secret_key(), kept.read()
    began = time.monotonic()
    with _database(places.database_url) as database:
        with database.write() as db:
            copy = _copied(db, name, into or f"{name}-simulated", participants, places.simulated)
            ratings = _settled(copy, chosen, truth_path)
        try:
            people = crowd.Crowd(participants, jobs, chosen, ratings)
            walked, votes = crowd.walk(database, copy.name, copy.spec.study, people, secret_key)
        except KeyboardInterrupt as stop:
            raise Refused(f"Stopped before the end: the same command goes on where `{copy.name}` is.") from stop
        with database.read() as db:
            crowd.check_ended(db, copy.name, walked)
    if walked < participants:
        click.echo(f"Study `{copy.name}` was full with {walked} participants.", err=True)
    result = {
        "study": copy.name,
        "participants": walked,
        "votes_cast": votes,
        "seconds": round(time.monotonic() - began, 2),
        "truth": str(copy.folder / "truth.csv"),
        "settings": str(copy.folder / "simulation.json"),
    }
    click.echo(json.dumps(result) if as_json else _as_text(result))


@contextmanager
def _database(url: str) -> Iterator["Database"]:
    """The database at the newest revision, closed at the end; what it cannot do is said in one sentence."""
    from sqlalchemy.exc import DBAPIError

    from study.db import connect, first_line

    database = connect(url)
    try:
        database.check()
        yield database
    except DBAPIError as error:
        raise Refused(f"{database.name}: {first_line(error)}; see STUDY_DATABASE_URL.") from error
    finally:
        database.dispose()


def _copied(db: "OrmSession", name: str, copy_name: str, participants: int, folder: Path) -> Copy:
    """The copy, made where it is not there yet.

    Raises:
        Refused: there is no such study, the copy's name is taken, it is not open, or it is for fewer participants.
    """
    from sqlalchemy import func, select

    from study import scheduling, showings
    from study.copying import copy_study
    from study.models import Session

    study = copy_study(db, name, copy_name)
    if study.state != "open":
        raise Refused(f"Study `{copy_name}` is {study.state}: open it, or name another copy with `--into`.")
    spec = scheduling.spec_of(study)
    limit = spec.design.participants
    if limit and participants > limit:
        raise Refused(
            f"Study `{name}` is for {limit} participants (design.participants), {participants} were asked for: "
            f"simulate at most {limit}."
        )
    return Copy(
        name=copy_name,
        config=study.config,
        spec=spec,
        stimuli=showings.rated(db, study),
        begun=db.scalar(select(func.count()).where(Session.study_id == study.id)) or 0,
        folder=folder / copy_name,
    )


def _settled(copy: Copy, settings: Settings, truth_path: Path | None) -> crowd.Ratings:
    """The ratings, written before anybody votes; a simulation that was begun goes on only with the same ones.

    Raises:
        Refused: the copy was simulated with other settings or another truth.
    """
    if truth_path:
        rows = truth.read(truth_path, copy.stimuli)
    else:
        rows = truth.drawn(settings.seed, {condition for _, condition in copy.stimuli})
    ratings = truth.rate(rows, copy.stimuli, settings.seed, settings.source_taste)
    written = truth.write(ratings)
    record = {
        "study": copy.name,
        "config": copy.config,
        "simulated": True,
        "settings": asdict(settings),
        "ratings": "given" if truth_path else f"drawn by the seed, standard deviation {truth.SPREAD:g} Elo points",
        "known_answers_margin": MARGIN,
        "response_ms": {"distribution": "log-normal", "median": RESPONSE_MS, "log_spread": RESPONSE_SPREAD},
        "truth_sha256": hashlib.sha256(written.encode()).hexdigest(),
    }
    path = copy.folder / "simulation.json"
    said = json.dumps(record, indent=2) + "\n"
    if copy.begun and (not path.exists() or path.read_text(encoding="utf-8") != said):
        raise Refused(
            f"Study `{copy.name}` was simulated with other settings than these ({path}): "
            "name another copy with `--into`."
        )
    copy.folder.mkdir(parents=True, exist_ok=True)
    _write_whole(copy.folder / "truth.csv", written)
    _write_whole(path, said)
    return ratings


def _as_text(result: Mapping[str, Any]) -> str:
    return (
        f"Cast {result['votes_cast']} votes of {result['participants']} simulated participants in study "
        f"`{result['study']}`, in {result['seconds']} s.\nTruth: {result['truth']}\nSettings: {result['settings']}"
    )


def _write_whole(path: Path, text: str) -> None:
    """The file appears whole or not at all."""
    beside = path.with_name(f"{path.name}.part")
    beside.write_text(text, encoding="utf-8", newline="\n")
    beside.replace(path)
