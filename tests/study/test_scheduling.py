"""Who may begin, and what is counted: on both databases, also when everybody begins at once."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from random import Random
from threading import Barrier

import pytest
from sqlalchemy import event, func, select, update
from sqlalchemy.orm import Session as OrmSession

from study import demand, design, erasure, ordering, scheduling, steps
from study.db import Database
from study.errors import Closed, Full, Paused, UnknownStudy
from study.models import Crop, Pair, Participant, Session, Stimulus, Study, Trial, Vote, now
from study.ordering import Planned
from study.pool import Asked, pooled, runs

Load = Callable[..., str]
FOUR = ("avif@0.50", "jpeg@0.50", "jxl@0.50", "webp@0.50")
PLANNED = """[design]
seed = 7
trials = 10
block = 5
practice_rounds = 3
catch_rate = 0.2
identical_rate = 0.1
repeat_rate = 0.3
votes_per_pair = 2
"""
RATINGS_ONLY = "practice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n"


def begin(database: Database, name: str, who: str, at: datetime | None = None) -> int:
    """Let somebody begin, as the pages do; the session's number in the database."""
    with database.read() as db:
        ahead = scheduling.counted(db, scheduling.find(db, name), at or now())
    with database.write() as db:
        study = scheduling.find(db, name, lock=True)
        return scheduling.begin(db, study, newcomer(db, study, who), at or now(), ahead=ahead).id


def begin_at_once(database: Database, name: str, people: int) -> int:
    """Let so many people begin in the same moment, each over a connection of their own; how many were let in."""
    at_once = Barrier(people)

    def start(number: int) -> bool:
        at_once.wait()
        try:
            begin(database, name, f"p{number}")
        except Full:
            return False
        return True

    with ThreadPoolExecutor(people) as pool:
        return sum(pool.map(start, range(people)))


def end(database: Database, session: int, outcome: str) -> None:
    with database.write() as db:
        db.execute(update(Session).where(Session.id == session).values(outcome=outcome, ended_at=now()))


def leave(database: Database, session: int, ago: timedelta) -> None:
    """Let a session be without a sign of life for so long."""
    with database.write() as db:
        db.execute(update(Session).where(Session.id == session).values(active_at=now() - ago))


def newcomer(db: OrmSession, study: Study, who: str) -> Participant:
    participant = Participant(
        study_id=study.id, token=f"{study.name}-{who}", pseudonym=who, simulated=False, created_at=now()
    )
    db.add(participant)
    db.flush()
    return participant


def answers(database: Database, name: str) -> Counter[int]:
    """Planned and cast ratings of every pair, as the next plan would count them."""
    return counted(database, name, now())


def counted(database: Database, name: str, at: datetime) -> Counter[int]:
    with database.read() as db:
        study = scheduling.find(db, name)
        found = scheduling.counts(db, study, at)
        pairs = db.scalars(select(Pair.id).where(Pair.study_id == study.id, Pair.kind == "rating"))
        return Counter({pair: found.get(pair, 0) for pair in pairs})


@contextmanager
def asked(database: Database) -> Iterator[list[str]]:
    """Every statement that is sent meanwhile."""
    statements: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(" ".join(statement.split()))

    event.listen(database.engine, "before_cursor_execute", note)
    yield statements
    event.remove(database.engine, "before_cursor_execute", note)


def vote_all(database: Database, session: int) -> None:
    with database.write() as db:
        for trial in db.scalars(select(Trial).where(Trial.session_id == session)):
            db.add(Vote(trial_id=trial.id, key=trial.key, choice="left", simulated=False, voted_at=now()))


