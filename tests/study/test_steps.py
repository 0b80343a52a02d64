"""Which step is open: preparation, rounds of practice, breaks, warnings, screening out and sessions left too long."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select, update

from study.db import Database
from study.models import Crop, Session, Stimulus, Study, Trial, now
from study.spec import Ask, Screening, Spec
from study.steps import Standing, Walk, place, preparation

Load = Callable[..., str]
Browse = Callable[..., Any]
PLAIN = "[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n"
CATCHES = "[design]\npractice = 0\ncatch_rate = 1\nidentical_rate = 0\nrepeat_rate = 0\nblock = 2\n"


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.get_json()["error"]["code"]


@pytest.fixture
def expected(database: Database) -> Callable[[dict[str, Any]], str | None]:
    """The known answer of a trial, which no page is told."""

    def known(trial: dict[str, Any]) -> str | None:
        with database.read() as db:
            return db.scalar(select(Trial.expected).where(Trial.public == trial["id"]))

    return known


def other(side: str | None) -> str:
    return "left" if side == "right" else "right"


@pytest.mark.parametrize(
    ("ask", "steps"),
    [
        (Ask(), ("instructions",)),
        (Ask(vision=True), ("questions", "instructions")),
        (Ask(colour_plates=2), ("plates", "instructions")),
        (Ask(age=True, colour_plates=1, screen_size=True), ("questions", "plates", "screen", "instructions")),
    ],
)
def test_steps_before_the_first_trial(ask: Ask, steps: tuple[str, ...]) -> None:
    assert preparation(Spec(ask=ask)) == steps


def test_practice_is_repeated_until_a_round_is_right(load: Load, browse: Browse, expected: Any) -> None:
    load(sources=3, toml="[design]\npractice = 2\npractice_rounds = 3")
    browser = browse().begin()
    said, state = [], browser.state()
    for wrong in (True, False, False, False):
        assert state["trial"]["practice"]
        right = expected(state["trial"])
        state = browser.vote(state["trial"], other(right) if wrong else right).get_json()
        said.append((state["feedback"]["correct"], state["feedback"]["again"]))
    assert said == [(False, False), (True, True), (True, False), (True, False)]
    assert not state["trial"]["practice"]  # the third round is never shown
    assert state["progress"]["done"] == 0
    assert browser.finish()["step"] == "thanks"


def test_after_the_last_round_practice_ends_anyway(load: Load, browse: Browse, expected: Any) -> None:
    load(sources=3, toml="[design]\npractice = 1\npractice_rounds = 2")
    browser = browse().begin()
    state, again = browser.state(), []
    while state["trial"]["practice"]:
        state = browser.vote(state["trial"], other(expected(state["trial"]))).get_json()
        again.append(state["feedback"]["again"])
    assert again == [True, False]


def test_the_first_practice_ballot_sent_again_is_told_the_same(load: Load, browse: Browse, expected: Any) -> None:
    load(sources=3, toml="[design]\npractice = 1\npractice_rounds = 2")
    browser = browse().begin()
    trial = browser.state()["trial"]
    wrong = other(expected(trial))
    first = browser.vote(trial, wrong).get_json()
    assert browser.vote(trial, wrong).get_json() == first | {"duplicate": True}


def walk_block(browser: Any, expected: Any, *, miss: bool) -> str:
    """Vote until another step opens, on catch trials rightly or not; that step."""
    state = browser.state()
    while state["step"] == "trial":
        right = expected(state["trial"])
        state = browser.vote(state["trial"], (other(right) if miss else right) if right else "left").get_json()
    step: str = state["step"]
    return step


def test_screening_warns_once_and_then_ends_at_a_break(
    database: Database, load: Load, browse: Browse, expected: Any
) -> None:
    load(sources=8, toml=CATCHES + "[screening]\ncatches_missed = 1")
    browser = browse().begin()
    token, steps, missing = browser.token(), [], True
    while (step := walk_block(browser, expected, miss=missing)) not in {"thanks", "screened_out"}:
        steps.append(step)
        if step == "warning":
            browser.step("break", "next")
            assert browser.state()["step"] == "warning"  # it is not left as a break
            browser.step("warning", "next")
        browser.step("break", "next")
        missing = "warning" not in steps or len(steps) >= 3
    assert (step, browser.state()["step"]) == ("screened_out", "screened_out")
    assert [steps.count("warning"), steps[-1]] == [1, "break"]  # right answers after the warning let one go on
    with database.read() as db:
        session = db.scalars(select(Session)).one()
        assert (session.outcome, session.ended_at is not None) == ("screened_out", True)
        unanswered = db.scalars(select(Trial).order_by(Trial.position.desc())).first()
    assert unanswered is not None
    ballot = {"trial": unanswered.public, "key": unanswered.key, "choice": "left"}
    assert code(browser.post(ballot, token)) == (409, "not_open")


def standing(number: int, kind: str, block: int, choice: str | None, response_ms: int = 2000) -> Standing:
    """A trial whose known answer, if it is a catch, is left."""
    expected, vote = ("left" if kind == "catch" else None), (number if choice else None)
    return Standing(
        number, str(number), "", None, 1, kind, block, False, expected, True, vote, choice, response_ms, None, choice
    )


def walked(*blocks: str, warned_at: int | None = None) -> Walk:
    """A walk by a letter a trial: l, r or n for the answer to a catch, a for a rating's, and then a block to come."""
    of = {"l": ("catch", "left"), "r": ("catch", "right"), "n": ("catch", "not_sure"), "a": ("rating", "left")}
    plan = [(block, *of[letter]) for block, letters in enumerate(blocks, start=1) for letter in letters]
    trials = [standing(at, kind, block, choice) for at, (block, kind, choice) in enumerate(plan, start=1)]
    ahead = standing(100, "rating", len(blocks) + 1, None)
    return Walk("open", 1, True, warned_at, len(blocks), now(), (*trials, ahead))


