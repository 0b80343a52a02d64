"""What is said of each participant, counted again by plain loops; repeats found whatever their sides."""

from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from analysis.raters import raters, repeats
from analysis.selection import Selection
from tests.analysis.made_votes import Rows, vote_rows

TRUTH = {0.5: {"gan": 60, "mse": -60, "jpeg": 0}, 1.0: {"gan": 20, "mse": -20, "jpeg": 0}}
Selected = Callable[..., Selection]
TURNED = {"left": "right", "right": "left", "not_sure": "not_sure"}


def study_rows(seed: int = 1, participants: int = 6) -> Rows:
    """Rating votes with, for each participant, catch, identical and repeat votes among them."""
    rng, rows = np.random.default_rng(seed), vote_rows(seed, TRUTH, participants=participants, not_sure=0.1)
    for row in rows:
        row |= {"session": f"s-{row['participant']}", "response_ms": int(rng.integers(300, 4000)), "flips": 0}
    more: Rows = []
    for person in range(participants):
        own = [row for row in rows if row["participant"] == f"p{person:02d}"]
        for trial in range(8):
            base = own[trial] | {"left_rate": "", "right_rate": "", "left_codec": "", "right_codec": ""}
            sides = {"left": "reference", "right": "catch", "expected": "left"}
            choice = "left" if rng.random() < 0.9 else "right"
            more.append(base | sides | {"kind": "catch", "choice": choice})
        for row in own[8:15]:
            same = {name.replace("left", "right"): row[name] for name in row if name.startswith("left")}
            more.append(row | same | {"kind": "identical", "choice": rng.choice(["left", "right", "not_sure"])})
        for row in own[15:21]:
            turned = {name: row[name.replace("left", "right")] for name in row if name.startswith("left")}
            turned |= {name: row[name.replace("right", "left")] for name in row if name.startswith("right")}
            again = row | (turned if rng.random() < 0.5 else {})
            more.append(again | {"kind": "repeat", "choice": rng.choice(["left", "right"])})
    rows += more
    for number, row in enumerate(rows, 1):
        row["vote"] = number
    return rows


def test_counts_are_those_of_plain_loops(selected: Selected) -> None:
    rows = study_rows()
    found = raters(selected(rows))
    assert found.names == tuple(f"p{person:02d}" for person in range(6))
    for place, name in enumerate(found.names):
        own = [row for row in rows if row["participant"] == name]
        of = {kind: [row for row in own if row["kind"] == kind] for kind in ("rating", "catch", "identical")}
        assert found.votes[place] == len(of["rating"])
        assert found.not_sure[place] == sum(row["choice"] == "not_sure" for row in of["rating"])
        assert found.catches[place] == 8
        assert found.catches_right[place] == sum(row["choice"] == "left" for row in of["catch"])
        sides = [row["choice"] for row in of["identical"] if row["choice"] != "not_sure"]
        assert found.identical[place] == len(sides)
        assert found.identical_p[place] == pytest.approx(binomtest(sides.count("left"), len(sides)).pvalue)
        times = np.array([row["response_ms"] for row in of["rating"]])
        assert found.response_ms[place] == np.median(times)
        assert found.fast_share[place] == pytest.approx((times < 1000).mean())
        assert found.flips[place] == 0
        assert found.few_flips_share[place] == 1


def chosen(row: dict[str, object]) -> object:
    return row.get(str(row["choice"]), "neither")


def test_repeats_are_compared_by_who_won(selected: Selected) -> None:
    rows = study_rows()
    found = raters(selected(rows))
    for place, name in enumerate(found.names):
        own = [row for row in rows if row["participant"] == name]
        same = []
        for again in (row for row in own if row["kind"] == "repeat"):
            seen = {again["left_sha256"], again["right_sha256"]}
            first = next(
                row for row in own if row["kind"] == "rating" and {row["left_sha256"], row["right_sha256"]} == seen
            )
            same.append(chosen(first) == chosen(again))
        assert (found.repeats[place], found.repeats_same[place]) == (len(same), sum(same))


def test_sides_of_a_repeat_do_not_matter(selected: Selected) -> None:
    rows = study_rows()
    turned = []
    for row in rows:
        if row["kind"] == "repeat":
            swapped = {name: row[TURNED.get(name[:4], "left") + name[4:]] for name in row if name[:4] == "left"}
            swapped |= {name: row["left" + name[5:]] for name in row if name[:5] == "right"}
            turned.append(row | swapped | {"choice": TURNED[str(row["choice"])]})
        else:
            turned.append(row)
    before, after = raters(selected(rows)), raters(selected(turned))
    np.testing.assert_array_equal(before.repeats, after.repeats)
    np.testing.assert_array_equal(before.repeats_same, after.repeats_same)
    assert before.repeats.sum() > 20


def test_a_repeat_of_another_session_or_crop_is_no_repeat(selected: Selected) -> None:
    rows = study_rows()
    for change in ({"session": "another"}, {"crop_x": 9}, {"left_sha256": "0" * 64}):
        changed = [row | (change if row["kind"] == "repeat" else {}) for row in rows]
        assert len(repeats(selected(changed)).row) == 0


def test_a_choice_of_the_worse_side_is_turned_round(selected: Selected) -> None:
    """Consistency is of the winner, so the question's polarity changes nothing."""
    rows = study_rows()
    asked = raters(selected([row | {"asks_for": "more_different"} for row in rows]))
    np.testing.assert_array_equal(asked.repeats_same, raters(selected(rows)).repeats_same)


def test_overall_side_bias_of_the_aic3_study(selected: Selected) -> None:
    """JPEG AI's identical questions, right 198 and left 156, as the field counted them: p = 0.029."""
    rows = study_rows()
    base = next(row for row in rows if row["kind"] == "identical")
    many = [base | {"choice": side, "vote": 10_000 + n} for n, side in enumerate(["right"] * 198 + ["left"] * 156)]
    overall = raters(selected([row for row in rows if row["kind"] != "identical"] + many)).overall
    assert (overall.identical.hits, overall.identical.trials) == (156, 354)
    assert overall.identical.even_p == pytest.approx(0.029, abs=5e-4)
    low, high = overall.catches.ends
    assert low < overall.catches.value < high


def test_votes_without_any_of_it(selected: Selected) -> None:
    rows = vote_rows(2, TRUTH)
    found = raters(selected(rows))
    assert found.catches.sum() == found.identical.sum() == found.repeats.sum() == 0
    for values in (found.catch_accuracy, found.identical_p, found.consistency, found.response_ms, found.fast_share):
        assert np.isnan(values).all()
    assert np.isnan(found.overall.repeats.value)
