"""Deviance and residuals: against formulas and fits of others, and under votes that the model made."""

from pathlib import Path

import choix
import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize
from scipy.stats import chi2, norm

from analysis import deviance as module
from analysis.convert import converted
from analysis.counts import Counts, count
from analysis.deviance import deviance, residuals, rows_of, saturated
from analysis.fitting import fitted
from analysis.models import Likelihood, Model
from analysis.selection import select
from analysis.votes import Floats, Ints, parse_votes
from tests.analysis.made_studies import study_of

FIVE = np.array([120.0, 60.0, 0.0, -60.0, -120.0])
MODELS = [
    Model(),
    Model(ties="rao-kupper"),
    Model(ties="dropped"),
    Model(ties="half"),
    Model("probit", "glenn-david"),
    Model("probit", "dropped"),
    Model(side_bias=True),
]


def two_outcomes(n: int, wins: Floats) -> tuple[float, Floats, Ints]:
    """The deviance and leverage-adjusted Pearson residuals of Bradley-Terry by choix and by hand: wins (n, n)."""
    first, second = np.triu_indices(n, 1)
    pairs = [(int(a), int(b)) for a, b in np.argwhere(wins > 0) for _ in range(int(wins[a, b]))]
    theta = choix.ilsr_pairwise(n, pairs, max_iter=1000, tol=1e-13)
    chance = 1 / (1 + np.exp(-(theta[first] - theta[second])))
    won, total = wins[first, second], (wins + wins.T)[first, second]
    statistic = 2 * (
        won * np.log(won / (total * chance)) + (total - won) * np.log((total - won) / (total * (1 - chance)))
    )
    design = np.eye(n)[first] - np.eye(n)[second]
    weight = total * chance * (1 - chance)
    hat = weight * np.einsum("pi,ij,pj->p", design, np.linalg.pinv(design.T @ (weight[:, None] * design)), design)
    return float(statistic.sum()), (won - total * chance) / np.sqrt(weight * (1 - hat)), np.stack([first, second], 1)


def test_bradley_terry_against_choix_and_hat_values() -> None:
    counts = study_of(FIVE, 4, votes=900, taste=100)
    wins = np.zeros((5, 5))
    wins[counts.first, counts.second], wins[counts.second, counts.first] = counts.table[:, 0], counts.table[:, 1]
    statistic, expected, pairs = two_outcomes(5, wins)
    fit = fitted(counts, Model())
    found = deviance(counts, fit)
    assert found is not None
    assert (found.statistic, found.degrees) == (pytest.approx(statistic), 10 - 4)
    assert found.chi_squared_p == pytest.approx(chi2.sf(statistic, 6))
    z = {(one.first, one.second): one.z for one in residuals(counts, fit)}
    assert [z[tuple(pair)] for pair in pairs.tolist()] == pytest.approx(expected.tolist(), abs=1e-6)
    sizes = [abs(one.z) for one in residuals(counts, fit)]
    assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize("model", MODELS)
def test_a_residual_is_near_the_root_of_what_its_own_distance_gains(model: Model) -> None:
    """z squared, a score test, against the likelihood ratio by a general optimiser with one more parameter."""
    counts = study_of(FIVE[:4], 8, votes=4000, not_sure=0.1)
    fit = fitted(counts, model)
    rows = rows_of(counts, fit)
    like = rows.likelihood
    mine = {(one.first, one.second): one for one in residuals(counts, fit)}
    for pair in (0, 4):
        bump = np.where(rows.pair == pair, 1.0, 0.0)

        def loss(x: Floats, bump: Floats = bump, like: Likelihood = like) -> float:
            d, t = like.split(x[:-1])
            log = module_logs(like, d + bump * x[-1], t)
            return -float((like.table * np.where(like.table > 0, log, 0)).sum())

        best = minimize(loss, np.append(rows.x, 0.0), method="BFGS", options={"gtol": 1e-3})
        gain = 2 * (loss(np.append(rows.x, 0.0)) - best.fun)
        one = mine[int(counts.first[pair]), int(counts.second[pair])]
        assert one.z**2 == pytest.approx(gain, rel=0.1, abs=0.05)
        assert np.sign(one.z) == np.sign(best.x[-1])
        assert 0 < one.expected < 1
        assert (one.share > one.expected) == (one.z > 0) or abs(one.z) < 0.3


def module_logs(like: Likelihood, d: Floats, t: float | None) -> Floats:
    from analysis.outcomes import logs

    return logs(like.model.link, like.model.ties, d, t)


