"""Metrics against votes: one that is the truth reaches the bound, noise stays at one half, learning is held out."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kendalltau, spearmanr

from analysis.files import Refusal
from analysis.metric_values import measure
from analysis.metrics import COMBINATION, MetricAgreement, Part, metric_agreement, told
from analysis.rating import Settings as RatingSettings
from analysis.rating import rate
from analysis.selection import Selection
from analysis.stimuli import read_stimuli
from tests.analysis.made_metrics import stimuli, study
from tests.analysis.made_votes import Rows, write_csv

Quality = Mapping[tuple[object, object], float]
Compare = Callable[..., MetricAgreement]
ALL = Part(None, None)


@pytest.fixture
def compare(selected: Callable[..., Selection], tmp_path: Path) -> Compare:
    def found(rows: Rows, shown: Rows, **options: object) -> MetricAgreement:
        table = read_stimuli(write_csv(tmp_path / "stimuli.csv", shown))
        return metric_agreement(selected(rows), lambda votes: measure(table, votes), **options)

    return found


def noisy(quality: Quality, seed: int, spread: float) -> dict[tuple[object, object], float]:
    rng = np.random.default_rng(seed)
    return {key: value + rng.normal(0, spread) for key, value in quality.items()}


def noise(quality: Quality, seed: int) -> dict[tuple[object, object], float]:
    return noisy(dict.fromkeys(quality, 0.0), seed, 1.0)


def test_the_truth_reaches_the_bound_and_noise_stays_at_one_half(compare: Compare) -> None:
    rows, quality, best = study(1, participants=20, votes=90)
    found = compare(rows, stimuli(rows, psnr=quality, ms_ssim=noise(quality, 99), lpips=quality))
    scores = {name: score.agreement for name, score in found.overall.items()}
    assert scores["psnr"].low < best < scores["psnr"].high
    assert scores["psnr"].value == pytest.approx(best, abs=0.02)
    assert scores["ms_ssim"].low < 0.5 < scores["ms_ssim"].high
    assert scores["lpips"].value == pytest.approx(1 - scores["psnr"].value)  # lower is better, so all is turned round
    bound = dict(found.yardsticks)[ALL]
    assert bound.best_prediction.low < best < bound.best_prediction.high
    assert bound.two_participants.value < bound.best_prediction.value
    assert scores[COMBINATION].value == pytest.approx(best, abs=0.03)


def test_the_interval_of_noise_covers_one_half(compare: Compare) -> None:
    covered = 0
    for seed in range(20):
        rows, quality, _ = study(seed, participants=6, votes=40)
        score = compare(rows, stimuli(rows, psnr=noise(quality, seed + 100)), rounds=2).overall["psnr"].agreement
        covered += score.low <= 0.5 <= score.high
    assert covered >= 17


def test_a_combination_is_better_than_its_parts_and_learns_no_noise(compare: Compare) -> None:
    rows, quality, best = study(3, participants=20, votes=90, sources=20)
    half = {"psnr": noisy(quality, 1, 1.2), "ms_ssim": noisy(quality, 2, 1.2)}
    better = compare(rows, stimuli(rows, **half)).overall
    alone = max(better[name].agreement.value for name in half)
    assert alone + 0.01 < better[COMBINATION].agreement.value < best
    nothing = compare(rows, stimuli(rows, psnr=noise(quality, 5), ms_ssim=noise(quality, 6))).overall[COMBINATION]
    assert nothing.agreement.low < 0.5 < nothing.agreement.high


def test_scores_are_counted_by_hand_ties_and_not_sure_half(compare: Compare) -> None:
    rows, quality, _ = study(4, participants=6, votes=40)
    coarse = {key: float(round(value)) for key, value in quality.items()}
    rows = [row | ({"choice": "not_sure"} if index % 5 == 0 else {}) for index, row in enumerate(rows)]
    points = []
    for row in rows:
        gap = coarse[row["source"], row["left"]] - coarse[row["source"], row["right"]]
        pressed = {"left": 1, "right": -1, "not_sure": 0}[str(row["choice"])]
        points.append(0.5 if gap * pressed == 0 else float(gap * pressed > 0))
    score = compare(rows, stimuli(rows, psnr=coarse)).overall["psnr"]
    assert score.agreement.value == pytest.approx(np.mean(points))
    assert 0 < score.ties < score.votes == len(rows)


def test_asking_for_the_worse_side_turns_nothing_round(compare: Compare) -> None:
    rows, quality, _ = study(5, participants=6, votes=40)
    other = {"left": "right", "right": "left"}
    turned = [row | {"asks_for": "more_different", "choice": other[str(row["choice"])]} for row in rows]
    shown = stimuli(rows, psnr=noisy(quality, 1, 0.5))
    assert compare(turned, shown).overall["psnr"].agreement == compare(rows, shown).overall["psnr"].agreement


def test_parts_are_rates_and_tags_with_ranks_as_scipy_has_them(
    compare: Compare, selected: Callable[..., Selection]
) -> None:
    rows, quality, _ = study(6, participants=10, votes=160, rates=(0.25, 0.5))
    shown = noisy(quality, 1, 0.5)
    found = compare(rows, stimuli(rows, psnr=shown))
    scores = {score.part: score for score in found.scores}
    assert set(scores) == {Part(rate, tag) for rate in (None, "0.25", "0.5") for tag in (None, "plain", "text")}
    assert "no vote links the rates" in scores[ALL].unranked
    part = scores[Part("0.5", "text")]
    inside = [row for row in rows if row["left_rate"] == 0.5 and row["tag"] == "text"]
    assert part.votes == len(inside)
    scale = rate(selected(inside), RatingSettings(), ("bradley-terry",))[0]
    names = [item.condition for item in scale.counts.items]
    seen = {(row["source"], row[side]) for row in inside for side in ("left", "right")}
    means = [np.mean([shown[key] for key in sorted(seen) if key[1] == name]) for name in names]
    assert part.kendall == pytest.approx(kendalltau(means, scale.rating).statistic)
    assert part.spearman == pytest.approx(spearmanr(means, scale.rating).statistic)
    assert part.conditions == 4


def test_small_parts_are_named_not_told(compare: Compare) -> None:
    rows, quality, _ = study(7, participants=6, votes=40)
    rows = [row | {"tag": "rare" if row["source"] == "photo-00" and row["participant"] < "p04" else ""} for row in rows]
    rows[0]["tag"] = "rare"
    found = compare(rows, stimuli(rows, psnr=quality))
    rare = next(score for score in found.scores if score.part.tag == "rare")
    assert rare.agreement is None
    assert "told from 30 votes of 5 participants on" in rare.reason


def adaptive(rows: Rows, blind: float) -> Rows:
    """Draw the pairs in which avif is, six times as often as others, but for a random share."""
    rng, drawn = np.random.default_rng(1), []
    for row in rows:
        if rng.random() < blind:
            drawn.append(row | {"strategy": "random"})
        elif "avif" in (row["left_codec"], row["right_codec"]) or rng.random() < 1 / 6:
            chance = 0.6 if "avif" in (row["left_codec"], row["right_codec"]) else 0.1
            drawn.append(row | {"strategy": "asap", "probability": chance})
    return drawn


def test_adaptive_votes_count_by_the_random_share_or_by_inverse_chances(compare: Compare) -> None:
    rows, quality, _ = study(8, participants=30, votes=120)
    of_avif = {key: value if str(key[1]).startswith("avif") else 0.0 for key, value in quality.items()}
    shown = stimuli(rows, psnr=of_avif)  # right about avif alone, so a plan that prefers avif flatters it
    truth = compare(rows, shown).overall["psnr"].agreement.value
    drawn = adaptive(rows, 0)
    weighted = compare(drawn, shown)
    assert weighted.weighting == "inverse_probability"
    assert weighted.overall["psnr"].agreement.value == pytest.approx(truth, abs=0.025)
    assert "take no weights" in dict(weighted.yardsticks)[ALL].reason
    naive = compare([row | {"strategy": "balanced"} for row in drawn], shown).overall["psnr"].agreement.value
    assert naive > truth + 0.03
    mixed = adaptive(rows, 0.3)
    share = compare(mixed, shown)
    assert share.weighting == "random_share"
    assert share.overall["psnr"].votes == sum(row["strategy"] == "random" for row in mixed)
    assert "random share" in share.selection.left_out[-1].reason
    with pytest.raises(Refusal, match=r"line 2, column probability: no chance between 0 and 1.*strategy asap"):
        compare([row | {"probability": ""} for row in drawn], shown)


def test_missing_values_leave_votes_out_of_a_metric_alone(compare: Compare) -> None:
    rows, quality, _ = study(9, participants=8, votes=60)
    shown = stimuli(rows, psnr=quality, lpips=quality, dists=quality)
    for place, row in enumerate(shown):
        row["lpips"] = "" if place % 8 == 0 else row["lpips"]
        row["dists"] = "" if place % 8 else row["dists"]
    shown[0]["psnr"] = "inf"
    found = compare(rows, shown)
    assert found.overall["psnr"].votes == len(rows)
    assert found.overall["lpips"].votes < len(rows)
    assert found.overall["lpips"].unranked == "the metric misses for some images"
    assert [metric.name for metric in found.combination.used] == ["psnr", "lpips"]
    assert found.combination.votes == found.overall[COMBINATION].votes == found.overall["lpips"].votes


@pytest.mark.parametrize(
    ("sources", "names", "said"), [(4, ("psnr", "lpips"), "4 sources are too few"), (12, ("psnr",), "fewer than two")]
)
def test_where_nothing_can_be_combined_it_is_said(
    compare: Compare, sources: int, names: tuple[str, ...], said: str
) -> None:
    rows, quality, _ = study(10, participants=6, votes=40, sources=sources)
    found = compare(rows, stimuli(rows, **dict.fromkeys(names, quality)))
    assert said in found.combination.reason
    assert COMBINATION not in found.overall


def test_the_same_seed_gives_the_same_and_one_line_tells_it(compare: Compare) -> None:
    rows, quality, _ = study(11, participants=8, votes=60)
    shown = stimuli(rows, psnr=noisy(quality, 1, 0.5), lpips=noisy(quality, 2, 0.5))
    one, same, other = (compare(rows, shown, seed=seed) for seed in (1, 1, 2))
    assert told(one) == told(same)
    assert told(one).startswith("Agreement with votes: psnr 0.")
    assert "best possible 0." in told(one)
    assert dict(one.yardsticks)[ALL] != dict(other.yardsticks)[ALL]
