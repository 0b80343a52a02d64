"""From votes to ratings.csv and wins.csv: scales with ratings, and scales that say why they have none."""

import csv
from collections.abc import Callable

import numpy as np
import pytest

from analysis.elo import EloSettings
from analysis.files import Refusal
from analysis.linking import comparable
from analysis.models import Model
from analysis.rating import RATINGS_COLUMNS, WINS_COLUMNS, Settings, rate, ratings_csv, wins_csv
from analysis.selection import Selection
from tests.analysis.made_votes import Rows, pair_rows, vote_rows

Selected = Callable[..., Selection]
QUICK = EloSettings(rounds=20)
BOTH_WAYS = [("a", "b", "left"), ("a", "b", "right")]


def table(text: str) -> Rows:
    return list(csv.DictReader(text.splitlines()))


def test_ratings_come_back_near_the_truth(selected: Selected) -> None:
    truth = {0.3: {"avif": 120, "jpeg": -120}, 0.5: {"avif": 50, "jpeg": -80, "webp": 30}}
    selection = selected(vote_rows(3, truth, participants=60, sources=20, votes=40))
    scales = rate(selection, Settings(elo=QUICK))
    assert [scale.name for scale in scales] == ["0.3 bpp", "0.5 bpp"]
    for scale, ratings in zip(scales, truth.values(), strict=True):
        assert scale.over == "both"
        for index, item in enumerate(scale.counts.items):
            margin = scale.margin(index)
            assert margin is not None
            assert abs(scale.rating[index] - ratings[item.codec]) < 1.5 * margin < 60


def test_the_table_has_the_documented_columns_in_order(selected: Selected) -> None:
    selection = selected(vote_rows(3, {0.5: {"x": 20, "y": 0, "z": -20}, 0.3: {"x": 0, "y": 0}}))
    scales = rate(selection, Settings(elo=QUICK))
    rows = table(ratings_csv(scales, selection, ("bradley-terry", "elo")))
    assert tuple(rows[0]) == RATINGS_COLUMNS
    assert [(row["rate"], row["method"]) for row in rows] == (
        [("0.3", "bradley-terry")] * 2 + [("0.3", "elo")] * 2 + [("0.5", "bradley-terry")] * 3 + [("0.5", "elo")] * 3
    )
    for method in ("bradley-terry", "elo"):
        ratings = [float(str(row["rating"])) for row in rows if row["method"] == method and row["rate"] == "0.5"]
        assert ratings == sorted(ratings, reverse=True)
        assert sum(ratings) == pytest.approx(0, abs=0.002)
    assert {(row["method"], row["interval"]) for row in rows} == {("bradley-terry", "both"), ("elo", "votes")}
    settings = "start=1000; k=32; rounds=20; seed=1; replay=resamples; summary=mean"
    assert {(row["method"], row["model"], row["scale"], row["anchor"]) for row in rows} == {
        ("bradley-terry", "ties=none", "elo", ""),
        ("elo", settings, "elo", ""),
    }
    assert {row["simulated"] for row in rows} == {"1"}
    assert {row["votes_sha256"] for row in rows} == {selection.rated.sha256}
    assert {row["codec"] for row in rows} == {"x", "y", "z"}


def test_wins_are_counted_by_name(selected: Selected) -> None:
    votes = [("b", "a", "left"), ("a", "b", "left"), ("a", "b", "not_sure"), ("b", "a", "left"), ("c", "a", "left")]
    selection = selected(pair_rows(*votes, left_rate="0.50", right_rate="0.5"))
    rows = table(wins_csv(rate(selection, Settings(elo=QUICK)), selection))
    assert tuple(rows[0]) == WINS_COLUMNS
    counted = [tuple(row.values())[:6] for row in rows]
    assert counted == [("0.5", "a", "b", "1", "2", "1"), ("0.5", "a", "c", "0", "1", "0")]


