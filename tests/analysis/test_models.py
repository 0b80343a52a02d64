"""Every model of votes: against likelihoods written anew, other programs, its own derivatives, and known answers."""

import evalica
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import logistic, norm

from analysis import models
from analysis.existence import components, never_lost, not_sure_unbounded
from analysis.models import Fit, Likelihood, Model, fit
from analysis.outcomes import TIES
from analysis.scales import JOD, POINTS, points
from analysis.votes import Floats, Ints

MODELS = [Model(link, kind) for link, kinds in TIES.items() for kind in kinds]
NAMED = pytest.mark.parametrize("model", MODELS, ids=lambda model: f"{model.link}-{model.ties}")
CDF = {"logistic": logistic.cdf, "probit": norm.cdf}

Rows = tuple[Ints, Ints, Ints, Ints]  # first, second, table, side


def made_rows(seed: int, n: int = 4, most: int = 30) -> Rows:
    """Every pair of n items both ways round, with a few votes of each outcome."""
    rng = np.random.default_rng(seed)
    first, second = (np.tile(index, 2) for index in np.triu_indices(n, 1))
    return first, second, rng.integers(1, most, (len(first), 3)), np.repeat([1, -1], len(first) // 2)


def plain_minus_log_likelihood(x: Floats, n: int, rows: Rows, model: Model) -> float:
    """Pair by pair, from the textbook's formulas; x is theta, then log nu or the threshold, then delta if asked."""
    total, cdf = 0.0, CDF[model.link]
    for i, j, cells, side in zip(*rows, strict=True):
        won, lost, unsure = cells
        d = x[i] - x[j] + (side * x[-1] if model.side_bias else 0.0)
        if model.ties in ("half", "dropped"):
            weight = 0.5 if model.ties == "half" else 0.0
            won, lost, unsure = won + weight * unsure, lost + weight * unsure, 0
            chances = [cdf(d), cdf(-d), 1.0]
        elif model.ties == "davidson":
            a, b, nu = np.exp(x[i] + (side * x[-1] if model.side_bias else 0.0)), np.exp(x[j]), np.exp(x[n])
            chances = [a, b, nu * np.sqrt(a * b)] / (a + b + nu * np.sqrt(a * b))
        else:
            if x[n] <= 0:
                return 1e12
            chances = [cdf(d - x[n]), cdf(-d - x[n]), cdf(d + x[n]) - cdf(d - x[n])]
        total -= won * np.log(chances[0]) + lost * np.log(chances[1]) + (unsure * np.log(chances[2]) if unsure else 0)
    return float(total + model.ridge * (x[:n] ** 2).sum() / 2)


@NAMED
@pytest.mark.parametrize("side_bias", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 2.0])
def test_the_maximum_is_where_an_optimiser_ends(model: Model, side_bias: bool, ridge: float) -> None:
    rows, n = made_rows(3, n=3), 3
    model = Model(model.link, model.ties, side_bias, ridge)
    found = fit(*rows[:3], model, rows[3])
    x = np.zeros(n + (model.ties not in ("half", "dropped")) + side_bias)
    x[n : n + (model.ties not in ("half", "dropped"))] = 0.5
    best = minimize(plain_minus_log_likelihood, x, (n, rows, model), "BFGS", options={"gtol": 1e-6, "maxiter": 500})
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-7)
    assert found.theta == pytest.approx(best.x[:n] - best.x[:n].mean(), abs=2e-5)
    if found.tie is not None:
        assert found.tie == pytest.approx(best.x[n], abs=2e-5)
    assert (found.side is not None) == side_bias
    if found.side is not None:
        assert found.side == pytest.approx(best.x[-1], abs=2e-5)


