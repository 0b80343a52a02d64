"""Verdicts: tests that agree with intervals, families that keep their level, ranks that hold."""

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import SeedSequence
from scipy.stats import t as student

from analysis.covariance import covariance
from analysis.files import Refusal
from analysis.judgement import judge
from analysis.multiplicity import holm
from analysis.rating import ALPHA, Settings, rate
from analysis.selection import Selection
from analysis.sign_flip import flip_tests
from analysis.verdicts import TESTS, Rank, Verdict, judged, ranks, told
from tests.analysis.made_studies import scale_of, study_of
from tests.analysis.made_votes import pair_rows, vote_rows

Selected = Callable[..., Selection]
TRUTH = {0.3: {"x": 80, "y": 0, "z": -80}, 0.5: {"x": 60, "y": 50, "z": -110}}
METHODS = ("bradley-terry",)


def test_a_verdict_is_the_interval_told_otherwise(selected: Selected) -> None:
    scales = rate(selected(vote_rows(5, TRUTH, votes=40)), Settings(), METHODS)
    every = judged(scales)
    assert [len(one.verdicts) for one in every] == [3, 3]
    for one in every:
        cov, rating = covariance(one.scale), one.scale.rating
        for verdict in one.verdicts:
            a, b = verdict.better, verdict.other
            assert verdict.difference == pytest.approx(rating[a] - rating[b])
            assert verdict.difference >= 0
            error = np.sqrt(cov[a, a] + cov[b, b] - 2 * cov[a, b])
            assert verdict.degrees is not None
            assert verdict.p == pytest.approx(2 * student.sf(verdict.difference / error, verdict.degrees))
            assert verdict.margin is not None
            assert (verdict.p < ALPHA) == (verdict.difference > verdict.margin)
            (pair,) = np.flatnonzero((one.scale.counts.first == min(a, b)) & (one.scale.counts.second == max(a, b)))
            cells = one.scale.counts.table[pair].tolist()
            won, lost = cells[:2] if a < b else cells[1::-1]
            assert (verdict.won, verdict.lost, verdict.not_sure) == (won, lost, cells[2])
            assert (
                verdict.participants
                == flip_tests(one.scale.counts, one.scale.counts.participant, SeedSequence(1))[pair]
            )
    flat = [verdict for one in every for verdict in one.verdicts]
    assert [verdict.holm for verdict in flat] == pytest.approx(holm(np.array([verdict.p for verdict in flat])))
    assert all(verdict.fdr <= verdict.holm for verdict in flat)
    assert all(verdict.participants_fdr <= verdict.participants_holm for verdict in flat)
    differences = [verdict.difference for verdict in every[0].verdicts]
    assert differences == sorted(differences, reverse=True)


def test_names_and_sides_change_nothing(selected: Selected) -> None:
    """The same votes with every pair the other way round, and with names in another order of the alphabet."""
    rows = vote_rows(5, TRUTH, votes=40, not_sure=0.1)
    (plain, _) = judged(rate(selected(rows), Settings(), METHODS))
    turned = [dict(row) for row in rows]
    for row in turned:
        for name in ("", "_codec", "_rate", "_sha256"):
            row[f"left{name}"], row[f"right{name}"] = row[f"right{name}"], row[f"left{name}"]
        row["choice"] = {"left": "right", "right": "left"}.get(str(row["choice"]), "not_sure")
    names = {"x": "m", "y": "z", "z": "a"}
    named = [dict(row) for row in rows]
    for row in named:
        for side in ("left", "right"):
            codec = names[str(row[f"{side}_codec"])]
            row |= {side: f"{codec}@{row[f'{side}_rate']:.2f}", f"{side}_codec": codec}
    for other, back in ((turned, {}), (named, {new: old for old, new in names.items()})):
        (found, _) = judged(rate(selected(other), Settings(), METHODS))
        for one, two in zip(plain.verdicts, found.verdicts, strict=True):
            pairs = []
            for judgement, verdict in ((plain, one), (found, two)):
                items = judgement.scale.counts.items
                pairs.append([items[at].codec for at in (verdict.better, verdict.other)])
            assert pairs[0] == [back.get(codec, codec) for codec in pairs[1]]
            assert (two.difference, two.margin, two.p) == pytest.approx((one.difference, one.margin, one.p))
            assert (two.won, two.lost, two.not_sure) == (one.won, one.lost, one.not_sure)
            assert (two.participants, two.sources, two.word) == (one.participants, one.sources, one.word)


