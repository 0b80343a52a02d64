"""Intervals: against plain sums over votes, against a bootstrap of whole clusters, and by how often they cover."""

import csv
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import stdtrit

from analysis import bradley_terry as bt
from analysis.counts import Counts, count
from analysis.elo import EloSettings
from analysis.intervals import OVERS, REACH, Over, Uncertainty, possible, uncertainty
from analysis.models import Model, fit
from analysis.outcomes import Ties, logs
from analysis.rating import Settings, rate, ratings_csv
from analysis.scales import Link
from analysis.selection import Selection
from analysis.votes import Floats, Ints, Item
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

Selected = Callable[..., Selection]
METHODS = ("bradley-terry",)


def counted(left: Ints, right: Ints, outcome: Ints, participant: Ints, source: Ints) -> Counts:
    """Counts of votes given as codes; every pair of items has its place."""
    n = int(max(left.max(), right.max())) + 1
    first, second = np.triu_indices(n, 1)
    pair_of = np.zeros((n, n), int)
    pair_of[first, second] = np.arange(len(first))
    low, high = np.minimum(left, right), np.maximum(left, right)
    won = np.where(left < right, outcome, -outcome)
    cell = 3 * pair_of[low, high] + np.select([won > 0, won < 0], [0, 1], 2)
    keys, votes = np.unique(np.stack([participant, source, cell]), axis=1, return_counts=True)
    table = np.bincount(cell, minlength=3 * len(first)).reshape(-1, 3)
    items = tuple(Item(None, str(index), "") for index in range(n))
    return Counts(items, first, second, table, *keys, votes)


def fitted(counts: Counts) -> bt.Fit:
    return bt.fit(counts.first, counts.second, counts.table)


@pytest.mark.parametrize("not_sure", [0.0, 0.2])
def test_the_sandwich_is_the_sum_over_votes(selected: Selected, not_sure: float) -> None:
    """Vote by vote, from the formula: scores of every vote, added up by cluster in a loop."""
    rows = vote_rows(4, {0.5: {"x": 60, "y": 0, "z": -60}}, not_sure=not_sure)
    votes = selected(rows).rated
    (counts,) = count(votes)
    fit = fitted(counts)
    n, d = len(fit.theta), len(fit.information)
    scores = np.zeros((len(votes), d))
    for row, (i, j, outcome) in enumerate(zip(votes.left, votes.right, votes.outcome, strict=True)):
        a, b = np.exp([fit.theta[i], fit.theta[j]])
        nu = np.exp(fit.log_nu) if fit.log_nu is not None else 0
        total = a + b + nu * np.sqrt(a * b)
        slope = outcome / 2 - (a - b) / total / 2
        scores[row, i], scores[row, j] = slope, -slope
        if fit.log_nu is not None:
            scores[row, n] = (outcome == 0) - nu * np.sqrt(a * b) / total
    bread = np.linalg.pinv(fit.information)

    def sandwich(labels: list[object]) -> Floats:
        meat, names = np.zeros((d, d)), set(labels)
        for name in names:
            total = scores[[label == name for label in labels]].sum(axis=0)
            meat += np.outer(total, total)
        return bt.ELO**2 * len(names) / (len(names) - 1) * (bread @ meat @ bread)[:n, :n]

    people, images = votes.participant.tolist(), votes.source.tolist()
    expected = {
        "participants": sandwich(people),
        "sources": sandwich(images),
        "votes": sandwich(list(range(len(votes)))),
        "both": sandwich(people) + sandwich(images) - sandwich(list(zip(people, images, strict=True))),
    }
    degrees = {"participants": 11, "sources": 7, "votes": len(votes) - 1, "both": 7}
    for over in OVERS:
        found = uncertainty(counts, fit, over)
        assert found is not None
        assert found.covariance == pytest.approx(expected[over], abs=1e-8)
        assert found.covariance.sum(axis=0) == pytest.approx(0, abs=1e-8)
        assert found.degrees == degrees[over]


