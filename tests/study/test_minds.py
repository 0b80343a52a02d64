"""A simulated participant's mind: the same for the same showing, and of the chances that were computed."""

import math
import statistics
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.choosing import population_chances
from study.minds import RESPONSE_MS, RESPONSE_SPREAD, Mind, Settings, Showing, Shown
from study.truth import Place

PLACE = Place("", "kodim01", (0, 0, 64, 64))
RATINGS = {(PLACE, "avif@0.50"): 60.0, (PLACE, "jpeg@0.50"): -60.0}
PEOPLE = 4000
PLAIN = Settings(taste=0, source_taste=0, side_bias=0, lapse=0)


def shown(condition: str) -> Shown:
    return Shown(PLACE, condition, f"sha256 of {condition}")


def showing(left: str, right: str, position: int = 1) -> Showing:
    return Showing(position, shown(left), shown(right))


def mind(index: int = 1, settings: Settings | None = None, asks_for: str = "prefer", unsure: bool = False) -> Mind:
    return Mind(index, settings or PLAIN, asks_for, unsure, RATINGS)


@pytest.mark.parametrize("asks_for", ["prefer", "more_different"])
@pytest.mark.parametrize("unsure", [False, True])
def test_a_population_answers_with_the_computed_chances(asks_for: str, unsure: bool) -> None:
    settings = replace(PLAIN, seed=3, taste=80, side_bias=40, lapse=0.1, not_sure=0.6)
    answers = Counter(
        mind(index, settings, asks_for, unsure).answer(showing("avif@0.50", "jpeg@0.50"))["choice"]
        for index in range(PEOPLE)
    )
    expected = population_chances(
        60, -60, taste=80, side_bias=40, lapse=0.1, undecided=0.6 if unsure else 0, asks_for=asks_for
    )
    assert set(answers) <= ({"left", "right", "not_sure"} if unsure else {"left", "right"})
    for answer, chance in zip(("left", "right", "not_sure"), expected, strict=True):
        assert abs(answers[answer] - PEOPLE * chance) <= 4 * math.sqrt(PEOPLE * chance * (1 - chance)) + 1e-9


def test_a_taste_is_one_for_a_participant_and_differs_between_them() -> None:
    one, other = (mind(index, replace(PLAIN, taste=100)) for index in (1, 2))
    assert one.rating(shown("avif@0.50")) == mind(1, replace(PLAIN, taste=100)).rating(shown("avif@0.50"))
    assert one.rating(shown("avif@0.50")) != other.rating(shown("avif@0.50"))
    assert one.rating(shown("avif@0.50")) - 60 != one.rating(shown("jpeg@0.50")) + 60


@given(seed=st.integers(0, 2**53), index=st.integers(1, 500), taste=st.floats(0, 300))
def test_what_is_known_is_known_to_everybody(seed: int, index: int, taste: float) -> None:
    someone = mind(index, replace(PLAIN, seed=seed, taste=taste))
    assert someone.answer(showing("reference", "catch"))["choice"] == "left"
    assert someone.answer(showing("catch", "reference"))["choice"] == "right"
    asked_otherwise = replace(someone, asks_for="more_different")
    assert asked_otherwise.answer(showing("catch", "reference"))["choice"] == "left"


def test_lapses_alone_miss_what_is_known() -> None:
    settings = replace(PLAIN, lapse=0.2)
    wrong = sum(
        mind(index, settings).answer(showing("reference", "catch"))["choice"] == "right" for index in range(PEOPLE)
    )
    assert abs(wrong - 0.1 * PEOPLE) < 4 * math.sqrt(PEOPLE * 0.1 * 0.9)


def test_the_same_showing_has_the_same_answer_and_another_one_is_independent() -> None:
    someone, equals = mind(7), {(PLACE, "avif@0.50"): 0.0, (PLACE, "jpeg@0.50"): 0.0}
    assert someone.answer(showing("avif@0.50", "jpeg@0.50")) == mind(7).answer(showing("avif@0.50", "jpeg@0.50"))
    answers = [
        Mind(7, PLAIN, "prefer", False, equals).answer(showing("avif@0.50", "jpeg@0.50", position))["choice"]
        for position in range(PEOPLE)
    ]
    left = answers.count("left")
    together = sum(a == b == "left" for a, b in zip(answers[::2], answers[1::2], strict=True))
    assert abs(left - PEOPLE / 2) < 4 * math.sqrt(PEOPLE) / 2
    assert abs(together - PEOPLE / 8) < 4 * math.sqrt(PEOPLE / 2 * 3 / 16)


@pytest.mark.parametrize("unsure", [False, True])
def test_the_same_image_twice_is_decided_by_the_side_alone(unsure: bool) -> None:
    """No taste helps: the odds are those of the side bias, 400 points to 10 to 1, and of nu."""
    settings = replace(PLAIN, taste=300, side_bias=100, lapse=0.1, not_sure=0.5)
    answers = Counter(
        mind(index, settings, unsure=unsure).answer(showing("avif@0.50", "avif@0.50"))["choice"]
        for index in range(PEOPLE)
    )
    strength = 10 ** (100 / 800)
    tie = 0.5 if unsure else 0.0
    chance = 0.05 + 0.9 * strength / (strength + 1 / strength + tie)
    assert abs(answers["left"] - PEOPLE * chance) <= 4 * math.sqrt(PEOPLE * chance * (1 - chance))
    assert (answers["not_sure"] > 0) == unsure


def test_a_repeat_is_answered_by_the_same_mind_with_a_fresh_lapse() -> None:
    """Whoever is certain differs from the first answer only by a lapse in one of both: 2 x l/2 x (1 - l/2)."""
    settings, lapse = replace(PLAIN, taste=5000, lapse=0.3), 0.3
    other = sum(
        mind(index, settings).answer(showing("avif@0.50", "jpeg@0.50", 3))["choice"]
        == mind(index, settings).answer(showing("jpeg@0.50", "avif@0.50", 17))["choice"]
        for index in range(PEOPLE)
    )
    # Nearly everybody is certain at this taste; the undecided few are counted by the tolerance of 5 errors.
    expected = 2 * lapse / 2 * (1 - lapse / 2)
    assert abs(other / PEOPLE - expected) < 5 * math.sqrt(expected * (1 - expected) / PEOPLE)


def test_response_times_are_log_normal() -> None:
    times = [math.log(mind(index).answer(showing("avif@0.50", "jpeg@0.50"))["response_ms"]) for index in range(PEOPLE)]
    assert abs(statistics.fmean(times) - math.log(RESPONSE_MS)) < 4 * RESPONSE_SPREAD / math.sqrt(PEOPLE)
    assert abs(statistics.stdev(times) - RESPONSE_SPREAD) < 4 * RESPONSE_SPREAD / math.sqrt(2 * PEOPLE)