def planned(db: OrmSession, study: Study, before: Mapping[int, int], ordinal: int) -> list[Planned]:
    """The plan, made again from all pairs, read one by one."""
    rows = db.execute(select(Pair.id, Pair.kind, Crop.id, Crop.source_id).join(Pair.a).join(Stimulus.crop)).all()
    ratings = {pair: source for pair, kind, _, source in rows if kind == "rating"}
    catches = [ordering.Pair(pair, crop, source) for pair, kind, crop, source in rows if kind == "catch"]
    ask = scheduling.spec_of(study).design
    asked = Asked(pooled(runs(sorted(ratings))), ask.votes_per_pair)
    counted = asked.plus((pair, True, times) for pair, times in before.items() if times)
    return design.plan(counted, lambda _: ratings, catches, design=ask, asks_for="prefer", ordinal=ordinal)


def test_a_session_is_the_plan_that_the_seed_and_its_number_give(database: Database, load: Load) -> None:
    load(conditions=FOUR, sources=3, toml=PLANNED)
    for ordinal in (1, 2):
        before = answers(database, "tiny")
        session = begin(database, "tiny", f"p{ordinal}")
        with database.read() as db:
            study = scheduling.find(db, "tiny")
            expected = planned(db, study, before, ordinal)
            stored = db.scalars(select(Trial).where(Trial.session_id == session).order_by(Trial.position)).all()
            fields = ("kind", "block", "position", "flipped", "expected", "strategy", "probability")
            assert [tuple(getattr(trial, field) for field in fields) for trial in stored] == [
                tuple(getattr(trial, field) for field in fields) for trial in expected
            ]
            assert [trial.pair_id for trial in stored] == [trial.pair for trial in expected]
            assert scheduling.trials_planned(db, study, now()) == (2, 10 + 2 + 1 + 3)
            assert len(stored) == 3 * 2 + 10 + 2 + 1 + 3
            assert len({trial.correction_key for trial in stored}) == len(stored)


def test_every_pair_lies_in_one_crop_and_no_rating_shows_a_reference_or_a_catch(database: Database, load: Load) -> None:
    load(conditions=FOUR, sources=2, crops=2)
    with database.read() as db:
        pairs = db.scalars(select(Pair)).all()
        assert Counter(pair.kind for pair in pairs) == {"rating": 2 * 2 * 6, "catch": 4}
        for pair in pairs:
            assert pair.a.crop_id == pair.b.crop_id
            names = {pair.a.condition.name, pair.b.condition.name}
            assert (names == {"reference", "catch"}) == (pair.kind == "catch")
        assert db.scalar(select(Crop.id).where(Crop.x + Crop.width > 64)) is None


def test_conditions_of_different_rates_are_never_paired(database: Database, load: Load) -> None:
    load(conditions=("jpeg@0.50", "webp@0.50", "jpeg@0.75", "webp@0.75"), sources=1)
    with database.read() as db:
        pairs = db.scalars(select(Pair).where(Pair.kind == "rating")).all()
        rates = sorted((pair.a.condition.rate, pair.b.condition.rate) for pair in pairs)
        assert rates == [("0.50", "0.50"), ("0.75", "0.75")]


def test_across_rates_any_two_conditions_of_a_crop_are_paired_and_planned(database: Database, load: Load) -> None:
    """Quotas, catches, identical pairs and repeats as ever; `load` and `check` would count these pairs too."""
    four = ("jpeg@0.50", "webp@0.50", "jpeg@0.75", "webp@0.75")
    load(conditions=four, sources=2, toml=PLANNED + 'rates = "across"\n')
    with database.read() as db:
        pairs = db.scalars(select(Pair).where(Pair.kind == "rating")).all()
        assert len(pairs) == 2 * 6
        rates = Counter(tuple(sorted((pair.a.condition.rate, pair.b.condition.rate))) for pair in pairs)
        assert rates == {("0.50", "0.50"): 2, ("0.75", "0.75"): 2, ("0.50", "0.75"): 8}
        assert all(pair.a.crop_id == pair.b.crop_id for pair in pairs)
    sessions = [begin(database, "tiny", f"p{number}") for number in range(3)]
    assert set(answers(database, "tiny").values()) == {2}
    with database.read() as db:
        kinds = select(Trial.kind, func.count()).where(Trial.session_id == sessions[0]).group_by(Trial.kind)
        assert dict(map(tuple, db.execute(kinds))) == {
            "rating": 10,
            "catch": 2,
            "identical": 1,
            "repeat": 3,
            "practice": 6,
        }
    with pytest.raises(Full):
        begin(database, "tiny", "late")