@NAMED
@pytest.mark.parametrize("side_bias", [False, True])
@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 0.3])
def test_derivatives_are_those_of_the_likelihood(model: Model, side_bias: bool, tied: bool, ridge: float) -> None:
    first, second, table, side = made_rows(1)
    model = Model(model.link, model.ties, side_bias, ridge)
    likelihood = Likelihood(model, 4, first, second, table * [1, 1, tied], side)
    rng = np.random.default_rng(5)
    x = rng.normal(size=likelihood.parameters)
    if likelihood.tied:
        x[4] = 0.7
    step = 1e-5
    value, slope, information = likelihood.derivatives(x)
    assert value == likelihood.value(x)
    for entry, unit in enumerate(np.eye(len(x))):
        up, down = x + step * unit, x - step * unit
        assert slope[entry] == pytest.approx((likelihood.value(up) - likelihood.value(down)) / (2 * step), abs=1e-5)
        bend = (likelihood.derivatives(up)[1] - likelihood.derivatives(down)[1]) / (2 * step)
        assert information[entry] == pytest.approx(-bend, abs=1e-5)
    assert np.linalg.eigvalsh(information).min() > -1e-9
    cells = likelihood.scores(x).toarray()
    pulled = np.append(x[:4], np.zeros(len(x) - 4))  # the ridge pulls ratings, nothing else
    assert likelihood.table.ravel() @ cells - ridge * pulled == pytest.approx(slope, abs=1e-10)
    if likelihood.tied or not tied:
        chance = np.exp(likelihood.outcomes(x).log) * ([1, 1, 1] if likelihood.tied else [1, 1, 0])
        assert chance.sum(axis=1) == pytest.approx(1)
        expected = (chance.ravel()[:, None] * cells).reshape(len(first), 3, -1).sum(axis=1)
        assert expected == pytest.approx(0, abs=1e-12)


@NAMED
@pytest.mark.parametrize("d", [-30.0, -3.0, 0.0, 3.0, 30.0])
def test_far_out_every_log_chance_is_a_number(model: Model, d: float) -> None:
    found = models.outcomes(model.link, model.ties, np.array([d]), 0.4)
    assert all(np.isfinite(part).all() for part in found)
    assert (found.dd <= 0).all()