def test_without_clusters_all_variances_are_near_the_information(selected: Selected) -> None:
    """Where the model is true and votes are independent, the sandwich over votes estimates the inverse information."""
    rows = vote_rows(4, {0.5: {"x": 60, "y": 0, "z": -60}}, participants=60, votes=60)
    (counts,) = count(selected(rows).rated)
    fit = fitted(counts)
    model = bt.ELO**2 * (fit.inverse_information - 1 / 3)
    found = uncertainty(counts, fit, "votes")
    assert found is not None
    assert np.diag(found.covariance) == pytest.approx(np.diag(model), rel=0.05)


def study(rng: np.random.Generator, participants: int, sources: int, votes: int, spread: tuple[float, float]) -> Counts:
    """A study of four systems whose ratings differ by participant and by source, `spread` in Elo points."""
    truth = np.array([90.0, 30.0, -20.0, -100.0])
    by_person = rng.normal(0, spread[0], (participants, 4))
    by_image = rng.normal(0, spread[1], (sources, 4))
    participant, source = rng.integers(participants, size=votes), rng.integers(sources, size=votes)
    left = rng.integers(4, size=votes)
    right = (left + rng.integers(1, 4, size=votes)) % 4
    here = truth + by_person[participant] + by_image[source]
    ahead = here[np.arange(votes), left] - here[np.arange(votes), right]
    outcome = np.where(rng.random(votes) < 1 / (1 + 10 ** (-ahead / 400)), 1, -1)
    return counted(left, right, outcome, participant, source)


def population(spread: tuple[float, float]) -> Floats:
    """The differences that Bradley-Terry fits to the whole population of such participants and sources."""
    truth = np.array([90.0, 30.0, -20.0, -100.0])
    first, second = np.triu_indices(4, 1)
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    noise = np.sqrt(2 * (spread[0] ** 2 + spread[1] ** 2)) * nodes
    wins = (1 / (1 + 10 ** (-((truth[first] - truth[second])[:, None] + noise) / 400))) @ (weights / weights.sum())
    theta = bt.ELO * bt.fit(first, second, np.column_stack([wins, 1 - wins, np.zeros(6)])).theta
    return theta[first] - theta[second]


@pytest.mark.parametrize(("participants", "sources", "spread"), [(20, 10, (80.0, 80.0)), (15, 12, (0.0, 0.0))])
def test_the_default_interval_covers(participants: int, sources: int, spread: tuple[float, float]) -> None:
    """100 studies x 6 pairs at a nominal 95%: at least 92% cover; votes alone miss far more where clusters matter."""
    rng, truth = np.random.default_rng(2024), population(spread)
    first, second = np.triu_indices(4, 1)
    contrasts = np.eye(4)[first] - np.eye(4)[second]
    covered = dict.fromkeys(OVERS, 0)
    for _ in range(100):
        counts = study(rng, participants, sources, 1500, spread)
        fit = fitted(counts)
        misses = np.abs(contrasts @ (bt.ELO * fit.theta) - truth)
        for over in OVERS:
            found = uncertainty(counts, fit, over)
            assert found is not None
            covered[over] += int((misses <= [found.margin(contrast) for contrast in contrasts]).sum())
    assert covered["both"] >= 0.92 * 600
    assert covered["both"] >= max(covered.values())
    if spread[0]:
        assert covered["votes"] < 0.8 * 600


@pytest.mark.parametrize(
    ("over", "model"),
    [
        ("participants", Model()),
        ("sources", Model()),
        ("participants", Model("probit", "half")),
        ("sources", Model("logistic", "dropped")),
        ("participants", Model(ridge=5.0)),
    ],
)
def test_a_bootstrap_of_clusters_agrees(over: Over, model: Model) -> None:
    """Resampling whole clusters 300 times, on their tables, spreads as far as the sandwich says."""
    rng = np.random.default_rng(7)
    counts = study(rng, 40, 40, 4000, (80.0, 80.0))
    cluster = counts.participant if over == "participants" else counts.source
    k = int(cluster.max()) + 1
    tables = np.zeros((k, counts.table.size))
    np.add.at(tables, (cluster, counts.cell), counts.cell_votes)
    weights = rng.multinomial(k, np.full(k, 1 / k), size=300)
    thetas = [fit(counts.first, counts.second, row.reshape(-1, 3), model).rating for row in weights @ tables]
    found = uncertainty(counts, fit(counts.first, counts.second, counts.table, model), over)
    assert found is not None
    assert np.cov(np.array(thetas).T).diagonal() == pytest.approx(np.diag(found.covariance), rel=0.3)