def test_balance_stays_within_one(database: Database, load: Load) -> None:
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 5")
    for number in range(7):
        begin(database, "tiny", f"p{number}")
        times = answers(database, "tiny").values()
        assert max(times) - min(times) <= 1
        assert sum(times) == 5 * (number + 1)


def test_sessions_that_begin_at_once_keep_balance_and_quota(database: Database, load: Load) -> None:
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 5\nparticipants = 5")
    assert begin_at_once(database, "tiny", 8) == 5
    times = answers(database, "tiny").values()
    assert max(times) - min(times) <= 1
    assert sum(times) == 25
    with database.read() as db:
        assert sorted(db.scalars(select(Session.ordinal))) == [1, 2, 3, 4, 5]
        assert len(db.scalars(select(Participant)).all()) == 5


def test_no_pair_is_promised_more_often_than_its_quota_when_all_begin_at_once(database: Database, load: Load) -> None:
    """12 pairs, 2 votes each, 5 trials a session: four whole sessions, one of the last 4 pairs, and then none."""
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 5\nvotes_per_pair = 2")
    assert begin_at_once(database, "tiny", 8) == 5
    assert set(answers(database, "tiny").values()) == {2}
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        with pytest.raises(Full):
            scheduling.check_room(db, study, now())
        each = db.execute(
            select(Session.ordinal, func.count()).join(Trial).where(Trial.kind == "rating").group_by(Session.ordinal)
        )
        assert dict(map(tuple, each)) == {1: 5, 2: 5, 3: 5, 4: 5, 5: 4}


def test_places_that_are_given_back_are_given_out_once(database: Database, load: Load) -> None:
    """Three of four go away; of eight who come at once three are let in, and no pair is promised too often."""
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 6\nparticipants = 4\nvotes_per_pair = 2\n")
    first = [begin(database, "tiny", f"first{number}") for number in range(4)]
    vote_all(database, first[0])
    end(database, first[0], "complete")
    for session in first[1:]:
        leave(database, session, timedelta(hours=2, minutes=2))
    assert begin_at_once(database, "tiny", 8) == 3
    assert set(answers(database, "tiny").values()) == {2}


@pytest.mark.parametrize("outcome", ["complete", "screened_out", "withdrawn"])
def test_only_who_completes_keeps_the_place(database: Database, load: Load, outcome: str) -> None:
    load(toml="[design]\nparticipants = 1")
    end(database, begin(database, "tiny", "first"), outcome)
    if outcome != "complete":
        begin(database, "tiny", "second")
        return
    with pytest.raises(Full):
        begin(database, "tiny", "second")


def test_answers_of_who_was_screened_out_are_asked_for_again(database: Database, load: Load) -> None:
    """Quotas are of usable sessions."""
    load(toml="[design]\nvotes_per_pair = 1\n" + RATINGS_ONLY)
    first = begin(database, "tiny", "first")
    vote_all(database, first)
    assert set(counted(database, "tiny", now()).values()) == {1}
    end(database, first, "screened_out")
    assert not any(counted(database, "tiny", now()).values())
    vote_all(database, begin(database, "tiny", "second"))
    assert set(counted(database, "tiny", now()).values()) == {1}


