"""How simulated participants choose: against the formula written another way, and against drawing."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.choosing import choice_chances, choose, draw, population_chances

ratings = st.floats(-3000, 3000)
biases = st.floats(-400, 400)
lapses = st.floats(0, 1)
undecided = st.floats(0, 3)


@pytest.mark.parametrize(("difference", "odds"), [(0, 1), (400, 10), (-400, 0.1), (800, 100)])
def test_400_points_are_odds_of_ten_to_one(difference: float, odds: float) -> None:
    chances = choice_chances(difference, 0)
    assert chances.left / chances.right == pytest.approx(odds)
    assert chances.not_sure == 0


@given(left=ratings, right=ratings, side_bias=biases, lapse=lapses)
def test_without_ties_it_is_a_lapsing_logistic(left: float, right: float, side_bias: float, lapse: float) -> None:
    logistic = 1 / (1 + math.exp(-math.log(10) / 400 * (left - right + side_bias)))
    chances = choice_chances(left, right, side_bias=side_bias, lapse=lapse)
    assert chances.left == pytest.approx(lapse / 2 + (1 - lapse) * logistic, abs=1e-12)


@given(left=ratings, right=ratings, side_bias=biases, lapse=lapses, nu=undecided)
def test_chances_are_chances(left: float, right: float, side_bias: float, lapse: float, nu: float) -> None:
    chances = choice_chances(left, right, side_bias=side_bias, lapse=lapse, undecided=nu)
    assert sum(chances) == pytest.approx(1)
    assert min(chances) >= 0


@given(left=st.floats(-400, 400), right=st.floats(-400, 400), nu=undecided)
def test_ties_follow_davidson_and_leave_the_odds_alone(left: float, right: float, nu: float) -> None:
    strong, weak = 10 ** (left / 400), 10 ** (right / 400)
    chances = choice_chances(left, right, undecided=nu)
    assert chances.not_sure == pytest.approx(
        nu * math.sqrt(strong * weak) / (strong + weak + nu * math.sqrt(strong * weak))
    )
    assert chances.left * weak == pytest.approx(chances.right * strong)


@given(left=ratings, right=ratings, lapse=lapses, nu=undecided)
def test_asking_for_the_more_different_one_swaps_the_press(left: float, right: float, lapse: float, nu: float) -> None:
    prefer = choice_chances(left, right, lapse=lapse, undecided=nu)
    differ = choice_chances(left, right, lapse=lapse, undecided=nu, asks_for="more_different")
    assert (differ.left, differ.right, differ.not_sure) == pytest.approx((prefer.right, prefer.left, prefer.not_sure))


@given(side_bias=st.floats(1, 400), asks_for=st.sampled_from(["prefer", "closer", "more_different"]))
def test_a_side_bias_is_about_the_side_whatever_is_asked(side_bias: float, asks_for: str) -> None:
    chances = choice_chances(0, 0, side_bias=side_bias, asks_for=asks_for)
    assert chances.left > chances.right


def test_extreme_ratings_do_not_overflow() -> None:
    assert choice_chances(1e7, -1e7, undecided=1) == (1, 0, 0)


@pytest.mark.parametrize("taste", [0.0, 60.0, 250.0])
@pytest.mark.parametrize("asks_for", ["prefer", "more_different"])
def test_the_population_is_the_mean_of_its_participants(taste: float, asks_for: str) -> None:
    settings = {"asks_for": asks_for, "side_bias": 35.0, "lapse": 0.06, "undecided": 0.4}
    people, source = 40_000, random.Random(7)
    sums = [0.0, 0.0, 0.0]
    for _ in range(people):
        answer = choice_chances(120 + source.gauss(0, taste), 20 + source.gauss(0, taste), **settings)
        sums = [total + chance for total, chance in zip(sums, answer, strict=True)]
    expected = population_chances(120, 20, taste=taste, **settings)
    # A chance has a standard deviation of at most 1/2, so the mean's error is at most 1/2 / sqrt(people).
    assert [total / people for total in sums] == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(people))


@pytest.mark.parametrize("taste", [50.0, 1000.0])
def test_the_average_is_exact_enough(taste: float) -> None:
    """Against a grid ten times as fine, written as one sum."""
    spread, step = taste * math.sqrt(2), 0.005
    grid = [step * index for index in range(-2400, 2401)]
    dense = sum(
        math.exp(-z * z / 2) / (1 + 10 ** (-(90 + spread * z) / 400)) for z in grid
    ) * step / math.sqrt(2 * math.pi)  # fmt: skip
    assert population_chances(90, 0, taste=taste).left == pytest.approx(dense, abs=1e-10)


def test_random_numbers_depend_on_their_names_alone() -> None:
    assert draw(1, "choice", 3).random() == draw(1, "choice", 3).random()
    values = {
        draw(seed, name, index).random() for seed in (1, 2) for name in ("choice", "taste") for index in (1, 2, 12)
    }
    assert len(values) == 12
    assert draw(1, "a", 12).random() != draw(1, "a1", 2).random()


def test_choosing_gives_each_answer_its_chance() -> None:
    chances = choice_chances(100, 0, lapse=0.1, undecided=0.5)
    source, count = random.Random(3), 20_000
    answers = [choose(chances, source.random()) for _ in range(count)]
    shares = [answers.count(answer) / count for answer in ("left", "right", "not_sure")]
    assert shares == pytest.approx(chances, abs=4 * 0.5 / math.sqrt(count))
