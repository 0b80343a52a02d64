"""The bootstrap against fits one by one, against the sandwich, and where rounds have no maximum."""

from typing import get_args

import numpy as np
import pytest
from numpy.random import SFC64, Generator, SeedSequence
from scipy.optimize import minimize

from analysis import bradley_terry as bt
from analysis.bootstrap import WORK, Rounds, Ties, _whole, bootstrap, chord, own, pairs_of
from analysis.counts import Counts
from analysis.intervals import uncertainty
from analysis.resampling import Unit, sampler
from analysis.votes import Floats, Item
from tests.analysis.made_counts import counts_of

FOUR = np.array([90.0, 30.0, -20.0, -100.0])
TINY = 1e-9


def best(counts: Counts, table: Floats, tied: bool) -> Floats:
    """The maximum (d,) of the likelihood of a table (pairs, 3), as it is written, by a general minimiser."""
    n, i, j = len(counts.items), counts.first, counts.second

    def cost(x: Floats) -> float:
        a, b = np.exp(x[i]), np.exp(x[j])
        tie = np.exp(x[n]) * np.sqrt(a * b) if tied else 0
        total, (won, lost, unsure) = a + b + tie, table.T
        if not tied:
            won, lost = won + unsure / 2, lost + unsure / 2
        both = -(won * np.log(a / total)).sum() - (lost * np.log(b / total)).sum()
        return float(both - (unsure * np.log(tie / total)).sum() if tied else both)

    found = minimize(cost, np.full(n + tied, -1.0), method="BFGS", options={"gtol": 1e-7}).x
    return np.concatenate([found[:n] - found[:n].mean(), found[n:]])


@pytest.mark.parametrize("ties", get_args(Ties))
@pytest.mark.parametrize("over", get_args(Unit))
def test_rounds_are_the_fits_of_their_tables(over: Unit, ties: Ties) -> None:
    """Few votes: some rounds end by chords, some with their own information; all are what a general minimiser finds."""
    counts = counts_of(FOUR, 160, 3, not_sure=0.15, participants=12, sources=10)
    tables = sampler(counts, over)(25, Generator(SFC64(SeedSequence(8).spawn(1)[0])))
    found = bootstrap(counts, over, 25, 8, ties=ties)
    assert (found.separated, found.unfinished, found.drawn) == (0, 0, 25)
    for column in range(25):
        expected = best(counts, tables[:, column].reshape(-1, 3), ties == "davidson")
        assert found.rating[column] / bt.ELO == pytest.approx(expected[:4], abs=2e-5)
        if found.log_nu is not None:
            assert found.log_nu[column] == pytest.approx(expected[4], abs=2e-5)
    assert (found.log_nu is None) == (ties == "half")


@pytest.mark.parametrize("ties", get_args(Ties))
def test_chords_and_own_information_end_at_one_maximum(ties: Ties) -> None:
    counts = counts_of(FOUR, 5000, 1, not_sure=0.1)
    pairs = pairs_of(4, counts.first, counts.second, ties == "davidson")
    start, inverse = _whole(pairs, counts.table.reshape(-1, 1).astype(float))
    tables = sampler(counts, "votes")(40, Generator(SFC64(1)))
    (by_chord, solved), (by_own, own_solved) = (
        chord(pairs, tables, start, inverse),
        own(pairs, tables, np.zeros((len(start), 40))),
    )
    assert solved.all()
    assert own_solved.all()
    by_own[:4] -= by_own[:4].mean(axis=0)
    by_chord[:4] -= by_chord[:4].mean(axis=0)
    assert np.abs(by_chord - by_own).max() < TINY


@pytest.mark.parametrize("not_sure", [0.0, 0.12])
def test_the_whole_is_the_fit(not_sure: float) -> None:
    counts = counts_of(FOUR, 900, 5, not_sure=not_sure)
    fit = bt.fit(counts.first, counts.second, counts.table)
    start, _ = _whole(pairs_of(4, counts.first, counts.second, not_sure > 0), counts.table.reshape(-1, 1).astype(float))
    assert start[:4, 0] - start[:4, 0].mean() == pytest.approx(fit.theta, abs=TINY)


@pytest.mark.parametrize("over", get_args(Unit))
def test_it_spreads_as_far_as_the_sandwich_says(over: Unit) -> None:
    counts = counts_of(FOUR, 6000, 2, not_sure=0.1, participants=60, sources=60)
    found = bootstrap(counts, over, 2000, 3)
    sandwich = uncertainty(counts, bt.fit(counts.first, counts.second, counts.table), over)
    assert sandwich is not None
    assert found.rating.std(axis=0) == pytest.approx(np.sqrt(np.diag(sandwich.covariance)), rel=0.15)