@pytest.mark.parametrize("hours", [0.5, 2.0, 24.0])
def test_an_abandoned_place_is_free_a_minute_after_its_votes_are_refused(
    database: Database, load: Load, hours: float
) -> None:
    load(sources=3, toml=f"[design]\nparticipants = 1\nresume_hours = {hours}\n" + RATINGS_ONLY)
    start = now()
    gone = begin(database, "tiny", "gone", start)
    refused = start + timedelta(hours=hours)
    for late in (timedelta(0), timedelta(seconds=59)):
        with pytest.raises(Full):
            begin(database, "tiny", "early", refused + late)
        assert set(counted(database, "tiny", refused + late).values()) == {1}
    with database.write() as db:
        one = db.scalars(select(Trial).where(Trial.session_id == gone)).first()
        assert one is not None
        db.add(Vote(trial_id=one.id, key=one.key, choice="left", simulated=False, voted_at=start))
    after = refused + timedelta(seconds=61)
    assert sorted(counted(database, "tiny", after).values()) == [0, 0, 1]
    begin(database, "tiny", "next", after)
    assert sorted(counted(database, "tiny", after).values()) == [1, 1, 2]


def test_only_what_is_still_wanted_is_asked_and_said_at_consent(database: Database, load: Load) -> None:
    load(sources=3, toml="[design]\ntrials = 2\nvotes_per_pair = 1\n" + RATINGS_ONLY)
    with database.read() as db:
        assert scheduling.trials_planned(db, scheduling.find(db, "tiny"), now()) == (0, 2)
    begin(database, "tiny", "first")
    with database.read() as db:
        assert scheduling.trials_planned(db, scheduling.find(db, "tiny"), now()) == (0, 1)
    begin(database, "tiny", "second")
    with pytest.raises(Full):
        begin(database, "tiny", "third")


def test_the_language_of_the_pages_is_kept_or_the_first_one_of_the_study(database: Database, load: Load) -> None:
    load(toml='[study]\nlanguages = ["de", "en"]')
    with database.write() as db:
        study = scheduling.find(db, "tiny", lock=True)
        assert scheduling.begin(db, study, newcomer(db, study, "a"), now()).language == "de"
        assert scheduling.begin(db, study, newcomer(db, study, "b"), now(), "en").language == "en"
        assert scheduling.decline(db, newcomer(db, study, "c"), now()).language == "de"
        assert scheduling.decline(db, newcomer(db, study, "d"), now(), "en").language == "en"


def test_a_correction_is_no_second_answer(database: Database, load: Load) -> None:
    load(toml="[design]\n" + RATINGS_ONLY)
    vote_all(database, begin(database, "tiny", "p"))
    with database.write() as db:
        first = db.scalars(select(Vote)).first()
        assert first is not None
        db.add(
            Vote(
                trial_id=first.trial_id, key="again", choice="right", simulated=False, voted_at=now(), corrects=first.id
            )
        )
    assert set(answers(database, "tiny").values()) == {1}


