"""How long it takes to plan a session of a large study: `python -m tests.benchmarks.planning`.

100 conditions on 300 crops, all at one rate (4,950 pairs a crop, 1,485,000 in all), 60 rating trials and what goes with
them. Of each kind of study: what a process does once (reading the pairs, counting what was answered), what it does
before the lock for each session, and what stands under the lock, storing the plan included. PostgreSQL is measured
where TEST_POSTGRES_URL names a server.
"""

import os
import platform
import secrets
import statistics
import time
from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from random import Random

import click
from sqlalchemy import insert, make_url, select, update

from study import loading, scheduling
from study.db import Database
from study.models import (
    Condition,
    Crop,
    Pair,
    Participant,
    Priority,
    Session,
    Source,
    Stimulus,
    Study,
    Trial,
    Vote,
    now,
)
from study.spec import Spec, Strategy, parse
from tests.benchmarks.databases import databases

AT_ONCE = 20_000
ALIVE = 20
"""Sessions that are under way while another one begins."""


@click.command()
@click.option("--conditions", default=100, show_default=True)
@click.option("--crops", default=300, show_default=True)
@click.option("--sessions", default=2000, show_default=True, help="Complete ones, of 60 ratings each.")
@click.option("--rounds", default=40, show_default=True, help="Sessions that begin on the clock.")
def main(conditions: int, crops: int, sessions: int, rounds: int) -> None:
    """Measure, and print the table."""
    click.echo(f"{os.cpu_count()} cores, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}\n")
    columns = "database, study, pairs, answered, once s, before the lock ms, under it p50 ms, p95 ms, processor p50 ms"
    click.echo(f"| {' | '.join(columns.split(', '))} |\n|{'---|' * len(columns.split(', '))}")
    for made in databases():
        with made as url:
            database, kind = Database(url), make_url(url).get_backend_name()
            for strategy, share in (("balanced", 0.0), ("adaptive", 1 / 50), ("adaptive", 1.0)):
                name = f"{strategy}{share:.2f}".replace(".", "-")
                pairs = make(database, name, strategy, share, conditions=conditions, crops=crops)
                for answered in (0, sessions):
                    complete(database, name, answered)
                    once, ahead, under, worked = measure(database, name, rounds)
                    weighted = f", {share:.0%} of pairs weighted" if share else ""
                    click.echo(
                        f"| {kind} | {strategy}{weighted} | {pairs} | {answered * 60} | {once:.2f} | "
                        f"{ahead * 1000:.1f} | {statistics.median(under) * 1000:.1f} | {p95(under) * 1000:.1f} | "
                        f"{statistics.median(worked) * 1000:.1f} |"
                    )
            database.dispose()


def p95(seconds: list[float]) -> float:
    """The 95th percentile, interpolated."""
    return statistics.quantiles(seconds, n=20, method="inclusive")[-1]


def spec(name: str, strategy: Strategy) -> Spec:
    return parse(f'[study]\nname = "{name}"\n[design]\nstrategy = "{strategy}"\n')


def make(database: Database, name: str, strategy: Strategy, share: float, *, conditions: int, crops: int) -> int:
    """An open study without images; how many rating pairs it has. Each weighted pair has a weight of its own."""
    random = Random(name)
    with database.write() as db:
        study = loading.frozen(spec(name, strategy), "0" * 64, state="open")
        study.priorities_sha256 = "1" * 64 if share else None
        db.add(study)
        names = ["reference", "catch", *(f"codec{at}@0.50" for at in range(conditions))]
        of = [Condition(study_id=0, name=each, codec="codec", rate="0.50") for each in names]
        db.flush()
        for condition in of:
            condition.study_id = study.id
        db.add_all(of)
        db.flush()
        ratings, catches = [], []
        for at in range(crops):
            source = Source(study_id=study.id, name=f"source{at}", sha256="2" * 64, width=64, height=64)
            crop = Crop(source=source, tag="", x=0, y=0, width=32, height=32)
            stimuli = [Stimulus(crop=crop, condition=c, sha256="3" * 64, bpp="0.5") for c in of]
            db.add_all(stimuli)
            db.flush()
            reference, catch, *rated = (stimulus.id for stimulus in stimuli)
            ratings += list(combinations(rated, 2))
            catches.append((reference, catch))
        study_id = study.id
        db.expunge_all()
        for kind, both in (("rating", ratings), ("catch", catches)):
            rows = [{"study_id": study_id, "kind": kind, "a_id": a, "b_id": b} for a, b in both]
            for start in range(0, len(rows), AT_ONCE):
                db.execute(insert(Pair), rows[start : start + AT_ONCE])
        ids = db.scalars(select(Pair.id).where(Pair.study_id == study_id, Pair.kind == "rating")).all()
        wanted = random.sample(ids, round(share * len(ids)))
        for start in range(0, len(wanted), AT_ONCE):
            some = wanted[start : start + AT_ONCE]
            db.execute(insert(Priority), [{"pair_id": pair, "weight": random.lognormvariate(0, 2)} for pair in some])
    return len(ids)