def test_seeds_make_rounds_and_threads_do_not() -> None:
    counts = counts_of(np.linspace(-100, 100, 40), 20_000, 4)
    rounds = 3 * WORK // len(counts.first) + 5
    one, many = (bootstrap(counts, "votes", rounds, 7, threads=threads) for threads in (1, 3))
    assert np.array_equal(one.rating, many.rating)
    assert len(one.rating) == rounds
    assert not np.array_equal(one.rating, bootstrap(counts, "votes", rounds, 8).rating)


def test_rounds_of_different_chunks_are_independent() -> None:
    """No two rounds, of one stream or of neighbouring ones, resemble each other more than chance allows."""
    counts = counts_of(np.zeros(60), 60_000, 4)
    rounds = bootstrap(counts, "votes", 3 * WORK // len(counts.first), 7).rating
    centred = rounds - rounds.mean(axis=0)
    found = np.corrcoef(centred)
    np.fill_diagonal(found, 0)
    assert np.abs(found).max() < 6.5 / np.sqrt(60)
    assert abs(found[np.triu_indices(len(found), 1)].mean()) < 0.01


def of_table(table: list[list[int]], people: list[int] | None = None) -> Counts:
    """Two items a pair in a row (0-1, 1-2, ...); every vote by a participant of its own unless `people` says."""
    counts = np.array(table)
    n = len(table) + 1
    items = tuple(Item(None, str(index), "") for index in range(n))
    cell = np.repeat(np.arange(counts.size), counts.ravel())
    who = np.arange(len(cell)) if people is None else np.array(people)
    ones = np.ones(len(cell), np.int64)
    return Counts(items, np.arange(n - 1), np.arange(1, n), counts, who, np.zeros_like(cell), cell, ones)


def test_rounds_without_a_maximum_are_counted_and_take_the_interval_away() -> None:
    """9:1 loses its one loss in 0.9^10 = 35% of the rounds; 60:40 never does."""
    found = bootstrap(of_table([[9, 1, 0]]), "votes", 2000, 1)
    assert found.separated / 2000 == pytest.approx(0.9**10 + 0.1**10, abs=0.05)
    assert (found.unfinished, len(found.rating)) == (0, 2000 - found.separated)
    assert np.isnan(found.interval()).all()
    sound = bootstrap(of_table([[60, 40, 0]]), "votes", 2000, 1)
    low, high = sound.interval(np.array([[1.0, -1.0]]))
    assert sound.separated == 0
    assert low[0] < bt.ELO * np.log(1.5) < high[0]
    assert high[0] - low[0] == pytest.approx(2 * 1.96 * bt.ELO / np.sqrt(24), rel=0.1)


def test_a_resample_that_unlinks_an_item_is_separated() -> None:
    """One of two participants alone saw the last item: rounds without that one cannot place it."""
    counts = of_table([[2, 2, 0], [2, 2, 0]], [0, 0, 0, 0, 1, 1, 1, 1])
    found = bootstrap(counts, "participants", 400, 1)
    assert found.separated / 400 == pytest.approx(0.5, abs=0.1)


def test_a_round_without_any_not_sure_has_no_ties_to_speak_of() -> None:
    found = bootstrap(of_table([[30, 20, 1]]), "votes", 500, 2)
    assert found.log_nu is not None
    share = np.isneginf(found.log_nu).mean()
    assert share == pytest.approx((1 - 1 / 51) ** 51, abs=0.08)
    assert np.isfinite(found.rating).all()
    assert found.unfinished == 0


def test_all_votes_separated_is_an_error() -> None:
    with pytest.raises(ArithmeticError, match="maximum of all votes"):
        bootstrap(of_table([[9, 0, 0]]), "votes", 10, 1)


def test_relabelled_items_have_the_same_spread() -> None:
    """Turning the order of the items round turns the ratings' signs and nothing else (up to the draws)."""
    counts = counts_of(FOUR, 4000, 2)
    n = len(counts.items) - 1
    turned = Counts(
        counts.items, n - counts.second, n - counts.first, counts.table[:, [1, 0, 2]], *(4 * [np.zeros(1, int)])
    )
    one, other = bootstrap(counts, "votes", 2000, 1), bootstrap(turned, "votes", 2000, 2)
    assert one.rating.mean(axis=0) == pytest.approx(other.rating.mean(axis=0)[::-1], abs=1.5)
    assert one.rating.std(axis=0) == pytest.approx(other.rating.std(axis=0)[::-1], rel=0.1)


def test_an_interval_needs_nearly_all_rounds() -> None:
    values = np.random.default_rng(1).normal(size=(980, 2))
    assert np.isfinite(Rounds(values, None, 1000, 20, 0).interval()).all()
    assert np.isnan(Rounds(values, None, 1010, 30, 0).interval()).all()