def test_what_was_counted_ahead_never_changes_a_count(database: Database, load: Load) -> None:
    """Sessions end, are abandoned, come and withdraw after the count ahead; the clock may even go back."""
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 5\n")
    sessions = [begin(database, "tiny", f"p{number}") for number in range(6)]
    for session in sessions[:3]:
        vote_all(database, session)
    end(database, sessions[0], "complete")
    end(database, sessions[1], "complete")
    leave(database, sessions[2], timedelta(hours=3))
    leave(database, sessions[3], timedelta(hours=3))
    with database.read() as db:
        ahead = scheduling.counted(db, scheduling.find(db, "tiny"), now())
    assert (ahead.over.keys(), ahead.alive) == (set(sessions[:4]), set(sessions[4:]))
    assert sum(ahead.answers.totals().values()) == 15 + 2 * 5

    def agree(at: datetime) -> None:
        with database.read() as db:
            study = scheduling.find(db, "tiny")
            assert scheduling.counts(db, study, at, ahead) == scheduling.counts(db, study, at)

    agree(now())
    agree(now() - timedelta(hours=2))
    vote_all(database, sessions[4])
    end(database, sessions[4], "complete")
    begin(database, "tiny", "later")
    agree(now())
    with database.write() as db:
        erasure.erase(db, db.get_one(Session, sessions[0]).participant_id, now())
    agree(now())
    assert sum(answers(database, "tiny").values()) == 5 * 5  # three have voted, two are alive


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_processes_keep_is_what_is_counted_anew(database: Database, load: Load, seed: int) -> None:
    """Three processes look now and then, while sessions begin, end, expire, revive, are screened out and erased."""
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 3\nvotes_per_pair = 4\n")
    chance, start, sessions = Random(seed), now(), list[int]()
    kept = [demand.NOTHING] * 3
    for number in range(45):
        with suppress(Full):
            sessions.append(begin(database, "tiny", f"p{number}"))
        for _ in range(2):
            _befall(database, chance.choice(sessions), chance)
        at = start + timedelta(minutes=chance.choice([-150, 0, 0, 0, 150]))
        looks = chance.choice([0, 1, 2])
        with database.read() as db:
            study = scheduling.find(db, "tiny")
            kept[looks] = scheduling.counted(db, study, at, kept[looks])
            if chance.random() < 0.3:
                kept[looks] = kept[looks].settled()
            anew = scheduling.counted(db, study, at)
            assert kept[looks].answers.totals() == anew.answers.totals()
            assert kept[looks].answers.cells == anew.answers.cells
            assert (kept[looks].alive, kept[looks].over, kept[looks].gave) == (anew.alive, anew.over, anew.gave)
            before = Counter(anew.answers.totals())
            assert planned(db, study, before, 7) == design.plan(
                kept[looks].answers, lambda pairs: demand.sources(db, pairs), anew.catches,
                design=scheduling.spec_of(study).design, asks_for="prefer", ordinal=7,
            )  # fmt: skip


def _befall(database: Database, session: int, chance: Random) -> None:
    """Something becomes of a session; it may be that nothing can any more."""
    with database.write() as db:
        found = db.get_one(Session, session)
        if found.outcome != "open":
            if chance.random() < 0.3:
                erasure.erase(db, found.participant_id, now())
            return
        voted = select(Vote.trial_id)
        ahead = db.scalars(select(Trial).where(Trial.session_id == session, Trial.id.not_in(voted))).all()
        fate = chance.choice(["votes", "votes", "complete", "screened_out", "goes", "comes back", "erased"])
        for trial in ahead[: len(ahead) if fate == "complete" else chance.randrange(len(ahead) + 1)]:
            db.add(Vote(trial_id=trial.id, key=trial.key, choice="left", simulated=False, voted_at=now()))
        if fate in {"complete", "screened_out"}:
            found.outcome, found.ended_at = fate, now()
        elif fate == "erased":
            erasure.erase(db, found.participant_id, now())
        else:
            found.active_at = now() - timedelta(hours=3 if fate == "goes" else 0)


def test_a_process_that_counted_reads_only_what_changed(database: Database, load: Load) -> None:
    """One statement where nothing did; an erased session is taken out without a look at any other one."""
    load(conditions=FOUR, sources=2, toml="[design]\ntrials = 5\n")
    sessions = [begin(database, "tiny", f"p{number}") for number in range(4)]
    vote_all(database, sessions[0])
    end(database, sessions[0], "complete")
    with database.read() as db:
        ahead = scheduling.counted(db, scheduling.find(db, "tiny"), now())
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        with asked(database) as nothing_new:
            assert scheduling.counted(db, study, now(), ahead) is ahead
        assert len(nothing_new) == 1
    with database.write() as db:
        erasure.erase(db, db.get_one(Session, sessions[0]).participant_id, now())
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        with asked(database) as erased:
            found = scheduling.counted(db, study, now(), ahead)
        assert not any(" trial" in statement for statement in erased)
        assert found.gave.keys() == set(sessions[1:])
        assert sum(found.answers.totals().values()) == 3 * 5


