"""How long the server takes for each page of the dashboard about a large study, on both databases.

`scripts/with-postgres .venv/bin/python -m tests.benchmarks.dashboard` fills a study of 1,000 pairs with 500 people
and 1,000,000 votes, as they would have been given, and asks for every page; then once more while people are voting:
before each page 20 participants have voted again. Nothing is counted before the first look, which therefore takes
longer, and is shown apart.
"""

import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask.testing import FlaskClient
from sqlalchemy import insert, select, text

from study import loading, login, researchers, results, watching
from study.app import create_app
from study.db import Database
from study.ledger import Result, ResultFile
from study.models import Condition, Crop, Pair, Participant, Session, Source, Stimulus, Study, Trial, Vote, now
from study.settings import Settings
from study.spec import parse
from tests.benchmarks.databases import databases

NAME = "large"
SECRET = "a secret of forty characters for a benchmark"  # noqa: S105 - of no server
TOML = """[design]
trials = 1000
catch_rate = 0.4
identical_rate = 0.2
repeat_rate = 0.4
block = 100
"""
AHEAD = ["catch"] * 600
"""What who is on the way has not answered yet."""
KINDS = ["rating"] * 1000 + ["catch"] * 400 + ["identical"] * 200 + ["repeat"] * 400
CONDITIONS = [f"codec{number}@0.50" for number in range(5)] + [f"codec{number}@1.00" for number in range(5)]
CROPS = 50
BEGAN = now() - timedelta(days=20)


@click.command()
@click.option("--participants", default=500, show_default=True, help="Each gives 2,000 votes.")
@click.option("--rounds", default=20, show_default=True, help="How often each page is asked for.")
def main(participants: int, rounds: int) -> None:
    """Print the table."""
    click.echo(
        "| database | page | median ms | slowest ms | median ms, 20 new votes | bytes |\n|---|---|---|---|---|---|"
    )
    for place in databases():
        with place as url, tempfile.TemporaryDirectory() as folder:
            database = Database(url)
            study = fill(database, participants)
            first = first_look(database, study)
            kind = "SQLite" if database.is_sqlite else "PostgreSQL"
            client = browser(url, Path(folder), database)
            for page in pages(database, study):
                calm, size = ask(client, page, rounds)
                busy, _ = ask(client, page, rounds, before=partial(vote, database, study, random.Random(1)))
                shown = f"{statistics.median(calm):.0f} | {max(calm):.0f} | {statistics.median(busy):.0f} | {size}"
                click.echo(f"| {kind} | `{page.replace(f'/studies/{NAME}', '/NAME')}` | {shown} |")
            click.echo(f"{kind}: the first look counted {participants * len(KINDS)} votes in {first:.1f} s.", err=True)
            client.application.extensions["database"].dispose()
            database.dispose()


def fill(database: Database, participants: int) -> Study:
    """A study of 1,000 pairs in two rates, and everybody's votes; the last 20 are still on their way."""
    with database.write() as db:
        study = loading.frozen(parse(TOML, NAME, NAME), "0" * 64, state="open")
        db.add(study)
        db.flush()
        design = _design(db, study)
    for number in range(participants):
        with database.write() as db:
            _sit(db, study, number, design, random.Random(number), alive=number >= participants - 20)
    _load_report(database, study, participants)
    if not database.is_sqlite:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    return study


def _design(db: Any, study: Study) -> tuple[list[int], list[int]]:
    """Rating pairs and catch pairs."""
    conditions = {
        name: Condition(study_id=study.id, name=name, codec=name.partition("@")[0], rate=name.partition("@")[2])
        for name in ("reference", "catch", *CONDITIONS)
    }
    db.add_all(conditions.values())
    db.flush()
    rating, catch = [], []
    for number in range(CROPS):
        source = Source(study_id=study.id, name=f"s{number}", sha256="0" * 64, width=64, height=64)
        crop = Crop(source=source, tag="", x=0, y=0, width=32, height=32)
        made = {name: Stimulus(crop=crop, condition=condition, sha256="0" * 64, bpp="0.5")
                for name, condition in conditions.items()}  # fmt: skip
        db.add_all(made.values())
        db.flush()
        for rate in ("0.50", "1.00"):
            ours = [stimulus for name, stimulus in made.items() if name.endswith(rate)]
            rating += [
                Pair(study_id=study.id, kind="rating", a_id=a.id, b_id=b.id)
                for at, a in enumerate(ours)
                for b in ours[:at]
            ]
        catch.append(Pair(study_id=study.id, kind="catch", a_id=made["reference"].id, b_id=made["catch"].id))
    db.add_all([*rating, *catch])
    db.flush()
    return [pair.id for pair in rating], [pair.id for pair in catch]


