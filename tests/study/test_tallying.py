"""What the dashboard counts is what the votes say: after votes, corrections and erasures, counted when it may be."""

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import select

from study import erasure, loading, scheduling, steps, tallying, voting, watching
from study.db import Database
from study.ledger import SessionTally, Tally
from study.models import Participant, Session, Study, Trial, Vote, now

Load = Callable[..., str]
TOML = (
    "[study]\nnot_sure = true\n"
    "[design]\npractice = 1\nblock = 4\ncatch_rate = 0.4\nidentical_rate = 0.4\nrepeat_rate = 0.4\n"
)
MIRRORED = {"left": "right", "right": "left", "not_sure": "not_sure"}


class Crowd:
    """Participants who do whatever they may, by chance."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.chance, self.tokens = database, random.Random(seed), []  # type: ignore[var-annotated]

    def arrive(self, *, preview: bool = False) -> None:
        token = f"t{len(self.tokens)}-{self.chance.random()}"
        with self.database.write() as db:
            study = scheduling.find(db, "tiny", lock=True)
            person = Participant(study_id=study.id, token=token, pseudonym=token[:40], simulated=False, preview=preview,
                                 created_at=now())  # fmt: skip
            db.add(person)
            db.flush()
            scheduling.begin(db, study, person, now())
        self.tokens.append(token)

    def session(self, db: Any, token: str) -> Session:
        query = select(Session).join(Participant).where(Participant.token == token)
        found: Session = db.scalars(query).one()
        return found

    def step(self, token: str) -> None:
        """Answer, correct or go on."""
        with self.database.read() as db:
            session = self.session(db, token)
            here = steps.here(db, session, now())
            trial, undo = here.trial, here.undo
        if trial is None:
            if here.step not in {"thanks", "withdrawn"}:
                with self.database.write() as db:
                    steps.go_on(db, self.session(db, token), here.step, now())
        elif undo is not None and self.chance.random() < 0.4:
            self.cast(token, undo.public, str(undo.correction_key))
        else:
            self.cast(token, trial.public, trial.key)

    def cast(self, token: str, trial: str, key: str) -> None:
        took = self.chance.choice([None, 40, 950, 1234, 100_000])
        choice = self.chance.choice(["left", "right", "not_sure"])
        voting.cast(self.database, "tiny", token, voting.Ballot(trial, key, choice, response_ms=took), now())

    def erase(self, token: str) -> None:
        with self.database.write() as db:
            erasure.erase(db, self.session(db, token).participant_id, now())


def kept(database: Database) -> tuple[dict[int, Any], dict[tuple[str, int], int]]:
    """What is counted: of each session that gave anything, and of the study."""
    with database.read() as db:
        columns = [column for column in SessionTally.__table__.columns if column.name in tallying._COUNTS]
        rows = db.execute(select(SessionTally.session_id, *columns)).mappings()
        sessions = {row["session_id"]: {column.name: row[column.name] for column in columns} for row in rows}
        tallies = {(row.what, row.key): row.votes for row in db.scalars(select(Tally)) if row.votes}
    return {key: row for key, row in sessions.items() if row["position"]}, tallies


def from_votes(database: Database) -> tuple[dict[int, Any], dict[tuple[str, int], int]]:
    """The same by going through all votes, one by one."""
    with database.read() as db:
        query = select(Vote, Trial).join(Vote.trial).join(Trial.session).join(Session.participant)
        rows = db.execute(query.where(~Participant.preview).order_by(Vote.id)).all()
    latest, first = {}, {}
    for vote, trial in rows:
        latest[trial.id] = (vote, trial)
        first.setdefault(trial.id, vote)
    tallies: Counter[tuple[str, int]] = Counter()
    sessions: dict[int, Counter[str]] = {}
    originals = {
        (trial.session_id, trial.pair_id): (vote, trial) for vote, trial in latest.values() if trial.kind == "rating"
    }
    for vote, trial in latest.values():
        sums = sessions.setdefault(trial.session_id, Counter(dict.fromkeys(tallying._COUNTS, 0)))
        sums["position"] = max(sums["position"], trial.position)
        sums["last_vote"] = max(sums["last_vote"], vote.id)
        sums["practice" if trial.kind == "practice" else "answered"] += 1
        if trial.kind == "rating":
            sums["ratings"] += 1
            sums["not_sure"] += vote.choice == "not_sure"
            sums["left"] += vote.choice == "left"
            tallies["pair", trial.pair_id] += 1
            tallies["hour", int(first[trial.id].voted_at.timestamp() // 3600)] += 1
            if vote.response_ms is not None:
                sums["timed"] += 1
                sums["response_ms"] += min(vote.response_ms, 60_000)
                tallies["tenth", min(vote.response_ms, 60_000) // 100] += 1
        elif trial.kind == "catch":
            sums["catches"] += 1
            sums["catches_right"] += vote.choice == trial.expected
        elif trial.kind == "identical":
            sums["identical"] += vote.choice != "not_sure"
            sums["identical_left"] += vote.choice == "left"
        elif trial.kind == "repeat":
            before, shown = originals[trial.session_id, trial.pair_id]
            same = before.choice if shown.flipped == trial.flipped else MIRRORED[before.choice]
            sums["repeats"] += 1
            sums["repeats_same"] += vote.choice == same
    return {session: dict(sums) for session, sums in sessions.items()}, dict(tallies)


def study_of(database: Database) -> Study:
    with database.read() as db:
        return loading.find(db, "tiny")


def count_all(database: Database) -> None:
    assert watching.catch_up(database, study_of(database), budget_s=60).whole


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_happens_the_counts_are_those_of_the_votes(database: Database, load: Load, seed: int) -> None:
    load(sources=4, crops=2, toml=TOML)
    crowd = Crowd(database, seed)
    for token in range(6):
        crowd.arrive(preview=token == 5)
    for step in range(120):
        if step in {50, 90}:
            crowd.erase(crowd.tokens[0 if step == 50 else 3])
        crowd.step(crowd.chance.choice(crowd.tokens))
        if crowd.chance.random() < 0.2:
            count_all(database)
            assert kept(database) == from_votes(database)
    count_all(database)
    counted = kept(database)
    assert counted == from_votes(database)
    assert sum(row["repeats"] for row in counted[0].values()) > 0
    with database.write() as db:
        tallying.throw_away(db, study_of(database))
    assert kept(database) == ({}, {})
    count_all(database)
    assert kept(database) == counted


def test_a_session_that_is_erased_before_it_was_counted_takes_nothing_away(database: Database, load: Load) -> None:
    load(sources=4, toml=TOML)
    crowd = Crowd(database, 1)
    for _ in range(2):
        crowd.arrive()
    for _ in range(12):
        for token in crowd.tokens:
            crowd.step(token)
    crowd.erase(crowd.tokens[0])
    count_all(database)
    assert kept(database) == from_votes(database)


def test_an_erasure_between_reading_and_keeping_is_noticed(database: Database, load: Load) -> None:
    load(sources=4, toml=TOML)
    crowd = Crowd(database, 4)
    crowd.arrive()
    for _ in range(8):
        crowd.step(crowd.tokens[0])
    study = study_of(database)
    with database.read() as db:
        read = tallying.read(db, study, tallying.behind(db, study))
    assert read.tallies
    crowd.erase(crowd.tokens[0])
    with database.write() as db:
        assert not tallying.keep(db, study, read)
    count_all(database)
    assert kept(database) == ({}, {})


def test_many_who_look_at_once_count_every_vote_once(database: Database, load: Load) -> None:
    load(sources=4, crops=2, toml=TOML)
    crowd = Crowd(database, 5)
    for _ in range(6):
        crowd.arrive()
    with ThreadPoolExecutor(4) as looking:
        for _ in range(12):
            looks = [looking.submit(count_all, database) for _ in range(3)]
            for token in crowd.tokens:
                crowd.step(token)
            for look in looks:
                look.result()
    count_all(database)
    assert kept(database) == from_votes(database)


def test_a_look_counts_no_longer_than_it_may_and_says_how_far_it_came(
    database: Database, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(sources=4, toml=TOML)
    crowd = Crowd(database, 6)
    for _ in range(3):
        crowd.arrive()
    monkeypatch.setattr(watching, "VOTES_AT_ONCE", 30)
    found = watching.catch_up(database, study_of(database), budget_s=0)
    assert (found.behind, found.of, found.whole) == (3, 3, False)
    assert watching.catch_up(database, study_of(database), budget_s=60).whole