@pytest.mark.parametrize("kind", ["davidson", "rao-kupper", "glenn-david", "half", "dropped"])
def test_every_model_covers_its_own_population(kind: Ties) -> None:
    """120 studies x 3 pairs under the model itself: 95% intervals over participants."""
    link: Link = "probit" if kind == "glenn-david" else "logistic"
    model, rng, hits = Model(link, kind), np.random.default_rng(11), 0
    first, second = np.triu_indices(3, 1)
    truth, tie = np.array([0.4, 0.1, -0.5]), 0.25 if kind in ("rao-kupper", "glenn-david") else np.log(0.4)
    drawn = "davidson" if kind in ("half", "dropped") else kind
    person = np.repeat(np.arange(30), 9)
    # half a win each for a tie has another aim: what a fit to the endless study gives
    endless = np.exp(logs(link, drawn, truth[first] - truth[second], tie))
    aim = fit(first, second, 1e6 * endless, model).rating
    for _ in range(120):
        chances = np.exp(logs(link, drawn, np.tile(truth[first] - truth[second], 30), tie)).reshape(30, 3, 3)
        votes = np.stack([rng.multinomial(6, chance) for row in chances for chance in row]).ravel()
        cell = np.tile(np.arange(9), 30)
        table = np.bincount(cell, votes, 9).astype(int).reshape(-1, 3)
        items = tuple(Item(None, name, "") for name in "abc")
        counts = Counts(items, first, second, table, person, person, cell, votes)
        found = fit(first, second, table, model)
        interval = uncertainty(counts, found, "participants")
        assert interval is not None
        missed = np.abs((found.rating - aim)[first] - (found.rating - aim)[second])
        hits += sum(miss <= (interval.between(i, j) or 0) for miss, i, j in zip(missed, first, second, strict=True))
    assert 0.93 * 360 <= hits <= (360 if kind == "half" else 358)  # its floor takes a tie for a whole vote


@given(st.integers(0, 10**6))
def test_two_ways_are_never_below_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matrices = [root @ root.T for root in rng.normal(size=(3, 4, 4))]
    both = matrices[0] + matrices[1] - matrices[2]
    contrast = rng.normal(size=4)
    variance = Uncertainty(both, (matrices[0], matrices[1]), 9, np.zeros((4, 4), bool), np.full((4, 1), 9)).variance(
        contrast
    )
    assert variance >= max(contrast @ matrix @ contrast for matrix in matrices[:2])
    assert variance >= contrast @ both @ contrast


@pytest.mark.parametrize(
    ("over", "participants", "sources", "expected", "says"),
    [
        ("both", 12, 5, "both", ""),
        ("both", 12, 4, "participants", "4 images are too few"),
        ("both", 12, 1, "participants", "one image alone"),
        ("both", 12, 0, "participants", "name no source"),
        ("both", 1, 9, "sources", "one participant alone"),
        ("both", 1, 4, "none", "one participant alone says nothing about other participants, and 4 images"),
        ("both", 1, 1, "none", "one image alone"),
        ("participants", 12, 1, "participants", ""),
        ("participants", 1, 9, "none", "one participant alone"),
        ("sources", 1, 5, "sources", ""),
        ("sources", 9, 2, "none", "2 images are too few to speak for others"),
        ("sources", 9, 1, "none", "one image alone"),
        ("votes", 1, 0, "votes", ""),
    ],
)
def test_what_cannot_be_generalised_is_said(over, participants: int, sources: int, expected: str, says: str) -> None:
    found, reason = possible(over, participants, sources)
    assert found == expected
    assert says in reason
    assert bool(reason) == bool(says)
    assert REACH[found]


