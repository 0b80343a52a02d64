"""Krippendorff's alpha against evalica's and by its properties; its bootstrap against resampling in a loop."""

from collections.abc import Callable
from pathlib import Path

import evalica
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from analysis.agreement import agreement, alpha, coincidences, resampled, units
from analysis.convert import converted
from analysis.selection import Selection, select
from analysis.votes import Ints, parse_votes
from tests.analysis.made_votes import pair_rows, vote_rows

Selected = Callable[..., Selection]
TRUTH = {0.5: {"gan": 150, "mse": -150}}


def spelled(values: Ints) -> pd.DataFrame:
    """Units (units, 3) as evalica takes them: a column a unit, each of them both ways round."""
    both = np.concatenate([values, values[:, [1, 0, 2]]])
    cells = [np.repeat(np.arange(3), row).astype(float).tolist() for row in both]
    return pd.DataFrame({unit: pd.Series(row) for unit, row in enumerate(cells)})


@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 6)))
def test_alpha_is_that_of_evalica(values: Ints) -> None:
    values = values[values.sum(axis=1) > 1]
    if not len(values) or (values[:, :2] == 0).all():  # then there is no disagreement to expect
        return
    expected = evalica.alpha(spelled(values), solver="naive")
    assert alpha(*coincidences(values)) == pytest.approx(expected.alpha, abs=1e-12)


@given(arrays(np.int64, st.tuples(st.integers(1, 12), st.just(3)), elements=st.integers(0, 6)), st.data())
def test_names_of_the_pairs_do_not_matter(values: Ints, data: st.DataObject) -> None:
    values = values[values.sum(axis=1) > 1]
    turned = data.draw(arrays(np.bool_, len(values)))
    renamed = np.where(turned[:, None], values[:, [1, 0, 2]], values)
    np.testing.assert_allclose(alpha(*coincidences(values)), alpha(*coincidences(renamed)), equal_nan=True)


def test_who_agree_and_who_guess() -> None:
    assert alpha(*coincidences(np.array([[8, 0, 0], [0, 5, 0], [9, 0, 0]]))) == 1
    rng = np.random.default_rng(1)
    guessed = rng.binomial(20, 0.5, 400)
    assert alpha(*coincidences(np.stack([guessed, 20 - guessed, 0 * guessed], axis=1))) == pytest.approx(0, abs=0.01)
    assert np.isnan(alpha(*coincidences(np.array([[0, 0, 4], [0, 0, 2]]))))


def test_bootstrap_is_that_of_a_loop() -> None:
    rng = np.random.default_rng(2)
    values, cluster = rng.integers(0, 5, (40, 3)) + np.array([4, 1, 0]), rng.integers(0, 9, 40)
    drawn, loop = resampled(values, cluster, 4000, 1), []
    for _ in range(4000):
        chosen = np.concatenate([np.flatnonzero(cluster == label) for label in rng.integers(0, 9, 9)])
        loop.append(float(alpha(*coincidences(values[chosen]))))
    assert drawn.mean() == pytest.approx(np.mean(loop), abs=4 * np.std(loop) / 4000**0.5)
    assert drawn.std() == pytest.approx(np.std(loop), rel=0.05)
    np.testing.assert_array_equal(drawn, resampled(values, cluster, 4000, 1))


def test_units_are_pairs_of_images_and_first_votes_count(selected: Selected) -> None:
    rows = pair_rows(
        ("a", "b", "left"), ("b", "a", "right"), ("a", "b", "not_sure"), ("a", "b", "right"), ("a", "c", "left"),
        source="s",
    )  # fmt: skip
    rows[3]["participant"] = "p1"  # a second vote of p1 on the same pair
    values, source = units(selected(rows))
    assert values.tolist() == [[2, 0, 1]]
    assert source.tolist() == [0]


def test_interval_covers_and_says_what_was_resampled(selected: Selected) -> None:
    found = agreement(selected(vote_rows(1, TRUTH, participants=20, sources=8)), rounds=1000)
    assert found.over == "sources"
    assert found.low < found.alpha < found.high
    assert found.units == 8
    assert 0 < found.votes <= 20 * 8
    assert agreement(selected(vote_rows(1, TRUTH, sources=2)), rounds=100).over == "pairs"
    lone = agreement(selected(vote_rows(1, TRUTH, participants=1)))
    assert np.isnan([lone.alpha, lone.low, lone.high]).all()
    assert lone.over == "none"


def test_alpha_of_the_tone_mapping_study(human_votes: Path) -> None:
    path = human_votes / "pwcmp_tmo.csv"
    selection = select(parse_votes(path, converted(path, "pwcmp").encode()))
    expected = evalica.alpha(spelled(units(selection)[0]), solver="naive")
    assert agreement(selection, rounds=100).alpha == pytest.approx(expected.alpha, abs=1e-12)