def _sit(
    db: Any, study: Study, number: int, design: tuple[list[int], list[int]], chance: random.Random, *, alive: bool
) -> None:
    """One session with all of its votes, a fiftieth of them corrected; who is alive has some trials left."""
    rating, catch = design
    begun = now() - timedelta(hours=4) if alive else BEGAN + timedelta(minutes=number * 50)
    person = Participant(
        study_id=study.id, token=f"t{number}", pseudonym=f"p{number:016x}", simulated=False, created_at=begun
    )
    db.add(person)
    db.flush()
    ended = None if alive else begun + timedelta(seconds=5 * len(KINDS))
    session = Session(study_id=study.id, participant_id=person.id, ordinal=number + 1, prepared=1, practised=True,
                      outcome="open" if alive else "complete", block=20, language="en", started_at=begun,
                      active_at=now() if alive else ended, ended_at=ended, turn=len(KINDS) + 100)  # fmt: skip
    db.add(session)
    db.flush()
    kinds = KINDS[:1000] + chance.sample(KINDS[1000:], 1000) + (AHEAD if alive else [])
    asked = chance.sample(rating, 1000)
    trials = [
        {
            "session_id": session.id, "pair_id": chance.choice(catch) if kind == "catch" else asked[at % 1000],
            "public": f"{number}-{at}", "key": f"k{number}-{at}", "kind": kind, "block": 1 + at // 100,
            "position": at + 1, "flipped": chance.random() < 0.5, "expected": "left" if kind == "catch" else None,
            "strategy": "balanced", "probability": 0.5, "shown_at": begun, "reloads": 0,
        }
        for at, kind in enumerate(kinds)
    ]  # fmt: skip
    db.execute(insert(Trial.__table__), trials)
    ids = db.scalars(select(Trial.id).where(Trial.session_id == session.id).order_by(Trial.position)).all()
    answered = ids[: len(KINDS)]
    db.execute(
        insert(Vote.__table__),
        [
            _vote(trial, f"k{number}-{at}", begun + timedelta(seconds=5 * at), chance)
            for at, trial in enumerate(answered)
        ],
    )


def _vote(trial: int, key: str, at: Any, chance: random.Random) -> dict[str, Any]:
    return {
        "trial_id": trial, "key": key, "choice": chance.choice(["left", "right"]), "simulated": False, "voted_at": at,
        "response_ms": int(chance.lognormvariate(7.8, 0.5)), "flips": 3, "viewport_width": 1280, "viewport_height": 800,
        "device_pixel_ratio": 1.25, "device_pixels_per_pixel": 1, "pixel_exact": True, "bytes_verified": True,
        "hidden_ms": 0,
    }  # fmt: skip


def _load_report(database: Database, study: Study, participants: int) -> None:
    """A report as large as such a study's: six rules for each participant, a row for each two conditions."""
    rules = "catch_accuracy identical_side repeats time flips likelihood".split()
    quality = ["participant,rule,value,limit,excluded,flagged,chosen,trials"]
    quality += [f"p{number:016x},{rule},0.9,0.75,0,0,1,40" for number in range(participants) for rule in rules]
    ratings = ["rate,condition,codec,method,rating,low,high,votes"]
    ratings += [
        f"{name[-4:]},{name},{name[:6]},bradley-terry,{at * 10},{at * 10 - 5},{at * 10 + 5},90000"
        for at, name in enumerate(CONDITIONS)
    ]
    files = {"quality.csv": "\n".join(quality), "ratings.csv": "\n".join(ratings), "report.html": "x" * 2_000_000}
    with database.write() as db:
        result = Result(study_id=study.id, loaded_at=now(), votes_sha256="0" * 64, simulated=False)
        result.files = [
            ResultFile(name=name, sha256="0" * 64, content=content.encode()) for name, content in files.items()
        ]
        db.add(result)
        db.get_one(Study, study.id).uncovered_at = now()


def first_look(database: Database, study: Study) -> float:
    """Seconds until everything is counted for the first time."""
    began = time.perf_counter()
    watching.catch_up(database, study, budget_s=3600)
    return time.perf_counter() - began


def vote(database: Database, study: Study, chance: random.Random) -> None:
    """One more vote of each of 20 who are on their way."""
    with database.write() as db:
        alive = db.scalars(
            select(Session).where(Session.study_id == study.id, Session.outcome == "open").limit(20)
        ).all()
        for session in alive:
            ahead = (
                select(Trial.id, Trial.key)
                .outerjoin(Vote, Vote.trial_id == Trial.id)
                .where(Trial.session_id == session.id, Vote.id.is_(None), Trial.position > len(KINDS))
                .order_by(Trial.position)
            )
            trial = db.execute(ahead.limit(1)).one_or_none()
            if trial is not None:
                db.execute(insert(Vote.__table__), [_vote(trial.id, f"{trial.key}-again", now(), chance)])
                session.active_at = now()


def browser(url: str, folder: Path, database: Database) -> FlaskClient:
    """A browser of an owner who is logged in."""
    with database.write() as db:
        researchers.add(db, "ada", "owner", "a password that is long")
    app = create_app(Settings(url, folder), SECRET)
    client = app.test_client()
    with app.test_request_context():
        who = researchers.log_in(database, "ada", "a password that is long", now())
        value = login._signer().dumps([who.id, who.stamp])
    client.set_cookie(login.COOKIE, value, path=login.PATH)
    return client


def pages(database: Database, study: Study) -> Iterator[str]:
    """Every page about the study."""
    with database.read() as db:
        session = db.scalars(select(Session.id).where(Session.study_id == study.id).limit(1)).one()
        result = results.newest(db, study)[0].id
    yield "/researchers/"
    for page in ("", "/participants", "/participants?page=5", f"/participants/{session}", "/results",
                 f"/results/{result}/report.html", "/design", "/log", "/close"):  # fmt: skip
        yield f"/researchers/studies/{NAME}{page}"


def ask(
    client: FlaskClient, page: str, rounds: int, before: Callable[[], None] = lambda: None
) -> tuple[list[float], int]:
    """How long the server took for the page, in milliseconds, and its bytes."""
    took, size = [], 0
    for _ in range(rounds + 1):
        before()
        began = time.perf_counter()
        response = client.get(page)
        took.append((time.perf_counter() - began) * 1000)
        if response.status_code != 200:
            raise click.ClickException(f"{page}: {response.status}")
        size = len(response.data)
        if "data-behind" in response.text[:4000] or 'role="status" data-behind' in response.text:
            raise click.ClickException(f"{page} did not count everything")
    return took[1:], size  # the first one compiles its template


if __name__ == "__main__":
    main()