def test_no_interval_without_anything_to_generalise_over(selected: Selected) -> None:
    (counts,) = count(selected(vote_rows(1, {0.5: {"x": 0, "y": 0}}, participants=1, sources=1)).rated)
    assert uncertainty(counts, fitted(counts), "none") is None


def people_and_images(votes: list[tuple[str, str, str, int, int]]) -> Rows:
    """Rows of (left, right, choice, participant, source)."""
    return [
        {"vote": number, "participant": f"p{who}", "source": f"s{where}", "left": a, "right": b, "choice": choice}
        for number, (a, b, choice, who, where) in enumerate(votes, 1)
    ]


def crowd(*pairs: tuple[str, str], left: int = 3, right: int = 1, people: int = 10, images: int = 6) -> list:
    """The same `left` to `right` votes of every person on every image."""
    return [
        (*pair, choice, who, where)
        for pair in pairs
        for who in range(people)
        for where in range(images)
        for choice in ["left"] * left + ["right"] * right
    ]


@pytest.mark.parametrize("over", ["both", "participants", "sources"])
def test_what_rests_on_one_participant_and_image_has_no_interval(selected: Selected, over: Over) -> None:
    """A few votes on d by one person cannot be sharper than hundreds by many: their own scores add up to nothing."""
    votes = crowd(("a", "b"), ("b", "c"), ("c", "a"), left=2)
    votes += [("a", "d", choice, 0, 0) for choice in ("left", "left", "right", "right")]
    selection = selected(people_and_images(votes))
    (scale,) = rate(selection, Settings(over))
    assert scale.over == over
    assert scale.margin(3) is None
    assert [scale.margin(item, 3) for item in range(3)] == [None] * 3
    assert min(scale.margin(item) or 0 for item in range(3)) > 0
    assert (scale.margin(0, 1) or 0) > 0
    assert scale.alone.startswith("no interval for d, ")
    rows = {row["condition"]: row for row in csv.DictReader(ratings_csv((scale,), selection, METHODS).splitlines())}
    assert (rows["d"]["low"], rows["d"]["high"], rows["d"]["interval"]) == ("", "", "none")
    assert rows["a"]["interval"] == over


def test_one_participant_between_two_halves_is_told(selected: Selected) -> None:
    """c and d were seen by all, and linked with a and b by one person: within each half differences stand."""
    votes = crowd(("a", "b"), ("c", "d"), left=2) + [("a", "c", side, 3, 3) for side in ("left", "right")]
    (scale,) = rate(selected(people_and_images(votes)), Settings("participants"))
    assert scale.margin(0, 2) is None
    assert scale.margin(0, 1) == pytest.approx(scale.margin(2, 3))
    assert scale.margin(0) is None


@pytest.mark.parametrize("over", ["both", "participants", "sources"])
def test_clusters_that_agree_leave_the_noise_of_votes(selected: Selected, over: Over) -> None:
    """Ten people with the same 3:1 on each of six images: the sums by cluster vanish, 240 votes do not become exact."""
    (scale,) = rate(selected(people_and_images(crowd(("a", "b")))), Settings(over))
    assert scale.uncertainty is not None
    assert scale.over == over
    independent = bt.ELO * np.sqrt(1 / (240 * 0.75 * 0.25))
    contrast = np.array([1.0, -1.0])
    assert np.sqrt(scale.uncertainty.variance(contrast)) == pytest.approx(independent)
    degrees = {"both": 9 + 5, "participants": 9, "sources": 5}[over]
    assert scale.uncertainty.freedom_between(0, 1) == degrees
    assert scale.margin(0, 1) == pytest.approx(stdtrit(degrees, 0.975) * independent)