@st.composite
def tables(draw: st.DrawFn) -> tuple[int, Rows]:
    """Outcome counts of all pairs of three or four items, both ways round."""
    n = draw(st.integers(3, 4))
    first, second = (np.tile(index, 2) for index in np.triu_indices(n, 1))
    cells = st.lists(st.integers(0, 12), min_size=3 * len(first), max_size=3 * len(first))
    table = np.array(draw(cells)).reshape(-1, 3)
    return n, (first, second, table, np.repeat([1, -1], len(first) // 2))


@settings(max_examples=80)
@given(tables(), st.sampled_from(MODELS), st.randoms(use_true_random=False))
def test_names_and_sides_do_not_matter(data: tuple[int, Rows], model: Model, random) -> None:
    n, (first, second, table, side) = data
    seen = model.decisive(table)
    assume(seen[:, :2].min() > 0)  # then there is a maximum, with side bias too
    model = Model(model.link, model.ties, side_bias=True)
    found = fit(first, second, table, model, side)
    order = list(range(n))
    random.shuffle(order)
    new = np.array(order)
    swap = np.array([random.random() < 0.5 for _ in first])
    one, other = np.where(swap, new[second], new[first]), np.where(swap, new[first], new[second])
    swapped = np.where(swap[:, None], table[:, [1, 0, 2]], table)
    again = fit(one, other, swapped, model, np.where(swap, -side, side))
    assert again.theta[new] == pytest.approx(found.theta, abs=1e-7)
    assert again.side == pytest.approx(found.side, abs=1e-7)
    assert again.log_likelihood == pytest.approx(found.log_likelihood, abs=1e-8)
    mirrored = fit(first, second, table, model, -side)
    assert mirrored.side == pytest.approx(-found.side, abs=1e-7)
    assert mirrored.theta == pytest.approx(found.theta, abs=1e-7)


@settings(max_examples=60)
@given(tables(), st.sampled_from(MODELS), st.integers(2, 5))
def test_more_of_the_same_votes_change_only_the_information(data: tuple[int, Rows], model: Model, times: int) -> None:
    n, (first, second, table, _) = data
    seen = model.decisive(table)
    used = seen.sum(axis=1) > 0
    assume(used.any() and len(np.union1d(first[used], second[used])) == n)
    assume(components(n, first[used], second[used]).max() == 0)
    assume(not len(never_lost(n, first, second, seen)) and not not_sure_unbounded(n, first, second, seen))
    once, often = fit(first, second, table, model), fit(first, second, times * table, model)
    assert often.theta == pytest.approx(once.theta, abs=1e-6)
    assert often.information == pytest.approx(times * once.information, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("model", [Model(), Model("logistic", "rao-kupper"), Model("probit", "half")])
def test_the_chain_of_pwcmp_is_one_jod_a_step(model: Model) -> None:
    """Its README: 75:25 between neighbours gives -1, 0 and 1 without a prior."""
    found = fit(np.array([0, 1]), np.array([1, 2]), np.array([[25, 75, 0], [25, 75, 0]]), model)
    assert found.rating / JOD == pytest.approx([-1, 0, 1], abs=1e-12)


def test_points_and_jod_agree_at_three_quarters() -> None:
    assert pytest.approx(190.85, abs=0.005) == JOD
    assert POINTS["probit"] / JOD == pytest.approx(1.4826, abs=5e-5)
    assert norm.cdf(1 / 1.4826) == pytest.approx(0.75, abs=1e-5)
    for link, cdf in CDF.items():
        assert cdf(JOD / POINTS[link]) == pytest.approx(0.75)
    assert POINTS["probit"] == pytest.approx(200 * np.sqrt(2), rel=1e-3)  # Elo's own normal curve
    assert [points(value) for value in (-0.0004, 12.34567, np.nan)] == ["0.000", "12.346", ""]
    assert points(-1.234567, "jod") == "-1.23457"


def tied_votes(seed: int, votes: int, nu: float) -> tuple[Floats, tuple[Ints, Ints, Ints]]:
    """Votes of seven equally spaced items under Davidson's model, and the strengths."""
    rng, theta = np.random.default_rng(seed), np.linspace(-0.6, 0.6, 7)
    first, second = np.triu_indices(7, 1)
    d = theta[first] - theta[second]
    weights = np.stack([np.exp(d / 2), np.exp(-d / 2), np.full_like(d, nu)], axis=1)
    chances = weights / weights.sum(axis=1, keepdims=True)
    return theta, (first, second, np.stack([rng.multinomial(votes // 21, chance) for chance in chances]))


def slope(found: Fit, theta: Floats) -> float:
    return float(np.polyfit(theta, found.theta, 1)[0])


def test_half_wins_shrink_the_scale_and_a_model_of_ties_does_not() -> None:
    """At 10% ties (nu 0.222) half wins give 0.9 of the true scale; Newman's v is nu / 2."""
    theta, data = tied_votes(1, 400_000, 0.222)
    assert slope(fit(*data), theta) == pytest.approx(1, abs=0.01)
    assert slope(fit(*data, Model(ties="half")), theta) == pytest.approx(0.892, abs=0.02)
    found = fit(*data)
    assert found.log_nu is not None
    assert np.exp(found.log_nu) == pytest.approx(0.222, abs=0.005)
    outcome = [evalica.Winner.X, evalica.Winner.Y, evalica.Winner.Draw]
    # one weighted row a cell
    xs, ys, wins, weights = zip(
        *[(int(i), int(j), outcome[o], float(v)) for i, j, c in zip(*data, strict=True) for o, v in enumerate(c)],
        strict=True,
    )
    newman = evalica.newman(xs, ys, wins, weights=list(weights), tolerance=1e-14, limit=100_000)
    assert newman.v == pytest.approx(np.exp(found.log_nu) / 2, abs=1e-9)
    assert np.log(newman.scores.loc[list(range(7))].to_numpy()) - np.log(newman.scores).mean() == pytest.approx(
        found.theta, abs=1e-9
    )


@pytest.mark.parametrize("kind", ["rao-kupper", "glenn-david"])
def test_a_threshold_model_finds_its_own_parameters(kind: str) -> None:
    link = "logistic" if kind == "rao-kupper" else "probit"
    theta, threshold, cdf = np.array([0.5, 0.0, -0.5]), 0.3, CDF[link]
    first, second = np.triu_indices(3, 1)
    d = theta[first] - theta[second]
    chances = np.stack([cdf(d - threshold), cdf(-d - threshold), cdf(d + threshold) - cdf(d - threshold)], axis=1)
    found = fit(first, second, 1e6 * chances, Model(link, kind))  # type: ignore[arg-type]
    assert found.theta == pytest.approx(theta, abs=1e-9)
    assert found.tie == pytest.approx(threshold, abs=1e-9)
    if kind == "rao-kupper":  # as it is written in their paper, with pi = exp(theta) and eta = exp(threshold)
        pi, eta = np.exp(theta), np.exp(threshold)
        a, b = pi[first], pi[second]
        written = [a / (a + eta * b), b / (b + eta * a), (eta**2 - 1) * a * b / ((a + eta * b) * (b + eta * a))]
        assert chances == pytest.approx(np.stack(written, axis=1))


def test_a_side_bias_is_found_and_does_not_touch_balanced_ratings() -> None:
    """Each pair as often one way round as the other: the press of the left side is 0.25 in logits."""
    theta, delta = np.array([0.4, 0.0, -0.4]), 0.25
    first, second = (np.tile(index, 2) for index in np.triu_indices(3, 1))
    side = np.repeat([1, -1], 3)
    wins = logistic.cdf(theta[first] - theta[second] + side * delta)
    found = fit(first, second, 1e6 * np.stack([wins, 1 - wins, 0 * wins], axis=1), Model(side_bias=True), side)
    assert found.theta == pytest.approx(theta, abs=1e-9)
    assert found.side == pytest.approx(delta, abs=1e-9)


def test_a_link_takes_only_its_own_models_of_ties() -> None:
    with pytest.raises(ValueError, match="a probit link goes with ties as glenn-david, half, dropped, not davidson"):
        Model("probit", "davidson")
    with pytest.raises(ValueError, match="which item of each row stood left"):
        fit(np.array([0]), np.array([1]), np.array([[2, 1, 0]]), Model(side_bias=True))


def test_what_has_no_maximum_ends_as_an_arithmetic_error() -> None:
    with pytest.raises(ArithmeticError):
        fit(np.array([0, 0]), np.array([1, 2]), np.array([[3, 0, 0], [3, 0, 0]]), Model("probit", "half"))


@NAMED
@pytest.mark.parametrize("table", [[[9, 0, 0]], [[0, 0, 4]], [[5, 0, 3]]], ids=str)
def test_a_ridge_bounds_what_has_no_maximum(model: Model, table: list[list[int]]) -> None:
    loose, tight = (
        fit(np.array([0]), np.array([1]), np.array(table), Model(model.link, model.ties, ridge=ridge))
        for ridge in (0.01, 1.0)
    )
    assert np.isfinite([*loose.theta, loose.tie or 0.0]).all()
    assert abs(tight.theta[0]) <= abs(loose.theta[0]) < 50


@NAMED
def test_lopsided_and_huge_votes_converge(model: Model) -> None:
    first, second = np.triu_indices(3, 1)
    for table in ([[10**6, 1, 1], [10**6, 1, 0], [1, 10**6, 0]], [[10**9, 10**9, 1], [3, 2, 0], [5, 10**9, 7]]):
        assert np.isfinite(fit(first, second, np.array(table), model).theta).all()