@pytest.mark.parametrize(
    ("walk", "step"),
    [
        (walked("ra"), "warning"),
        (walked("na"), "break"),  # the instructions offer it
        (walked("la"), "break"),
        (walked("ar"), "break"),  # it could not be taken back
        (walked("ar", "aa"), "warning"),
        (walked("ra", "aa", warned_at=1), "break"),
        (walked("ra", "ra", warned_at=1), "screened_out"),
        (walked("ra", "na", warned_at=1), "break"),
        (walked("ra", "ar", warned_at=1), "break"),
        (walked("ra", "ar", "aa", warned_at=1), "screened_out"),
        (walked("rr", "aa", warned_at=2), "break"),  # both were known when the warning was given
    ],
)
def test_screening_judges_decided_answers_that_could_be_taken_back(walk: Walk, step: str) -> None:
    assert place(walk, Spec(screening=Screening(catches_missed=1)), now()).step == step


def test_a_warning_counts_the_misses_that_it_does_not_judge_yet(
    database: Database, load: Load, browse: Browse, expected: Any
) -> None:
    load(sources=8, toml=CATCHES.replace("block = 2", "block = 8") + "[screening]\ncatches_missed = 1")
    browser = browse().begin()
    assert walk_block(browser, expected, miss=True) == "warning"
    browser.step("warning", "next")
    with database.read() as db:
        session = db.scalars(select(Session)).one()
        voted = select(func.count()).where(Trial.kind == "catch", Trial.block == 1)
        assert session.warned_at == db.scalar(voted)


def test_a_trial_left_open_for_an_hour_hardly_changes_what_the_rest_is_taken_to_last() -> None:
    ahead = [standing(10 + at, "rating", 1, None) for at in range(30)]

    def left(*seconds: int) -> int:
        done = [standing(at, "rating", 1, "left", 1000 * s) for at, s in enumerate(seconds, start=1)]
        return place(Walk("open", 1, True, None, 1, now(), (*done, *ahead)), Spec(), now()).progress.seconds_left

    assert left() == 30 * 7
    assert left(7, 7) == 30 * 7
    assert left(1, 1, 1, 1, 1) == 30 * 4
    assert left(7, 3600, 7) < 2 * left(7, 7, 7)


