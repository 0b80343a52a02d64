"""The head: Newton's method against scipy, counts against single votes, and what is chosen and calibrated."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, log_expit

from codec.preference.folds import folds_of
from codec.preference.head import COMPONENTS, RIDGES, Votes, _Basis, _principal, fit_head, fit_ridge, platt, sigmoid
from codec.preference.validation import constant, learning_curve, validate


def made(crops: int = 120, width: int = 6, strength: float = 1.5, seed: int = 0) -> Votes:
    """Two crops a group; the first feature decides."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(crops, width)) * np.geomspace(1, 50, width) + 3
    many = rng.integers(1, 9, crops)
    yes = rng.binomial(many, expit(strength * (features[:, 0] - 3)))
    return Votes(features, yes.astype(float), (many - yes).astype(float), np.arange(crops) // 2)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 100.0])
def test_newton_finds_what_scipy_finds(ridge: float) -> None:
    votes = made()
    x = _Basis.of(votes.features).components(votes.features)

    def objective(at: np.ndarray) -> float:
        z = x @ at[:-1] + at[-1]
        loss = -votes.yes @ log_expit(z) - votes.no @ log_expit(-z)
        return float(loss + ridge / 2 * at[:-1] @ at[:-1] + 1e-3 / 2 * at[-1] ** 2)

    theirs = minimize(objective, np.zeros(x.shape[1] + 1), method="BFGS", options={"gtol": 1e-8})
    beta, bias = fit_ridge(x, votes.yes, votes.no, ridge)
    assert np.append(beta, bias) == pytest.approx(theirs.x, abs=1e-4)
    assert objective(np.append(beta, bias)) <= theirs.fun + 1e-9


@given(st.integers(0, 50))
def test_counts_are_worth_their_single_votes(seed: int) -> None:
    votes = made(20, 3, seed=seed)
    single = np.repeat(np.arange(20), (votes.yes + votes.no).astype(int))
    yes = np.concatenate([[1.0] * int(a) + [0.0] * int(b) for a, b in zip(votes.yes, votes.no, strict=True)])
    together = fit_ridge(votes.features, votes.yes, votes.no, 1.0)
    apart = fit_ridge(votes.features[single], yes, 1 - yes, 1.0)
    assert together[0] == pytest.approx(apart[0], abs=1e-6)
    assert together[1] == pytest.approx(apart[1], abs=1e-5)


def test_nine_to_one_moves_more_than_one_to_none() -> None:
    features = np.array([[1.0], [-1.0]])
    many = fit_ridge(features, np.array([9.0, 1.0]), np.array([1.0, 9.0]), 1.0)[0]
    single = fit_ridge(features, np.array([1.0, 0.0]), np.array([0.0, 1.0]), 1.0)[0]
    assert many[0] > single[0] > 0


def test_platt_recovers_a_stretched_and_shifted_logit() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(size=4000) * 2
    yes = rng.binomial(10, expit(0.5 * logits + 0.8)).astype(float)
    slope, shift = platt(logits, yes, 10 - yes)
    assert slope == pytest.approx(0.5, abs=0.03)
    assert shift == pytest.approx(0.8, abs=0.05)
    assert platt(-logits, yes, 10 - yes)[0] == 0


def test_a_wide_basis_gives_the_same_ridge_as_all_features() -> None:
    """More features than components and than crops: a ridge needs no more directions than there are crops."""
    rng = np.random.default_rng(1)
    features = rng.normal(size=(40, 300))
    yes, no = rng.integers(0, 4, 40).astype(float), rng.integers(0, 4, 40).astype(float)
    basis = _Basis.of(features)
    scaled = (features - features.mean(0)) / features.std(0) / np.sqrt(300)
    beta, bias = fit_ridge(basis.components(features), yes, no, 0.5)
    wide, wide_bias = fit_ridge(scaled, yes, no, 0.5)
    assert basis.components(features) @ beta + bias == pytest.approx(scaled @ wide + wide_bias, abs=1e-5)


def test_the_head_is_linear_in_the_features_themselves_and_repeats_exactly() -> None:
    votes = made()
    head, again = fit_head(votes, 3), fit_head(votes, 3)
    assert np.array_equal(head.weight, again.weight)
    assert head.bias == again.bias
    assert head.ridge in RIDGES
    assert np.corrcoef(head.logits(votes.features), votes.features[:, 0])[0, 1] > 0.9


def test_a_feature_that_never_changes_counts_for_nothing() -> None:
    votes = made(40, 3)
    dull = Votes(np.column_stack([votes.features, np.full(40, 7.0)]), votes.yes, votes.no, votes.group)
    assert fit_head(dull, 0).weight[-1] == 0


def test_noise_shrinks_to_the_share_and_signal_does_not() -> None:
    rng = np.random.default_rng(5)
    votes = made(200, 6, 1.5)
    noise = Votes(rng.normal(size=(200, 30)), votes.yes, votes.no, votes.group)
    assert sigmoid(validate(votes, 5, 1).logits).std() > 0.2
    assert sigmoid(validate(noise, 5, 1).logits).std() < 0.08


@given(st.lists(st.integers(0, 9), min_size=2, max_size=60), st.integers(2, 6), st.integers(0, 9))
def test_folds_keep_groups_together_and_none_is_empty(group: list[int], folds: int, seed: int) -> None:
    given_groups = np.array(group)
    fold = folds_of(given_groups, folds, seed)
    assert set(fold) == set(range(min(folds, len(set(group)))))
    for number in set(group):
        assert len(set(fold[given_groups == number])) == 1


def test_no_crop_is_predicted_by_a_head_that_saw_its_group() -> None:
    """Features that name the group let a head learn it by heart; out of fold that is worth nothing."""
    rng = np.random.default_rng(2)
    group = np.repeat(np.arange(40), 3)
    votes = Votes(np.eye(40)[group], rng.integers(0, 2, 40)[group] * 4.0, np.zeros(120), group)
    votes = Votes(votes.features, votes.yes, 4 - votes.yes, group)
    right = ((validate(votes, 5, 0).logits > 0) == (votes.yes > 2)).mean()
    assert right < 0.65
    assert ((fit_head(votes, 0).logits(votes.features) > 0) == (votes.yes > 2)).mean() >= right


def test_the_constant_is_the_other_folds_share() -> None:
    votes = made(20)
    logits = constant(votes, 5, 1)
    fitted, checked = next(votes.splits(5, 1))
    yes, no = votes.yes[fitted].sum() + 0.5, votes.no[fitted].sum() + 0.5
    assert sigmoid(logits[checked]) == pytest.approx(yes / (yes + no))


def test_the_learning_curve_ends_in_the_whole() -> None:
    votes = made(80)
    whole = validate(votes, 4, 1)
    points = learning_curve(votes, whole, 4, 1)
    assert [point.groups for point in points] == pytest.approx([8, 15, 22, 30], abs=1)
    assert points[-1].logits[0] is whole.logits
    assert len(points[0].logits) == 3


def test_the_axes_hold_as_much_of_the_features_as_the_exact_ones() -> None:
    rng = np.random.default_rng(3)
    features = (rng.normal(size=(500, 400)) * np.geomspace(10, 0.1, 400)).astype(np.float32)
    axes = _principal(features)
    assert axes.T @ axes == pytest.approx(np.eye(COMPONENTS), abs=1e-4)
    exact = np.linalg.svd(features, compute_uv=False)[:COMPONENTS]
    assert ((features @ axes) ** 2).sum() == pytest.approx((exact**2).sum(), rel=1e-3)