def test_with_the_worse_image_asked_for_the_other_one_wins(selected: Selected) -> None:
    selection = selected(pair_rows(*[("a", "b", "left")] * 3, ("a", "b", "right"), asks_for="more_different"))
    (scale,) = rate(selection, Settings(elo=QUICK))
    assert scale.rating[1] - scale.rating[0] == pytest.approx(400 * np.log10(3))
    assert table(wins_csv((scale,), selection))[0]["b_wins"] == "3"


def test_a_disconnected_rate_names_its_parts_and_the_others_are_rated(selected: Selected) -> None:
    apart = pair_rows(*BOTH_WAYS, ("c", "d", "left"), ("c", "d", "right"), left_rate=0.3, right_rate=0.3)
    whole = pair_rows(*BOTH_WAYS, left_rate=0.5, right_rate=0.5)
    for row in whole:
        row["vote"] = f"10{row['vote']}"
    selection = selected(apart + whole)
    for ridge in (0.0, 0.1):
        low, high = rate(selection, Settings(ridge=ridge, elo=QUICK))
        assert low.problem == "no vote links (a + b) with (c + d): ask about pairs across these groups"
        assert low.fit is None
        assert high.problem == ""
        assert {row["rate"] for row in table(ratings_csv((low, high), selection, ("bradley-terry",)))} == {"0.5"}
        assert [row["rate"] for row in table(wins_csv((low, high), selection))] == ["0.3", "0.3", "0.5"]


def test_a_separated_rate_is_rated_only_with_a_ridge(selected: Selected) -> None:
    selection = selected(pair_rows(*BOTH_WAYS, ("a", "c", "left"), ("b", "c", "left")))
    (scale,) = rate(selection, Settings(elo=QUICK))
    assert scale.problem.startswith("(a, b) never lost a vote to the other conditions")
    assert "--ridge" in scale.problem
    (scale,) = rate(selection, Settings(ridge=0.1, elo=QUICK))
    assert scale.problem == ""
    assert scale.fit is not None
    assert scale.fit.ridge == 0.1
    assert scale.order[-1] == 2


def test_wins_one_way_and_not_sure_are_no_rating(selected: Selected) -> None:
    selection = selected(pair_rows(("a", "b", "left"), ("a", "b", "not_sure")))
    assert "won one way only or was not sure" in rate(selection, Settings(elo=QUICK))[0].problem


def test_one_participant_gets_ratings_and_the_reason(selected: Selected) -> None:
    rows = vote_rows(3, {0.5: {"x": 0, "y": 0}}, participants=1, sources=3, votes=40)
    selection = selected(rows)
    (scale,) = rate(selection, Settings(elo=QUICK))
    assert scale.fit is not None
    assert "one participant alone" in scale.reason
    assert scale.margin(0) is None
    row = table(ratings_csv((scale,), selection, ("bradley-terry",)))[0]
    assert (row["low"], row["high"], row["interval"]) == ("", "", "none")


def test_linked_rates_share_a_mean(selected: Selected) -> None:
    rows = vote_rows(3, {0.3: {"x": -50, "y": -50}, 0.5: {"x": 50, "y": 50}})
    for row in rows[::3]:
        row |= {"left": "x@0.30", "right": "y@0.50", "left_rate": 0.3, "right_rate": 0.5, "choice": "right"}
        row |= {"left_codec": "x", "right_codec": "y"}
    rows.append({**rows[0], "vote": 9999, "choice": "left"})
    selection = selected(rows)
    (scale,) = rate(selection, Settings(elo=QUICK))
    assert scale.name == "0.3 bpp and 0.5 bpp"
    assert scale.rating.sum() == pytest.approx(0, abs=1e-9)
    assert "" in {row["rate"] for row in table(wins_csv((scale,), selection))}
    assert {row["rate"] for row in table(ratings_csv((scale,), selection, ("bradley-terry",)))} == {"0.3", "0.5"}