@pytest.mark.parametrize("model", [Model(), Model(ties="dropped")])
def test_rounds_solved_together_are_those_solved_one_by_one(model: Model) -> None:
    counts = study_of(FIVE[:4], 2, votes=120, not_sure=0.08)
    rows = rows_of(counts, fitted(counts, model))
    tables = module._made(rows, 40, np.random.default_rng(1))
    with np.errstate(all="ignore"):
        (together, solved), (single, also) = module._refitted_together(rows, tables), module._refitted(rows, tables)
    assert solved.sum() > 30
    assert (solved == also).all()
    assert together[solved] == pytest.approx(single[solved], abs=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_votes_that_the_model_made_have_any_p(model: Model) -> None:
    """60 studies: p-values spread over their range, and none of the models alarms more often than it says."""
    votes, people = 400, 60 if model in (Model(), Model(ties="dropped")) else 12
    found = []
    for seed in range(people):
        counts = study_of(FIVE[:4] / 2, 300 + seed, votes=votes, not_sure=0.1 if model.ties == "davidson" else 0.0)
        one = deviance(counts, fitted(counts, model), rounds=49, seed=seed)
        assert one is not None
        found.append(one.p)
    alarms = int((np.array(found) <= 0.1).sum())
    assert alarms <= 0.1 * people + 3.5 * np.sqrt(0.09 * people)
    assert 0.3 < np.mean(found) < 0.75


def test_what_no_scale_can_hold_is_found() -> None:
    """a beats b, b beats c and c beats a, three of four times each."""
    first, second = np.triu_indices(3, 1)
    table = np.array([[75, 25, 0], [25, 75, 0], [75, 25, 0]])
    cell = np.arange(9)
    base = study_of(np.zeros(3), 1)
    counts = Counts(base.items, first, second, table, cell * 0, cell * 0, cell, table.ravel())
    found = deviance(counts, fitted(counts, Model()))
    assert found is not None
    assert found.p == 1 / (1 + found.rounds)
    assert found.degrees == 1
    assert found.chi_squared_p < 1e-10
    worst = residuals(counts, fitted(counts, Model()))[0]
    assert abs(worst.z) == pytest.approx((75 - 50) / np.sqrt(25 / 3), rel=1e-6)


def test_bridges_and_pairs_alone_have_nothing_to_miss() -> None:
    two = study_of(np.zeros(2), 4)
    assert deviance(two, fitted(two, Model())) is None
    assert [np.isnan(one.z) for one in residuals(two, fitted(two, Model()))] == [True]
    counts = study_of(FIVE[:4], 4)
    assert deviance(counts, fitted(counts, Model(ridge=0.1))) is None


def test_saturated_is_the_entropy_of_the_shares() -> None:
    table = np.array([[3.0, 1.0, 0.0], [2.0, 2.0, 2.0]])[:, :, None]
    expected = 3 * np.log(3 / 4) + np.log(1 / 4) + 6 * np.log(1 / 3)
    assert saturated(table) == pytest.approx([expected])


def test_hific_deviance(human_votes: Path) -> None:
    """One scale for all images and raters is rejected: without the random choices, with half wins, and with ties."""
    path = human_votes / "hific_dev.csv"
    (counts,) = count(select(parse_votes(path, converted(path, "hific").encode())).rated)
    votes = pd.read_csv(path)
    decided = votes[(votes["winner"] != votes["loser"]) & (votes["random_choice"] == 0)]
    names = pd.Index([item.condition for item in counts.items])
    wins = np.zeros((9, 9))
    np.add.at(wins, (names.get_indexer(decided["winner"]), names.get_indexer(decided["loser"])), 1)
    fit = fitted(counts, Model(ties="dropped"))
    found = deviance(counts, fit, rounds=199)
    assert found is not None
    # a pair that one side always won has no finite logarithm in the formula by hand, so the free shares are written out
    total = (wins + wins.T)[np.triu_indices(9, 1)]
    won = wins[np.triu_indices(9, 1)]
    pairs = [(int(a), int(b)) for a, b in np.argwhere(wins > 0) for _ in range(int(wins[a, b]))]
    theta = choix.ilsr_pairwise(9, pairs, max_iter=1000, tol=1e-13)
    at = np.triu_indices(9, 1)
    log = -np.logaddexp(0, -(theta[at[0]] - theta[at[1]])), -np.logaddexp(0, theta[at[0]] - theta[at[1]])
    model = (won * log[0] + (total - won) * log[1]).sum()
    free = sum(
        k * np.log(k / n) for k, n in (*zip(won, total, strict=True), *zip(total - won, total, strict=True)) if k
    )
    assert found.statistic == pytest.approx(2 * (free - model), abs=1e-6)
    assert (round(found.statistic, 1), found.degrees) == (188.8, 28)
    assert found.chi_squared_p == pytest.approx(chi2.sf(188.786, 28), rel=1e-3)
    assert found.p == 1 / 200
    half = deviance(counts, fitted(counts, Model(ties="half")), rounds=99)
    tied = deviance(counts, fitted(counts, Model()), rounds=99)
    assert half is not None
    assert tied is not None
    assert (round(half.statistic, 1), half.degrees) == (162.3, 28)
    assert (round(tied.statistic, 1), tied.degrees) == (479.2, 63)
    assert norm.sf(5) > half.chi_squared_p > tied.chi_squared_p