def test_named_pairs_are_a_family_of_their_own(selected: Selected) -> None:
    scales = rate(selected(vote_rows(5, TRUTH, votes=40)), Settings(), METHODS)
    flat = [verdict for one in judged(scales, [("y", "x")]) for verdict in one.verdicts]
    primary = [verdict for verdict in flat if verdict.confirmatory]
    assert len(primary) == 2
    assert {verdict.family for verdict in primary} == {"confirmatory"}
    assert [verdict.holm for verdict in primary] == pytest.approx(holm(np.array([verdict.p for verdict in primary])))
    other = [verdict for verdict in flat if not verdict.confirmatory]
    assert [verdict.holm for verdict in other] == pytest.approx(holm(np.array([verdict.p for verdict in other])))
    exact = [verdict for one in judged(scales, [("x@0.30", "z@0.30")]) for verdict in one.verdicts]
    assert sum(verdict.confirmatory for verdict in exact) == 1
    assert any("no pair was named beforehand" in line for line in told(judged(scales)))
    assert any(line.startswith("confirmatory: ") for line in told(judged(scales, [("x", "y")])))


@pytest.mark.parametrize("pair", [("x", "nobody"), ("x@0.30", "x@0.50"), ("x@0.30", "x@0.30")])
def test_a_named_pair_that_is_on_no_scale_is_refused(selected: Selected, pair: tuple[str, str]) -> None:
    scales = rate(selected(vote_rows(5, TRUTH)), Settings(), METHODS)
    with pytest.raises(Refusal, match=r"no votes put .* on one scale; name two rated conditions or codecs"):
        judged(scales, [pair])


def test_a_named_pair_without_a_test_still_counts(selected: Selected) -> None:
    """At 0.9 bpp all votes went one way, so there are no ratings; the family has three members all the same."""
    rows = vote_rows(5, TRUTH, votes=40)
    lost = vote_rows(6, {0.9: {"x": 0, "y": 0}}, votes=4)
    for row in lost:
        row["vote"] = int(str(row["vote"])) + len(rows)
        row["choice"] = "left" if row["left_codec"] == "x" else "right"
    every = judged(rate(selected(rows + lost), Settings(), METHODS), [("x", "y")])
    flat = [verdict for one in every for verdict in one.verdicts if verdict.confirmatory]
    p = np.array([verdict.p for verdict in flat])
    assert np.isnan(p).sum() == 1
    assert [verdict.word for verdict in flat].count("untested") == 1
    assert np.nanmin([verdict.holm for verdict in flat]) == pytest.approx(min(3 * np.nanmin(p), 1))
    (unrated,) = (one for one in every if not one.scale.fit)
    assert unrated.ranks == ()
    assert len(unrated.verdicts) == 1
    assert any("1 without a test" in line for line in told(every))


def test_one_participant_gets_no_verdict(selected: Selected) -> None:
    votes = [("a", "b", side) for side in ("left", "right")] * 3
    rows = [row | {"participant": "p", "source": "s"} for row in pair_rows(*votes)]
    (one,) = judged(rate(selected(rows), Settings(), METHODS))
    assert [(verdict.word, verdict.sources) for verdict in one.verdicts] == [("untested", None)]
    assert one.ranks == (Rank(1, 1, 2, 2), Rank(1, 1, 2, 2))


def a_verdict(better: int, other: int, p: float) -> Verdict:
    return Verdict(better, other, 1.0, 1.0, 9, p, 0, 0, 0, None, None)


@given(st.permutations(range(4)), st.lists(st.sampled_from([0.001, 0.02, 0.5, np.nan]), min_size=6, max_size=6))
def test_rank_intervals_hold_every_order_that_the_verdicts_leave(order: list[int], ps: list[float]) -> None:
    """Ranks of all orders of four items that contradict no verdict lie in the intervals, and so do those observed."""
    counts = study_of(np.zeros(4), 1, votes=100)
    scale = scale_of(counts)
    place = np.argsort(np.argsort(-np.round(scale.rating, 6), kind="stable"))
    names = np.argsort(place)  # items from best to worst
    verdicts = [
        a_verdict(int(names[a]), int(names[b]), p) for (a, b), p in zip(np.ndindex(4, 4), ps, strict=False) if a < b
    ]
    found = ranks(scale, verdicts)
    known = [v for v, p in zip(verdicts, holm(np.array([v.p for v in verdicts])), strict=True) if p <= ALPHA]
    for ordered in permutations(range(4)):
        if all(ordered.index(v.better) < ordered.index(v.other) for v in known):
            for item, rank in enumerate(found):
                assert rank.low <= 1 + ordered.index(item) <= rank.high
    assert [rank.rank for rank in found] == [1 + int(at) for at in place]


