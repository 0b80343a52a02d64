"""The files of `analysis metrics`: each table of docs/formats.md as text."""

from collections.abc import Iterator

import numpy as np

from analysis.combination import RIDGE
from analysis.files import csv_text
from analysis.metrics import COMBINATION, MetricAgreement
from analysis.rating import Row

MADE = "simulated votes_sha256 stimuli_sha256"
METRICS_COLUMNS = tuple(
    f"""
    metric better rate tag score low high interval degrees_of_freedom votes ties participants sources
    kendall spearman conditions weights reason not_ranked {MADE}
    """.split()
)
YARDSTICKS_COLUMNS = tuple(f"yardstick rate tag value low high precision cells telling reason {MADE}".split())
COMBINATION_COLUMNS = tuple(f"metric weight weight_low weight_high spread folds ridge seed votes reason {MADE}".split())
FILES = ("metrics.csv", "yardsticks.csv", "combination.csv")
MARK = "metrics.csv"


def metric_files(found: MetricAgreement, stimuli_sha256: str) -> dict[str, str]:
    """Return the files by name; the same votes, stimuli and seed give the same text."""
    rated = found.selection.rated
    made = {"simulated": rated.simulated, "votes_sha256": rated.sha256, "stimuli_sha256": stimuli_sha256}
    tables = {
        "metrics.csv": (METRICS_COLUMNS, metric_rows(found)),
        "yardsticks.csv": (YARDSTICKS_COLUMNS, yardstick_rows(found)),
        "combination.csv": (COMBINATION_COLUMNS, combination_rows(found)),
    }
    return {name: csv_text(columns, ({**row, **made} for row in rows)) for name, (columns, rows) in tables.items()}


def metric_rows(found: MetricAgreement) -> Iterator[Row]:
    """Give a row for each metric and part of the votes."""
    better = {metric.name: "lower" if metric.lower else "higher" for metric in found.metrics}
    for score in found.scores:
        mean = score.agreement
        yield {
            "metric": score.metric,
            "better": better.get(score.metric, ""),
            "rate": score.part.rate,
            "tag": score.part.tag,
            "score": _text(mean.value if mean else np.nan),
            "low": _text(mean.low if mean else np.nan),
            "high": _text(mean.high if mean else np.nan),
            "interval": mean.over if mean else "none",
            "degrees_of_freedom": mean.degrees if mean and mean.degrees else None,
            "votes": score.votes,
            "ties": score.ties,
            "participants": score.participants,
            "sources": score.sources,
            "kendall": _text(score.kendall),
            "spearman": _text(score.spearman),
            "conditions": score.conditions or None,
            "weights": found.weighting,
            "reason": score.reason or (mean.reason if mean else ""),
            "not_ranked": score.unranked,
        }


def yardstick_rows(found: MetricAgreement) -> Iterator[Row]:
    """Give a row for each yardstick and part of the votes."""
    for part, both in found.yardsticks:
        for name in ("two_participants", "best_prediction"):
            bound = getattr(both, name)
            yield {
                "yardstick": name,
                "rate": part.rate,
                "tag": part.tag,
                **{end: _text(getattr(bound, end)) for end in ("value", "low", "high")},
                "precision": _text(both.precision),
                "cells": both.cells,
                "telling": both.telling,
                "reason": both.reason,
            }


def combination_rows(found: MetricAgreement) -> Iterator[Row]:
    """Give a row for each metric of the combination, or one that says why there is none."""
    made = found.combination
    settings = {"ridge": RIDGE, "seed": made.seed, "votes": made.votes}
    if made.held_out is None:
        nothing = dict.fromkeys(("weight", "weight_low", "weight_high", "spread", "folds"))
        yield {"metric": COMBINATION, **nothing, **settings, "reason": made.reason}
        return
    every = np.array([fit.weight for fit in made.held_out.folds])
    for place, metric in enumerate(made.used):
        yield {
            "metric": metric.name,
            "weight": _text(made.held_out.everything.weight[place]),
            "weight_low": _text(every[:, place].min()),
            "weight_high": _text(every[:, place].max()),
            "spread": _text(made.held_out.everything.spread[place]),
            "folds": len(every),
            **settings,
            "reason": "",
        }


def record(found: MetricAgreement) -> dict[str, object]:
    """Return what `--json` prints: the rows of the files, and what was left out."""
    rated = found.selection.rated
    return {
        "simulated": rated.simulated,
        "rated_votes": len(rated),
        "left_out": [{"reason": one.reason, "votes": one.votes} for one in found.selection.left_out],
        "not_used": list(found.unused),
        "metrics": [_numbers(row) for row in metric_rows(found)],
        "yardsticks": [_numbers(row) for row in yardstick_rows(found)],
        "combination": [_numbers(row) for row in combination_rows(found)],
        "votes_sha256": rated.sha256,
    }


TEXTS = frozenset("score low high kendall spearman value precision weight weight_low weight_high spread".split())


def _numbers(row: Row) -> dict[str, object]:
    """Return a row with numbers for their text, and null for an empty one."""
    return {name: (float(str(cell)) if cell else None) if name in TEXTS else cell for name, cell in row.items()}


def _text(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.6g}"