def test_a_preview_of_a_large_study_reads_no_pairs_under_the_lock(database: Database, load: Load) -> None:
    load(conditions=FOUR, sources=2)
    with database.read() as db:
        ahead = scheduling.counted(db, scheduling.find(db, "tiny"), now())
    with database.write() as db:
        study = scheduling.find(db, "tiny", lock=True)
        person = newcomer(db, study, "looks")
        person.preview = True
        with asked(database) as statements:
            session = scheduling.begin(db, study, person, now(), ahead=ahead)
        assert not any("FROM pair WHERE" in statement for statement in statements)
        assert db.scalars(select(Trial).where(Trial.session_id == session.id, Trial.kind == "preview")).all()


def test_answers_of_ended_sessions_are_not_counted_under_the_lock(database: Database, load: Load) -> None:
    load()
    vote_all(database, begin(database, "tiny", "first"))
    with database.write() as db:
        db.execute(update(Session).values(outcome="complete", ended_at=now()))
    with asked(database) as before:
        begin(database, "tiny", "second")
    counting = [number for number, statement in enumerate(before) if " vote" in statement]
    locking = [number for number, statement in enumerate(before) if statement.startswith("INSERT INTO participant")]
    assert counting
    assert max(counting) < min(locking)


def test_a_page_that_promises_no_number_of_answers_counts_none(database: Database, load: Load) -> None:
    load("free")
    load("bound", toml="[design]\nvotes_per_pair = 3")
    for name, counted_there in (("free", False), ("bound", True)):
        begin(database, name, "p")
        with database.read() as db, asked(database) as statements:
            study = scheduling.find(db, name)
            scheduling.check_room(db, study, now())
            scheduling.trials_planned(db, study, now())
        assert any(" trial" in statement for statement in statements) == counted_there


def test_beginning_twice_is_beginning_once(database: Database, load: Load) -> None:
    load()
    session = begin(database, "tiny", "p")
    with database.write() as db:
        study = scheduling.find(db, "tiny", lock=True)
        participant = db.scalars(select(Participant)).one()
        assert scheduling.begin(db, study, participant, now()).id == session
        assert scheduling.decline(db, participant, now()).outcome == "open"


def test_declining_takes_no_place(database: Database, load: Load) -> None:
    load(toml="[design]\nparticipants = 1")
    with database.write() as db:
        study = scheduling.find(db, "tiny", lock=True)
        participant = newcomer(db, study, "p")
        session = scheduling.decline(db, participant, now())
        assert (session.ordinal, session.outcome, session.ended_at) == (None, "declined", session.started_at)
        assert steps.here(db, session, now()).step == "declined"
    begin(database, "tiny", "first")
    with pytest.raises(Full):
        begin(database, "tiny", "second")


@pytest.mark.parametrize(("state", "error"), [("paused", Paused), ("closed", Closed), ("draft", UnknownStudy)])
def test_only_an_open_study_can_be_begun(database: Database, load: Load, state: str, error: type[Exception]) -> None:
    load(state=state)
    with pytest.raises(error):
        begin(database, "tiny", "p")
    with database.read() as db:
        assert db.scalars(select(Participant)).all() == []


@pytest.mark.parametrize("name", ["none", "", "a\0b", "x" * 100, "tiny'--", "тест"])
def test_unknown_names_are_unknown(database: Database, load: Load, name: str) -> None:
    load()
    with database.read() as db, pytest.raises(UnknownStudy):
        scheduling.find(db, name)


def test_studies_do_not_count_one_another(database: Database, load: Load) -> None:
    load("one", toml="[design]\nparticipants = 1")
    load("two", toml="[design]\nparticipants = 1")
    begin(database, "one", "p")
    assert set(answers(database, "two").values()) == {0}
    begin(database, "two", "p")
    with database.read() as db:
        rows = db.execute(select(Study.name, Session.ordinal).join(Session, Session.study_id == Study.id))
        assert sorted(map(tuple, rows)) == [("one", 1), ("two", 1)]