def complete(database: Database, name: str, sessions: int) -> None:
    """Sessions of 60 ratings each that are over, as plans would have made them, and some that are under way."""
    random = Random(f"{name}/{sessions}")
    with database.write() as db:
        study = db.scalars(select(Study).where(Study.name == name)).one()
        ids = db.scalars(select(Pair.id).where(Pair.study_id == study.id, Pair.kind == "rating")).all()
        gone = update(Session).where(Session.study_id == study.id, Session.outcome == "open")
        db.execute(gone.values(active_at=now() - timedelta(days=1)))
        drawn = random.sample(ids, min(len(ids), (sessions + ALIVE) * 60))
        for at in range(sessions + ALIVE):
            over = at < sessions
            trials = list(rows(db_session(db, study, at, over=over), drawn[at * 60 : at * 60 + 60]))
            numbers = db.scalars(insert(Trial).returning(Trial.id), trials).all()
            if over:
                votes = [
                    {"trial_id": n, "key": t["key"], "choice": "left", "simulated": False, "voted_at": now()}
                    for n, t in zip(numbers, trials, strict=True)
                ]
                db.execute(insert(Vote), votes)


def db_session(db: object, study: Study, at: int, *, over: bool) -> int:
    token = secrets.token_hex(8)
    person = Participant(study_id=study.id, token=token, pseudonym=token, simulated=False, created_at=now())
    db.add(person)  # type: ignore[attr-defined]
    db.flush()  # type: ignore[attr-defined]
    session = Session(
        study_id=study.id, participant_id=person.id, outcome="complete" if over else "open", prepared=1, practised=True,
        block=1, language="en", started_at=now(), active_at=now(), ended_at=now() if over else None,
    )  # fmt: skip
    db.add(session)  # type: ignore[attr-defined]
    db.flush()  # type: ignore[attr-defined]
    return session.id


def rows(session: int, pairs: list[int]) -> Iterator[dict[str, object]]:
    for position, pair in enumerate(pairs, start=1):
        keys = {name: secrets.token_hex(8) for name in ("public", "key", "correction_key")}
        strategy = "random" if position % 4 == 0 else "adaptive"
        yield {"session_id": session, "pair_id": pair, **keys, "kind": "rating", "block": 1, "position": position,
               "flipped": False, "strategy": strategy, "probability": 0.5, "reloads": 0}  # fmt: skip


def measure(database: Database, name: str, rounds: int) -> tuple[float, float, list[float], list[float]]:
    """Seconds of the first count of a process, of each further one (median), and of each session under the lock.

    Last, those of them in which this process worked: what other work on the machine takes is not in it.
    """
    start = time.perf_counter()
    with database.read() as db:
        ahead = scheduling.counted(db, scheduling.find(db, name), now()).settled()
    once, before, under, worked = time.perf_counter() - start, list[float](), list[float](), list[float]()
    for _ in range(rounds):
        start = time.perf_counter()
        with database.read() as db:
            ahead = scheduling.counted(db, scheduling.find(db, name), now(), ahead).settled()
        before.append(time.perf_counter() - start)
        with database.write() as db:
            study = scheduling.find(db, name, lock=True)
            token = secrets.token_hex(8)
            person = Participant(study_id=study.id, token=token, pseudonym=token, simulated=False, created_at=now())
            db.add(person)
            db.flush()
            start, work = time.perf_counter(), time.process_time()
            session = scheduling.begin(db, study, person, now(), ahead=ahead)
            under.append(time.perf_counter() - start)
            worked.append(time.process_time() - work)
            session.active_at = now() - timedelta(hours=3)  # it goes at once, so that so many stay alive
    return once, statistics.median(before), under, worked


if __name__ == "__main__":
    main()
