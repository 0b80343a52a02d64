"""Resampled tables: exactly multinomial by both ways of drawing, clusters whole, and streams that share nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SFC64, Generator, SeedSequence
from scipy.stats import binom, chisquare

from analysis.resampling import SPARSE, cluster_sampler, sampler, vote_sampler
from analysis.votes import Floats
from tests.analysis.made_counts import counts_of


def generator(seed: int) -> Generator:
    return Generator(SFC64(SeedSequence(seed)))


@given(st.lists(st.integers(0, 400), min_size=1, max_size=30).filter(any), st.integers(0, 2**32))
def test_every_round_has_all_votes_and_none_where_none_was(cells: list[int], seed: int) -> None:
    tables = vote_sampler(np.array(cells))(5, generator(seed))
    assert tables.shape == (len(cells), 5)
    assert (tables.sum(axis=0) == sum(cells)).all()
    assert (tables >= 0).all()
    assert not tables[np.array(cells) == 0].any()


@pytest.mark.parametrize("cells", [[3, 1, 2, 5], [30, 10, 25, 35], [3000, 1000, 0, 6000], [2, 700_000, 300_000]])
def test_tables_are_multinomial(cells: list[int]) -> None:
    """Few votes are drawn singly, many by Poisson counts: means, covariances and a marginal are the multinomial's."""
    rounds, votes = 40_000, sum(cells)
    share = np.array(cells) / votes
    tables = vote_sampler(np.array(cells))(rounds, generator(5))
    expected = votes * (np.diag(share) - np.outer(share, share))
    sd = np.sqrt(np.diag(expected)) + 1e-12
    assert np.abs(tables.mean(axis=1) - votes * share).max() / sd.max() < 5 / np.sqrt(rounds)
    assert np.abs(np.cov(tables) - expected).max() / sd.max() ** 2 < 6 / np.sqrt(rounds)
    edges = np.unique(binom.ppf(np.linspace(0.05, 0.95, 10), votes, share[0]))
    places = np.searchsorted(edges, tables[0])
    chances = np.diff(np.concatenate([[0], binom.cdf(edges, votes, share[0]), [1]]))
    seen = np.bincount(places, minlength=len(chances))
    assert chisquare(seen[chances > 0], rounds * chances[chances > 0]).pvalue > 1e-4


def test_both_ways_of_drawing_were_tested() -> None:
    assert 11 < SPARSE * 4 <= 100


def lane_correlations(lanes: Floats) -> float:
    """The largest correlation of any two lanes (lanes, draws), also where one is shifted against the other."""
    shifted = np.concatenate([np.roll(lanes, shift, axis=1) for shift in (0, 1, 2, 3)])
    found = np.corrcoef(lanes, shifted)[: len(lanes), len(lanes) :]
    found[np.arange(len(lanes)), np.arange(len(lanes))] = 0
    return float(np.abs(found).max())


def test_streams_are_independent() -> None:
    """Spawned streams: no lane is another one, shifted or not, as seeds a constant apart could make them."""
    draws = 4000
    lanes = np.stack([Generator(SFC64(child)).random(draws) for child in SeedSequence(1).spawn(20)])
    assert lane_correlations(lanes) < 6 / np.sqrt(draws)
    copied = np.stack([lanes[0], np.roll(lanes[0], 2)])  # what the measure is there to find
    assert lane_correlations(copied) > 0.99


def test_rounds_of_one_stream_are_independent() -> None:
    tables = vote_sampler(np.full(200, 50))(60, generator(9)).T
    centred = tables - 50
    assert lane_correlations(centred) < 6 / np.sqrt(200)


def test_clusters_come_whole() -> None:
    """With one round of one cluster's multiplicity a table is a whole-number mix of the clusters' own tables."""
    counts = counts_of(np.array([50.0, 0.0, -50.0]), 600, participants=4, sources=3)
    own = np.zeros((4, counts.table.size))
    np.add.at(own, (counts.participant, counts.cell), counts.cell_votes)
    tables = cluster_sampler(counts, counts.participant)(50, generator(2))
    times = np.linalg.lstsq(own.T, tables, rcond=None)[0]
    assert np.abs(times - np.round(times)).max() < 1e-8
    assert np.round(times).sum(axis=0) == pytest.approx(4)
    assert own.sum(axis=0) == pytest.approx(counts.table.ravel())


def test_clusters_are_drawn_alike_and_with_replacement() -> None:
    counts = counts_of(np.array([50.0, 0.0]), 3000, sources=30, participants=2)
    by_source = np.bincount(counts.source, counts.cell_votes)
    tables = sampler(counts, "sources")(20_000, generator(3))
    votes = tables.sum(axis=0)
    assert votes.mean() == pytest.approx(3000, rel=0.01)
    assert votes.var() == pytest.approx(30 * by_source.var(), rel=0.05)
