"""The ratings on the page: pictures, tables and the win matrix of each scale."""

import re

from analysis.findings import Findings
from analysis.intervals import FEW_DEGREES, REACH
from analysis.rating import Scale, bounds
from analysis.report.tables import METHODS, Context
from analysis.report.words import title
from analysis.stimuli import METRICS, Measures
from analysis.verdicts import Judged

NAMES = {"bpp": "mean bpp", "psnr": "PSNR, dB", "ms_ssim": "MS-SSIM"}


def ratings_context(findings: Findings) -> Context:
    """Return what the section on ratings tells."""
    measures, scales = findings.measures, findings.scales
    means = measures.mean.values() if measures else []
    metrics = [name for name in METRICS if any(name in row for row in means)]
    return {
        "scales": [_scale(one, findings.measures) for one in findings.judgement.judged],
        "metrics": metrics,
        "columns": [NAMES[name] for name in metrics],
        "linked": any(scale.fit and len(scale.counts.rates) > 1 for scale in scales),
        "rated": any(scale.fit for scale in scales),
    }


def _scale(judged: Judged, measures: Measures | None) -> Context:
    scale, counts = judged.scale, judged.scale.counts
    context: Context = {
        "name": scale.name,
        "title": title(scale.name),
        "first": _ranked_first(judged),
        "linked": len(counts.rates) > 1,
        "problem": scale.problem,
        "counts": counts,
        "ridge": scale.fit.ridge if scale.fit else 0.0,
        "reach": REACH[scale.over],
        "over": scale.over,
        "reason": scale.reason,
        "alone": scale.alone,
        "degrees": scale.uncertainty.degrees if scale.uncertainty else None,
        "uneven": scale.uncertainty is not None and scale.uncertainty.uneven,
        "few": scale.uncertainty is not None and scale.uncertainty.degrees < FEW_DEGREES,
        "matrix": _matrix(scale),
    }
    if scale.fit:
        context["rows"] = _rows(scale, measures)
    return context


def _ranked_first(judged: Judged) -> list[str]:
    """Return the conditions whose interval of ranks begins at 1, in the order of their ratings."""
    items, ranks = judged.scale.counts.items, judged.ranks
    return [items[item].condition for item in judged.scale.order if ranks and ranks[item].low == 1]


def _rows(scale: Scale, measures: Measures | None) -> list[Context]:
    """Return the rows of the ratings table, best first."""
    (values, lows, highs, _), (elo, elo_low, elo_high, _) = (bounds(scale, method) for method in METHODS)
    rows: list[Context] = []
    for index in scale.order:
        item = scale.counts.items[index]
        rows.append(
            {
                "condition": item.condition,
                "bradley_terry": [float(ends[index]) for ends in (values, lows, highs)],
                "elo": [float(ends[index]) for ends in (elo, elo_low, elo_high)],
                "counts": scale.counts.about(int(index)),
                "metrics": dict(measures.mean[item.rate, item.condition]) if measures else {},
            }
        )
    return rows


def _matrix(scale: Scale) -> list[Context]:
    """Return the rows of the win matrix in the order of the ratings: won how many of how many votes, and the share."""
    counts, place = scale.counts, {item: at for at, item in enumerate(scale.order.tolist())}
    names = [counts.items[item].condition for item in scale.order]
    cells: list[list[Context | None]] = [[None] * len(names) for _ in names]
    for a, b, (a_won, b_won, not_sure) in zip(
        counts.first.tolist(), counts.second.tolist(), counts.table.tolist(), strict=True
    ):
        total = a_won + b_won + not_sure
        for one, other, won in ((a, b, a_won), (b, a, b_won)):
            share = (won + not_sure / 2) / total
            cells[place[one]][place[other]] = {"won": won, "total": total, "share": share}
    # a narrow column may break a name after its marks
    pieces = [re.findall(r"[^_@/-]*[_@/-]|[^_@/-]+", name) for name in names]
    rows = zip(names, pieces, cells, strict=True)
    return [{"name": name, "pieces": split, "cells": row} for name, split, row in rows]