@pytest.mark.parametrize("ties", ["davidson", "rao-kupper", "half", "dropped"])
def test_every_model_of_ties_gives_nearly_the_same_ratings(selected: Selected, ties: str) -> None:
    truth = {"x": 100, "y": 0, "z": -100}
    selection = selected(vote_rows(3, {0.5: truth}, participants=60, sources=20, votes=40, not_sure=0.1))
    (scale,) = rate(selection, Settings(ties=ties), ("bradley-terry",))  # type: ignore[arg-type]
    assert scale.fit is not None
    assert scale.over == "both"
    for index, item in enumerate(scale.counts.items):
        expected = truth[item.codec] * (0.9 if ties == "half" else 1.05 if ties == "rao-kupper" else 1)
        assert abs(scale.rating[index] - expected) < 1.6 * (scale.margin(index) or 0) < 60
    row = table(ratings_csv((scale,), selection, ("bradley-terry",)))[0]
    words = dict(word.partition("=")[::2] for word in row["model"].split("; "))
    assert words.pop("ties") == ties
    assert set(words) == {"davidson": {"nu"}, "rao-kupper": {"eta"}, "half": {"shrinks the scale"}}.get(ties, set())


@pytest.mark.parametrize("ties", [None, "glenn-david", "half", "dropped"])
def test_thurstone_is_told_in_points_that_agree_at_three_quarters(selected: Selected, ties) -> None:
    votes = [("a", "b", "left")] * 75 + [("a", "b", "right")] * 25
    selection = selected(pair_rows(*votes))
    for unit, step in (("elo", "95.424"), ("jod", "0.50000")):
        settings = Settings(method="thurstone", ties=ties, unit=unit)  # type: ignore[arg-type]
        rows = table(ratings_csv(rate(selection, settings, ("thurstone",)), selection, ("thurstone",)))
        assert [(row["condition"], row["rating"]) for row in rows] == [("a", step), ("b", f"-{step}")]
        assert [(row["method"], row["scale"], row["model"]) for row in rows] == [("thurstone", unit, "ties=none")] * 2
        low, high = float(str(rows[0]["low"])), float(str(rows[0]["high"]))
        assert low < float(step) < high


def test_who_was_never_sure_is_no_participant_where_such_votes_are_dropped(selected: Selected) -> None:
    rows = pair_rows(*BOTH_WAYS, ("a", "b", "left"), ("a", "b", "not_sure"))
    rows = [row | {"participant": "q" if row["choice"] == "not_sure" else "p"} for row in rows]
    (scale,) = rate(selected(rows), Settings("participants", ties="dropped"), ("bradley-terry",))
    assert (scale.over, scale.margin(0)) == ("none", None)
    assert scale.reason == "one participant alone says nothing about other participants"
    (scale,) = rate(selected(rows), Settings("participants"), ("bradley-terry",))
    assert scale.over == "participants"


def test_ratings_are_differences_from_an_anchor(selected: Selected) -> None:
    selection = selected(vote_rows(3, {0.3: {"x": 30, "y": -30}, 0.5: {"x": 20, "y": 0, "z": -20}}))
    plain = rate(selection, Settings(), ("bradley-terry",))
    by_codec = rate(selection, Settings(anchor="y"), ("bradley-terry",))
    rows = table(ratings_csv(by_codec, selection, ("bradley-terry",)))
    assert [(row["anchor"], row["condition"] == row["anchor"]) for row in rows].count(("y@0.30", True)) == 1
    for row in rows:
        if row["condition"] == row["anchor"]:
            assert [row[name] for name in ("rating", "low", "high", "interval")] == ["0.000", "", "", "none"]
    (x,) = (row for row in rows if row["condition"] == "x@0.50")
    margin = plain[1].margin(0, 1)
    assert margin is not None
    assert float(str(x["rating"])) == pytest.approx(plain[1].rating[0] - plain[1].rating[1], abs=1e-3)
    assert float(str(x["high"])) - float(str(x["rating"])) == pytest.approx(margin, abs=2e-3)