def test_a_clear_order_has_exact_ranks() -> None:
    scale = scale_of(study_of(np.array([-400.0, 0.0, 400.0]), 3, votes=3000))
    (one,) = judged((scale,))
    assert [(rank.rank, rank.low, rank.high) for rank in one.ranks] == [(3, 3, 3), (2, 2, 2), (1, 1, 1)]


def false_alarms(studies: int, **kind: float) -> tuple[float, float, float]:
    """Shares of studies of four equals: with any verdict; with one pair's p below 5%, and its sign flips'."""
    any_, one, flips = 0, 0, 0
    for seed in range(studies):
        (found,) = judged((scale_of(study_of(np.zeros(4), 100 + seed, votes=600, **kind)),))
        any_ += any(verdict.word == "better" for verdict in found.verdicts)
        (pair,) = (verdict for verdict in found.verdicts if {verdict.better, verdict.other} == {0, 1})
        one += pair.p < ALPHA
        assert pair.participants is not None
        flips += pair.participants.p < ALPHA
    return any_ / studies, one / studies, flips / studies


@pytest.mark.parametrize("kind", [{}, {"taste": 80}, {"taste": 80, "images": 150}])
def test_one_look_at_a_true_tie_keeps_its_level(kind: dict[str, float]) -> None:
    """200 studies each: at most 5% have any verdict, 5% of one pair's p are below 0.05, but for chance (3 se: 4.6%)."""
    any_, one, flips = false_alarms(200, **kind)
    assert any_ <= 0.096
    assert one <= 0.096
    if "images" not in kind:
        assert flips <= 0.096


def test_sign_flips_by_participant_do_not_speak_for_other_images() -> None:
    """What the report says of them: where images differ a tie over all images is found to be none, far too often."""
    _, one, flips = false_alarms(60, images=150)
    assert flips > 0.2
    assert one <= 0.15
    assert "holds these images fixed" in TESTS["p_participants"]
    assert "quarter" in TESTS["looks"]


@pytest.mark.parametrize("alpha", [0.2, 0.0125, 1e-9])
def test_verdicts_and_ranks_keep_the_level_that_they_are_given(selected: Selected, alpha: float) -> None:
    selection = selected(vote_rows(5, TRUTH, votes=40))
    usual, asked = (judged(rate(selection, Settings(alpha=level), METHODS)) for level in (ALPHA, alpha))
    for one, other in zip(usual, asked, strict=True):
        assert [replace(verdict, alpha=alpha) for verdict in one.verdicts] == list(other.verdicts)
        assert [verdict.word == "better" for verdict in other.verdicts] == [v.holm <= alpha for v in other.verdicts]
        sure = holm(np.array([verdict.p for verdict in other.verdicts])) <= alpha
        for item, rank in enumerate(other.ranks):
            assert rank.low - 1 == sum(one.other == item for one, yes in zip(other.verdicts, sure, strict=True) if yes)
    assert f"by Holm's p at {100 * alpha:g}%" in next(iter(told(asked)))


def test_signs_and_made_votes_are_drawn_from_streams_of_their_own(
    selected: Selected, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The children of the seed: no stream of the verdicts begins as one of the checks, nor as a child of theirs."""
    seen: dict[str, SeedSequence] = {}

    def heard(_: object, __: object, seed: SeedSequence, *___: object) -> tuple[()]:
        seen["signs"] = seed
        return ()

    def checks(*_: object, seed: SeedSequence) -> tuple[()]:
        seen["votes"] = seed
        return ()

    monkeypatch.setattr("analysis.judgement.judged", heard)
    monkeypatch.setattr("analysis.judgement.checked", checks)
    judge(selected(vote_rows(5, TRUTH, votes=20)), Settings(), seed=7)
    firsts = [
        tuple(stream.generate_state(4))
        for root in (SeedSequence(7), *seen.values())
        for stream in (root, *root.spawn(3))
        if root.spawn_key or stream is root
    ]
    assert [seen[name].spawn_key for name in ("signs", "votes")] == [(0,), (1,)]
    assert len(set(firsts)) == len(firsts) == 9
