"""A study with two questions: each participant is asked one, drawn by the seed, and everything follows it."""

import csv
import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from study import design, export, loading, questions, scheduling, showings
from study.db import Database
from study.minds import Mind, Settings
from study.models import Participant, Session, Trial, now
from study.spec import parse

Load = Callable[..., str]
TWO = """[study]
asks_for = "prefer"
or_asks_for = "more_different"
languages = ["en", "de"]
[design]
seed = 5
practice = 1
catch_rate = 1.0
[texts]
question = "Which do you like?"
or_question = "Which differs more?"
instructions = "Look."
or_instructions = "Compare."
"""
WORDS = {"prefer": ("Which do you like?", "Look."), "more_different": ("Which differs more?", "Compare.")}


def begin(database: Database, who: str, name: str = "tiny") -> tuple[int, str | None]:
    """The session's number, and what it is asked."""
    with database.write() as db:
        study = scheduling.find(db, name, lock=True)
        person = Participant(study_id=study.id, token=who, pseudonym=who, simulated=study.simulated, created_at=now())
        db.add(person)
        db.flush()
        session = scheduling.begin(db, study, person, now())
        return session.id, session.asks_for


@given(seed=st.integers(0, 2**53), block=st.integers(-50, 50))
def test_of_two_that_follow_one_another_one_is_asked_each(seed: int, block: int) -> None:
    both = [design.question(seed, ordinal, "prefer", "closer") for ordinal in (2 * block - 1, 2 * block)]
    assert sorted(both) == ["closer", "prefer"]
    assert design.question(seed, block, "closer", "") == "closer"


def test_which_of_two_comes_first_is_drawn_for_each_block() -> None:
    """Nobody can tell from the question of the one before last what comes: half of the blocks begin with either."""
    firsts = Counter(design.question(7, 2 * block + 1, "prefer", "closer") for block in range(2000))
    assert abs(firsts["closer"] / 2000 - 0.5) < 4 * (0.25 / 2000) ** 0.5
    assert design.question(7, 1, "prefer", "closer") in {
        design.question(seed, 1, "prefer", "closer") for seed in (1, 2)
    }


def test_sessions_keep_what_they_are_asked_and_known_answers_follow(database: Database, load: Load) -> None:
    load(sources=3, toml=TWO)
    begun = [begin(database, f"p{at}") for at in range(6)]
    assert Counter(asked for _, asked in begun) == {"prefer": 3, "more_different": 3}
    with database.read() as db:
        for session, asked in begun:
            known = db.scalars(select(Trial).where(Trial.session_id == session, Trial.expected.is_not(None))).all()
            assert {trial.kind for trial in known} == {"practice", "catch"}
            for trial in known:  # the reference is the pair's first image: on the left unless it is flipped
                reference, degraded = ("right", "left") if trial.flipped else ("left", "right")
                assert trial.expected == (degraded if asked == "more_different" else reference)


def test_a_study_of_one_question_draws_none(database: Database, load: Load) -> None:
    load()
    assert begin(database, "p")[1] is None
    spec = parse("[study]\nname = 'x'\nasks_for = 'closer'\n")
    assert questions.drawn(spec, 1) is None
    assert questions.of(spec, None) == "closer"
    assert questions.of(spec, "prefer") == "closer"


def test_pages_and_trials_ask_the_sessions_own_question(
    database: Database, load: Load, browse: Callable[..., Any]
) -> None:
    load(toml=TWO)
    asked = Counter[str]()
    for at in range(4):
        browser = browse("tiny")
        consent = browser.get(participant=str(at)) and browser.get().text
        assert not any(word in consent for words in WORDS.values() for word in words)
        assert browser.step("consent", "agree").status_code == 303
        with database.read() as db:
            session = db.scalars(select(Session).order_by(Session.id.desc())).first()
            assert session is not None
            mine = session.asks_for or ""
        asked[mine] += 1
        other = WORDS["prefer" if mine == "more_different" else "more_different"]
        pages = browser.get().text
        assert browser.step("instructions", "next").status_code == 303
        pages += browser.get().text
        assert all(word in pages for word in WORDS[mine])
        assert not any(word in pages for word in other)
        state = browser.state()
        assert state["trial"]["question"] == WORDS[mine][0]
        with database.read() as db:
            expected = db.scalars(select(Trial.expected).where(Trial.public == state["trial"]["id"])).one()
        answer = browser.vote(state["trial"], expected).get_json()
        assert answer["feedback"]["correct"]
        assert answer["trial"]["question"] == WORDS[mine][0]
        finished = browser.vote(answer["trial"], "left")
        assert finished.status_code == 200
        browser.finish()
        assert ("which way people like better" in browser.get().text) == (mine == "prefer")
    assert asked == {"prefer": 2, "more_different": 2}


def test_default_texts_that_all_see_name_neither_question() -> None:
    spec = parse("[study]\nname = 'x'\nor_asks_for = 'closer'\nlanguages = ['en', 'de', 'ar']\n")
    for language in spec.study.languages:
        first, second = (questions.texts(spec, language, asked) for asked in ("prefer", "closer"))
        assert first.question != second.question
        assert first.title == second.title
        alone = parse(f"[study]\nname = 'x'\nlanguages = ['{language}']\n").texts
        assert first.title != alone.title
        assert first.thanks != alone.thanks
        assert first.question == alone.question


def test_votes_say_their_question_and_are_never_pooled_without_a_choice(
    database: Database, load: Load, browse: Callable[..., Any], tmp_path: Path
) -> None:
    from analysis.cli import cli as analysis

    load(sources=3, toml=TWO)
    for at in range(4):
        browse("tiny").begin(participant=str(at)).finish()
    with database.read() as db:
        export.write(db, "tiny", tmp_path / "votes.csv")
        of_session = {str(row.id): row.asks_for for row in db.scalars(select(Session))}
    rows = list(csv.DictReader(io.StringIO((tmp_path / "votes.csv").read_text())))
    assert all(row["asks_for"] == of_session[row["session"]] for row in rows)
    assert Counter(of_session.values()) == {"prefer": 2, "more_different": 2}
    pooled = CliRunner().invoke(analysis, ["rate", str(tmp_path / "votes.csv"), "-o", str(tmp_path / "ratings.csv")])
    assert pooled.exit_code == 1
    assert "never pooled" in pooled.output
    one = ["rate", str(tmp_path / "votes.csv"), "--only", "asks_for=prefer", "-o", str(tmp_path / "ratings.csv")]
    done = CliRunner().invoke(analysis, one)
    assert done.exit_code == 0, done.output


@pytest.mark.parametrize("asked", ["prefer", "more_different"])
def test_simulated_participants_answer_their_own_question(database: Database, load: Load, asked: str) -> None:
    """Who knows the ratings for sure passes every catch, whichever question it is."""
    load(sources=3, toml=TWO)
    sure = Settings(taste=0, source_taste=0, side_bias=0, lapse=0)
    session = next(number for number, mine in (begin(database, f"p{at}") for at in range(2)) if mine == asked)
    with database.read() as db:
        study = loading.find(db, "tiny")
        ratings = dict.fromkeys(showings.rated(db, study), 0.0)
        mind = Mind(1, sure, "prefer", False, ratings)
        shown = showings.planned(db, "tiny")
        catches = db.scalars(select(Trial).where(Trial.session_id == session, Trial.kind == "catch")).all()
        assert catches
        assert all(mind.answer(shown[trial.public])["choice"] == trial.expected for trial in catches)