def test_an_anchor_that_is_not_there_is_told(selected: Selected) -> None:
    selection = selected(vote_rows(3, {0.3: {"x": 30, "y": -30}, 0.5: {"x": 20, "y": 0}}))
    low, high = rate(selection, Settings(anchor="y@0.50"), ("bradley-terry",))
    assert low.problem == "no y@0.50 here to anchor the ratings at"
    assert (high.problem, high.anchor) == ("", 1)
    with pytest.raises(Refusal, match=r"no rated condition or codec is named w; name one of x@0.30, x@0.50, y@0.30"):
        rate(selection, Settings(anchor="w"), ("bradley-terry",))
    linked = selected(rated_pairs(*WHOLE, *BACK_AND_FORTH, left_codec="a"))
    (scale,) = rate(linked, Settings(anchor="a"), ("bradley-terry",))
    assert scale.problem == "a may mean a@0.3, a@0.5: name one of them to anchor the ratings at"


def test_ratings_by_themselves_leave_out_what_links_nothing(selected: Selected) -> None:
    """A caller that forgets `comparable` gets the ratings of each rate, not a common scale without a maximum."""
    selection = selected(rated_pairs(*WHOLE, BACK_AND_FORTH[0]))
    scales = rate(selection, Settings(), ("bradley-terry",))
    assert [(scale.name, scale.problem) for scale in scales] == [("0.3 bpp", ""), ("0.5 bpp", "")]
    assert [scale.counts.votes for scale in scales] == [2, 2]


def rated_pairs(*votes: tuple[str, str, str], **cells: object) -> Rows:
    """Rows of conditions named CODEC@RATE."""
    rows = pair_rows(*votes, **cells)
    for row in rows:
        row |= {f"{side}_rate": str(row[side]).split("@")[1] for side in ("left", "right")}
    return rows


WHOLE = [(f"a@{rate}", f"b@{rate}", side) for rate in (0.3, 0.5) for side in ("left", "right")]
BACK_AND_FORTH = [("a@0.3", "b@0.5", "left"), ("a@0.3", "b@0.5", "right")]


def test_one_vote_across_rates_takes_no_rating_away(selected: Selected) -> None:
    """It links all conditions, but was won one way: the common scale has no maximum, so each rate keeps its own."""
    selection = selected(rated_pairs(*WHOLE, BACK_AND_FORTH[0]))
    kept = comparable(selection)
    scales = rate(kept, Settings(elo=QUICK))
    assert [(scale.name, scale.problem) for scale in scales] == [("0.3 bpp", ""), ("0.5 bpp", "")]
    assert [(out.votes, out.reason) for out in kept.left_out] == [
        (1, "across rates that they put on no common scale: line 6")
    ]
    assert (len(selection.rated), len(kept.rated), kept.total) == (5, 4, 5)
    assert len(rate(comparable(selection, Model(ridge=0.1)), Settings(ridge=0.1, elo=QUICK))) == 1


def test_votes_across_rates_link_what_stands_by_itself(selected: Selected) -> None:
    selection = selected(rated_pairs(*WHOLE, *BACK_AND_FORTH))
    assert comparable(selection) is selection
    (scale,) = rate(selection, Settings(elo=QUICK))
    assert scale.problem == ""
    single = selected(rated_pairs(*WHOLE, *[("a@0.3", "c@0.7", side) for side in ("left", "right")]))
    kept = comparable(single)
    assert kept is single
    assert [scale.problem for scale in rate(kept, Settings(elo=QUICK))] == ["", ""]


def test_a_detour_over_another_rate_connects_no_rate(selected: Selected) -> None:
    """c@0.3 meets a@0.3 only by way of 0.5 bpp: connectedness is judged within a rate."""
    detour = [("c@0.3", "a@0.5", side) for side in ("left", "right")] * 4
    kept = comparable(selected(rated_pairs(*WHOLE, *BACK_AND_FORTH, *detour)))
    assert [scale.counts.rates for scale in rate(kept, Settings(elo=QUICK))] == [(0.3,), (0.5,)]
    assert kept.left_out[-1].votes == 10
    assert kept.left_out[-1].reason.endswith("line 6, 7, 8, 9, 10 and 5 more")


def test_nothing_but_votes_across_rates_is_refused(selected: Selected) -> None:
    votes = [(f"{a}@0.3", f"{b}@0.5", side) for a in "ab" for b in "ab" for side in ("left", "right")]
    with pytest.raises(Refusal, match="every vote compares across rates"):
        comparable(selected(rated_pairs(*votes)))