@pytest.mark.parametrize(
    ("sizes", "ways", "expected"),
    [
        ((9, 1, 5, 5), (39, 9), 9),  # both ways together
        ((2, 1, 5, 3), (39, 9), 39),  # participants alone: images add nothing
        ((2, 1, 3, 5), (39, 9), 9),
        ((1, 5, 3, 3), (39, 9), 48),  # no more than the noise of votes
        ((1, 5, 3, 3), (39, 3), 3),  # four images may hide what they differ in
        ((2, 1, 5, 3), (39, 3), 3),
        ((9, 5), (11,), 11),
        ((5, 9), (11,), 11),
    ],
)
def test_degrees_of_freedom_are_those_of_the_estimate_that_was_taken(
    sizes: tuple[float, ...], ways: tuple[int, ...], expected: int
) -> None:
    """`sizes`: the estimate, then its floors by independent votes, participants and images."""
    matrices = [size * (np.eye(3) - 1 / 3) for size in sizes]
    seen = np.tile(ways, (3, 1))
    found = Uncertainty(matrices[0], tuple(matrices[1:]), min(ways), np.zeros((3, 3), bool), seen)
    contrast = np.array([1.0, -1.0, 0.0])
    assert found.variance(contrast) == pytest.approx(2 * max(sizes))
    assert found.freedom(contrast) == found.freedom_between(0, 1) == found.freedom_between(2) == expected
    assert found.margin(contrast) == pytest.approx(stdtrit(expected, 0.975) * np.sqrt(2 * max(sizes)))
    assert found.variances() == pytest.approx(2 * max(sizes) * (1 - np.eye(3)))


def test_two_participants_who_agree_have_a_wide_interval(selected: Selected) -> None:
    (scale,) = rate(selected(people_and_images(crowd(("a", "b"), left=6, right=2, people=2, images=1))), Settings())
    assert scale.over == "participants"
    assert (scale.margin(0, 1) or 0) > 12.7 * bt.ELO * np.sqrt(1 / (16 * 0.75 * 0.25)) * 0.99


@given(st.integers(0, 10**6))
@settings(deadline=None, max_examples=20)
def test_no_interval_is_narrower_than_independent_votes(seed: int) -> None:
    counts = study(np.random.default_rng(seed), 6, 6, 300, (0.0, 0.0))
    fit = fitted(counts)
    for over in OVERS:
        found = uncertainty(counts, fit, over)
        assert found is not None
        for contrast in np.eye(4) - 0.25:
            assert found.variance(contrast) >= bt.ELO**2 * contrast @ fit.inverse_information @ contrast * (1 - 1e-9)


@pytest.mark.parametrize(
    "votes", [[("a", "b", "left")] * 100, [("a", "b", "not_sure")] * 9, [("a", "b", "left")]], ids=len
)
@pytest.mark.parametrize("over", OVERS)
def test_what_only_a_ridge_bounds_has_no_interval(selected: Selected, votes: list, over: Over) -> None:
    selection = selected(pair_rows(*votes))
    (scale,) = rate(selection, Settings(over, ridge=0.1, elo=EloSettings(rounds=20)))
    assert scale.fit is not None
    assert (scale.over, scale.margin(0), scale.margin(0, 1)) == ("none", None, None)
    assert scale.reason.startswith("the ridge sets these ratings, since ")
    row = next(csv.DictReader(ratings_csv((scale,), selection, METHODS).splitlines()))
    assert (row["low"], row["interval"]) == ("", "none")


@pytest.mark.parametrize(("over", "degrees"), [("both", 1), ("participants", 1), ("sources", 2)])
def test_two_participants_behind_a_condition_are_one_degree_of_freedom(
    selected: Selected, over: Over, degrees: int
) -> None:
    votes = crowd(("a", "b"), ("b", "c"), ("c", "a"), left=2)
    votes += [("a", "d", side, who, where) for who in (0, 1) for where in (0, 1, 2) for side in ("left", "right")]
    (scale,) = rate(selected(people_and_images(votes)), Settings(over))
    found = scale.uncertainty
    assert found is not None
    for item, other in ((3, None), (0, 3)):
        contrast = np.eye(4)[item] - (0.25 if other is None else np.eye(4)[other])
        expected = stdtrit(degrees, 0.975) * np.sqrt(found.variance(contrast))
        assert scale.margin(item, other) == pytest.approx(expected)
    assert scale.margin(0, 1) == pytest.approx(found.margin(np.array([1.0, -1.0, 0.0, 0.0])))