def test_who_finishes_is_complete_whatever_was_missed(load: Load, browse: Browse, expected: Any) -> None:
    load(sources=2, toml=CATCHES.replace("block = 2", "block = 100") + "[screening]\ncatches_missed = 1")
    assert walk_block(browse().begin(), expected, miss=True) == "thanks"


def leave(database: Database, *, minutes: int) -> None:
    """Let time pass since the last answer."""
    with database.write() as db:
        active = db.scalars(select(Session.active_at)).one()
        db.execute(update(Session).values(active_at=active - timedelta(minutes=minutes)))


def test_an_expired_session_refuses_votes_but_answers_for_saved_ones(
    database: Database, load: Load, browse: Browse
) -> None:
    load(sources=4, toml=PLAIN + "resume_hours = 1.0")
    browser = browse().begin()
    here, token = browser.state(), browser.token()
    first = here["trial"]
    browser.vote_with(token, first)
    leave(database, minutes=59)
    here = browser.vote_with(token, here["next"]).get_json()
    leave(database, minutes=61)
    assert code(browser.vote_with(token, here["trial"])) == (410, "expired")
    assert browser.vote_with(token, first).get_json()["duplicate"] is True
    state = browser.state()
    assert (state["step"], state["trial"], state["undo"]) == ("expired", None, False)
    assert code(browser.get("/last")) == (409, "not_open")


def test_identical_trials_show_one_image_twice(database: Database, load: Load, browse: Browse) -> None:
    load(sources=4, toml="[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 1\nrepeat_rate = 0")
    browser = browse().begin()
    state, kinds = browser.state(), []
    while state["trial"]:
        with database.read() as db:
            trial = db.scalars(select(Trial).where(Trial.public == state["trial"]["id"])).one()
            shown = trial.pair.b if trial.flipped else trial.pair.a
            if trial.kind == "identical":
                assert state["trial"]["left"] == state["trial"]["right"]
                assert state["trial"]["left"]["sha256"] == shown.sha256
        kinds.append(trial.kind)
        state = browser.vote(state["trial"]).get_json()
    assert kinds.count("identical") == 4


def test_context_shows_windows_and_says_where_the_crop_is(database: Database, load: Load, browse: Browse) -> None:
    load(sources=2, toml=PLAIN)
    with database.write() as db:
        db.execute(update(Crop).values(x=5, y=6, context_x=2, context_y=0, context_width=20, context_height=16))
        for stimulus in db.scalars(select(Stimulus)):
            stimulus.context_sha256 = stimulus.sha256[::-1]
        design = db.scalars(select(Study.design)).one().replace('view = "crop"', 'view = "context"')
        table: Any = Study.__table__
        db.execute(table.update().values(design=design))  # past the model, which keeps what was opened
    trial = browse().begin().state()["trial"]
    assert trial["outline"] == {"x": 3, "y": 6, "width": 8, "height": 8}
    with database.read() as db:
        planned = db.scalars(select(Trial).where(Trial.public == trial["id"])).one()
        left = planned.pair.b if planned.flipped else planned.pair.a
        assert trial["left"]["sha256"] == left.context_sha256
    assert (trial["reference"]["width"], trial["reference"]["height"]) == (20, 16)


def test_the_question_is_in_the_language_of_the_session(database: Database, load: Load, browse: Browse) -> None:
    load(
        toml='[study]\nlanguages = ["en", "de"]\n[texts]\nquestion = "Which?"\n[translations.de]\nquestion = "Welches?"'
    )
    browser = browse().begin()
    assert browser.state()["trial"]["question"] == "Which?"
    with database.write() as db:
        db.execute(update(Session).values(language="de"))
    assert browser.state()["trial"]["question"] == "Welches?"
