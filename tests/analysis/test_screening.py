"""The rules: who is flagged, what that costs honest participants, and that nothing is left out unasked."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binom, binomtest

from analysis.counts import count
from analysis.false_exclusion import false_exclusion, same_answers
from analysis.files import Refusal
from analysis.likelihoods import cells
from analysis.raters import Raters, raters
from analysis.rules import RULES, Rule
from analysis.screening import screen
from analysis.selection import Selection
from tests.analysis.made_votes import Rows, vote_rows
from tests.analysis.test_raters import study_rows

Selected = Callable[..., Selection]
BY_NAME = {rule.name: rule for rule in RULES}


def careless(rows: Rows, person: str) -> Rows:
    """The same, but one participant gets all catch trials wrong."""
    wrong = {"kind": "catch", "participant": person}
    return [row | ({"choice": "right"} if wrong.items() <= row.items() else {}) for row in rows]


def test_nobody_is_left_out_unasked(selected: Selected) -> None:
    selection = selected(careless(study_rows(), "p02"))
    found = screen(selection)
    assert found.kept is selection
    assert not found.excluded.any()
    assert found.verdicts[0].flagged.tolist() == [name == "p02" for name in found.raters.names]


def test_who_fails_a_chosen_rule_is_left_out_named_and_counted(selected: Selected) -> None:
    selection = selected(careless(study_rows(), "p02"))
    found = screen(selection, {"catch_accuracy": 0.5})
    assert found.excluded.tolist() == [name == "p02" for name in found.raters.names]
    left_out = found.kept.left_out[-1]
    assert left_out.reason == "screened out: p02 (catch_accuracy 0 < 0.5)"
    assert left_out.votes == (selection.rated.frame["participant"] == "p02").sum()
    assert len(found.kept.rated) == len(selection.rated) - left_out.votes
    assert "p02" not in set(found.kept.rated.frame["participant"]) | set(found.kept.others.frame["participant"])
    assert len(selection.rated) == 240
    assert found.kept.total == selection.total


def test_a_limit_itself_passes(selected: Selected) -> None:
    selection = selected(study_rows())
    least = raters(selection).catch_accuracy.min()
    assert not screen(selection, {"catch_accuracy": float(least)}).excluded.any()
    assert screen(selection, {"catch_accuracy": float(np.nextafter(least, 2))}).excluded.any()


@pytest.mark.parametrize(
    ("chosen", "cells", "words"),
    [
        ({"likelihood": 1.5}, {}, "ask what people prefer"),
        ({"likelihood": 1.5}, {"asks_for": ""}, "do not say what was asked"),
        ({"flips": 1}, {}, "do not flip the view under the layout side_by_side"),
        ({"catch_accuracy": 1.01}, {}, "leaves no participant"),
        ({"time": 1e9}, {}, "leaves no participant"),
    ],
)
def test_rules_without_a_place_are_refused(selected: Selected, chosen: dict, cells: dict, words: str) -> None:
    with pytest.raises(Refusal, match=words):
        screen(selected([row | cells for row in study_rows()]), chosen)


@pytest.mark.parametrize("name", ["catch_accuracy", "identical_side", "repeats", "time"])
def test_a_rule_without_its_trials_is_refused(selected: Selected, name: str) -> None:
    selection = selected(vote_rows(1, {0.5: {"gan": 50, "mse": 0}}))
    with pytest.raises(Refusal, match=f"no participant has a value for the rule {name}"):
        screen(selection, {name: 0.5})


def test_likelihood_may_exclude_where_a_fault_can_be_told(selected: Selected) -> None:
    rows = vote_rows(1, {0.5: {"gan": 250, "mse": -250, "jpeg": 0}}, participants=14, votes=60, asks_for="closer")
    turned = {"left": "right", "right": "left"}
    rows = [row | ({"choice": turned[str(row["choice"])]} if row["participant"] == "p03" else {}) for row in rows]
    found = screen(selected(rows), {"likelihood": 1.5})
    assert [name for name, out in zip(found.raters.names, found.excluded, strict=True) if out] == ["p03"]
    verdict = found.verdicts[-1]
    assert verdict.how == "simulated"
    assert 0 < verdict.false_exclusion < 0.1


def chance(rule: Rule, selection: Selection, found: Raters, **settings: float) -> float:
    known, how = false_exclusion(
        rule, selection, found, cells(count(selection.rated)), found.catch_accuracy, **settings
    )
    assert how == "exact"
    assert known is not None
    return known


def test_false_exclusion_by_catches_is_a_binomial_tail(selected: Selected) -> None:
    selection = selected(study_rows())
    found = raters(selection)
    known = chance(BY_NAME["catch_accuracy"], selection, found, lapse=0.1)
    assert known == pytest.approx(binom.cdf(5, 8, 0.95))  # 6 of 8 is the limit of 0.75
    assert chance(BY_NAME["catch_accuracy"], selection, found, lapse=0.0) == 0


def test_false_exclusion_by_identical_pairs_is_a_sum_of_tails(selected: Selected) -> None:
    selection = selected(study_rows())
    found = raters(selection)
    rule = Rule("identical_side", 0.2, "p")
    expected = [
        sum(binom.pmf(k, n, 0.5) for k in range(n + 1) if binomtest(k, n).pvalue < 0.2) for n in found.identical
    ]
    assert chance(rule, selection, found) == pytest.approx(np.mean(expected))


def test_false_exclusion_by_repeats_is_that_of_drawn_answers(selected: Selected) -> None:
    selection = selected(study_rows())
    found = raters(selection)
    alike = same_answers(selection, found)
    rng = np.random.default_rng(1)
    drawn = [(rng.random((20_000, len(p))) < p).mean(axis=1) < 0.5 for p in alike]
    assert chance(BY_NAME["repeats"], selection, found) == pytest.approx(np.mean(drawn), abs=0.006)


def test_same_answers_of_a_pair_that_all_agree_on_and_of_one_that_splits_them(selected: Selected) -> None:
    rows = vote_rows(1, {0.5: {"gan": 0, "mse": 0}}, participants=40, sources=2, votes=10)
    for row in rows:
        agreed = row["source"] == "photo-00"
        row["choice"] = ("left" if row["left_codec"] == "gan" else "right") if agreed else row["choice"]
    again = [rows[next(n for n, row in enumerate(rows) if row["source"] == f"photo-0{k}")] for k in (0, 1)]
    rows += [row | {"kind": "repeat", "vote": 10_000 + n} for n, row in enumerate(again)]
    selection = selected(rows)
    agreed, split = np.concatenate(same_answers(selection, raters(selection)))
    assert agreed > 0.95
    assert split == pytest.approx(0.5, abs=0.02)


def test_time_is_judged_by_those_who_missed_no_catch(selected: Selected) -> None:
    rows = study_rows()
    for row in rows:
        row["response_ms"] = 200 if row["participant"] in ("p00", "p01") else 2000
        row["choice"] = "left" if row["kind"] == "catch" and row["participant"] != "p01" else row["choice"]
        if row["kind"] == "catch" and row["participant"] == "p01":
            row["choice"] = "right"
    verdict = next(v for v in screen(selected(rows)).verdicts if v.rule.name == "time")
    assert verdict.flagged.tolist() == [True, True, False, False, False, False]
    assert (verdict.false_exclusion, verdict.how) == (pytest.approx(1 / 5), "observed")


def test_costs_of_the_chosen_rules_add_up(selected: Selected) -> None:
    found = screen(selected(study_rows()), {"catch_accuracy": 0.3, "repeats": 0.1})
    known = {verdict.rule.name: verdict for verdict in found.verdicts}
    expected = 6 * (known["catch_accuracy"].false_exclusion + known["repeats"].false_exclusion)
    assert found.honest_lost == pytest.approx(expected)
