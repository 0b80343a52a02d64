"""What a study knows of its raters, as files: each participant, each rule, and the ratings with and without."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from analysis.agreement import Agreement, agreement
from analysis.false_exclusion import LAPSE
from analysis.files import csv_text, number
from analysis.rating import Row, Scale, Settings, bounds, rate
from analysis.reliability import Reliability, reliability
from analysis.scales import points
from analysis.screening import Screening, screen
from analysis.selection import Selection
from analysis.votes import Item

RATERS_COLUMNS = tuple(
    """
    participant votes not_sure catches catches_right catch_accuracy catch_low catch_high
    identical identical_left identical_p repeats repeats_same consistency response_ms fast_share flips few_flips_share
    reliability likelihood distance excluded simulated votes_sha256
    """.split()
)
QUALITY_COLUMNS = tuple("participant rule value limit excluded flagged chosen trials simulated votes_sha256".split())
RULES_COLUMNS = tuple(
    "rule limit chosen participants flagged excluded false_exclusion how simulated votes_sha256".split()
)
SCREENED_COLUMNS = tuple(
    """
    rate condition codec rating low high votes kept_rating kept_low kept_high kept_votes interval kept_interval scale
    simulated votes_sha256
    """.split()
)
AGREEMENT_COLUMNS = tuple("alpha low high over rounds undefined units votes simulated votes_sha256".split())
FILES = ("quality.csv", "raters.csv", "rules.csv", "screened.csv", "agreement.csv")
MARK = "quality.csv"


@dataclass(frozen=True)
class Quality:
    """All that is known of the raters of a study. `with_all` and `with_kept` are its scales without and with screening.

    They are the same object where nobody is left out.
    """

    screening: Screening
    reliability: Reliability
    agreement: Agreement
    with_all: tuple[Scale, ...]
    with_kept: tuple[Scale, ...]


def quality(
    selection: Selection, chosen: Mapping[str, float], settings: Settings, *, lapse: float = LAPSE, seed: int = 1
) -> Quality:
    """Return what the votes say of their raters; `chosen` (rule -> limit) leaves participants out of `with_kept`.

    Raises `Refusal` as `screen` does.
    """
    with_all = rate(selection, settings, ("bradley-terry",))
    scales = tuple(scale.counts for scale in with_all)
    screening = screen(selection, chosen, lapse=lapse, seed=seed, scales=scales)
    with_kept = with_all
    if screening.kept is not selection:
        with_kept = rate(screening.kept, settings, ("bradley-terry",))
    return Quality(screening, reliability(scales), agreement(selection, seed=seed), with_all, with_kept)


def quality_files(found: Quality) -> dict[str, str]:
    """Return the files by name."""
    tables = {
        "quality.csv": (QUALITY_COLUMNS, quality_rows(found.screening)),
        "raters.csv": (RATERS_COLUMNS, rater_rows(found)),
        "rules.csv": (RULES_COLUMNS, rule_rows(found.screening)),
        "screened.csv": (SCREENED_COLUMNS, screened_rows(found)),
        "agreement.csv": (AGREEMENT_COLUMNS, [agreement_row(found)]),
    }
    made_from = {
        "simulated": found.screening.selection.rated.simulated,
        "votes_sha256": found.screening.selection.rated.sha256,
    }
    return {name: csv_text(columns, [{**row, **made_from} for row in rows]) for name, (columns, rows) in tables.items()}


def quality_rows(screening: Screening) -> Iterator[Row]:
    """Give a row for each participant and rule."""
    for place, name in enumerate(screening.raters.names):
        for verdict in screening.verdicts:
            yield {
                "participant": name,
                "rule": verdict.rule.name,
                "value": _text(verdict.value[place]),
                "limit": number(verdict.rule.limit),
                "excluded": bool(verdict.excluded[place]),
                "flagged": bool(verdict.flagged[place]),
                "chosen": verdict.rule.chosen,
                "trials": int(verdict.trials[place]),
            }


def rule_rows(screening: Screening) -> Iterator[Row]:
    """Give a row for each rule."""
    for verdict in screening.verdicts:
        yield {
            "rule": verdict.rule.name,
            "limit": number(verdict.rule.limit),
            "chosen": verdict.rule.chosen,
            "participants": verdict.checked,
            "flagged": int(verdict.flagged.sum()),
            "excluded": int(verdict.excluded.sum()),
            "false_exclusion": _text(verdict.false_exclusion),
            "how": verdict.how,
        }


def rater_rows(found: Quality) -> Iterator[Row]:
    """Give a row for each participant."""
    raters, crowd, left_out = found.screening.raters, found.reliability, found.screening.likelihood
    eta = dict(zip(crowd.participant.tolist(), crowd.eta.tolist(), strict=True))
    likely = dict(zip(left_out.participant.tolist(), zip(left_out.mean, left_out.distance, strict=True), strict=True))
    low, high = raters.catch_interval
    shares = {
        "catch_accuracy": raters.catch_accuracy,
        "catch_low": low,
        "catch_high": high,
        "identical_p": raters.identical_p,
        "consistency": raters.consistency,
        **{name: getattr(raters, name) for name in ("response_ms", "fast_share", "flips", "few_flips_share")},
    }
    whole = "votes not_sure catches catches_right identical identical_left repeats repeats_same".split()
    for place, (name, code) in enumerate(zip(raters.names, raters.participant.tolist(), strict=True)):
        mean, distance = likely.get(code, (None, None))
        yield {
            "participant": name,
            **{column: int(getattr(raters, column)[place]) for column in whole},
            **{column: _text(values[place]) for column, values in shares.items()},
            "reliability": _text(eta.get(code)),
            "likelihood": _text(mean),
            "distance": _text(distance),
            "excluded": bool(found.screening.excluded[place]),
        }


def screened_rows(found: Quality) -> Iterator[Row]:
    """Give a row for each rated condition, with its rating from all votes and from those of the kept participants."""
    kept = {item: row for scale in found.with_kept for item, row in _ratings(scale)}
    nothing: dict[str, object] = {"rating": "", "low": "", "high": "", "votes": 0, "interval": "none"}
    for scale in found.with_all:
        for item, row in _ratings(scale):
            other = kept.get(item, nothing)
            yield {
                "rate": number(item.rate),
                "condition": item.condition,
                "codec": item.codec,
                **{name: row[name] for name in ("rating", "low", "high", "votes", "interval")},
                **{f"kept_{name}": other[name] for name in ("rating", "low", "high", "votes", "interval")},
                "scale": scale.settings.unit,
            }


def _ratings(scale: Scale) -> Iterator[tuple[Item, dict[str, object]]]:
    items = scale.counts.items
    none = np.full(len(items), np.nan)
    values, low, high, over = bounds(scale, "bradley-terry") if scale.fit else (none, none, none, "none")
    for place in scale.order:
        yield (
            items[place],
            {
                "rating": points(values[place], scale.settings.unit),
                "low": points(low[place], scale.settings.unit),
                "high": points(high[place], scale.settings.unit),
                "votes": scale.counts.about(int(place))[0],
                "interval": "none" if np.isnan(low[place]) else over,
            },
        )


def agreement_row(found: Quality) -> Row:
    """Return the one row of `agreement.csv`."""
    agreed = found.agreement
    return {
        **{name: _text(getattr(agreed, name)) for name in ("alpha", "low", "high")},
        **{name: getattr(agreed, name) for name in ("over", "rounds", "undefined", "units", "votes")},
    }


def _text(value: float | None) -> str:
    return "" if value is None or np.isnan(value) else f"{value:.6g}"
