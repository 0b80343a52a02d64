"""One page that opens offline, with the tables behind it: everything is computed before, here it is told."""

import hashlib
import json
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

import jinja2
import numpy as np

from analysis import __version__, pictures
from analysis.checks import catches, left_presses
from analysis.files import number
from analysis.intervals import FEW_DEGREES, REACH
from analysis.rating import Scale, Settings, bounds, ratings_csv, wins_csv
from analysis.selection import Selection
from analysis.stimuli import Measures

PAGE, MARK = "report.html", "settings.json"
FILES = (PAGE, "ratings.csv", "wins.csv", MARK)
METHODS = ("bradley-terry", "elo")
TEMPLATES = Path(__file__).parent / "templates"

QUESTIONS = {
    "prefer": "which of two images is preferred",
    "closer": "which of two images is closer to the original",
    "more_different": "which of two images differs more from the original (the other one counts as the winner)",
    "": "not stated in the votes",
}
REFERENCES = {
    "always": "the original was always in view",
    "on_demand": "the original was shown on demand",
    "never": "the original was never shown",
    "": "whether the original was in view is not stated in the votes",
}

Context = dict[str, object]


def report_files(
    selection: Selection, scales: Sequence[Scale], settings: Settings, measures: Measures | None
) -> dict[str, str]:
    """Return the files of a report by name. The same votes and settings give the same text, whenever and wherever."""
    tables = {"ratings.csv": ratings_csv(scales, selection, METHODS), "wins.csv": wins_csv(scales, selection)}
    record = _record(selection, scales, settings, measures)
    record["files"] = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in tables.items()}
    page = _page(selection, scales, settings, measures)
    return {PAGE: page, **tables, MARK: json.dumps(record, indent=1) + "\n"}


def _record(
    selection: Selection, scales: Sequence[Scale], settings: Settings, measures: Measures | None
) -> dict[str, object]:
    """Return what settings.json holds: all that the report depends on, and what was left out of it."""
    return {
        "made_by": "analysis report",
        "simulated": selection.rated.simulated,
        "votes": {"file": selection.rated.path.name, "sha256": selection.rated.sha256, "rows": selection.total},
        "stimuli": {"file": measures.name, "sha256": measures.sha256} if measures else None,
        "only": dict(selection.only),
        "asked": dict(selection.asked),
        "rated_votes": len(selection.rated),
        "left_out": [{"reason": out.reason, "votes": out.votes} for out in selection.left_out],
        "settings": {
            "resample": settings.over,
            "ridge": settings.ridge,
            "elo": {
                name: getattr(settings.elo, name) for name in ("start", "k", "rounds", "seed", "replay", "summary")
            },
        },
        "scales": [_scale_record(scale) for scale in scales],
        "versions": _versions(),
    }


def _scale_record(scale: Scale) -> dict[str, object]:
    counts, fit = scale.counts, scale.fit
    return {
        "rates": [number(rate) for rate in counts.rates],
        "conditions": [item.condition for item in counts.items],
        "votes": counts.votes,
        "participants": counts.participants,
        "sources": counts.sources,
        "problem": scale.problem or None,
        "interval": scale.over,
        "interval_reason": scale.reason or None,
        "without_interval": scale.alone or None,
        "degrees_of_freedom": scale.uncertainty.degrees if scale.uncertainty else None,
        "davidson_nu": round(float(np.exp(fit.log_nu)), 6) if fit and fit.log_nu is not None else None,
    }


def _versions() -> dict[str, str]:
    libraries = {name: version(name) for name in ("numpy", "pandas", "scipy", "Jinja2")}
    return {"conha": __version__, "python": platform.python_version(), **libraries}


def _page(selection: Selection, scales: Sequence[Scale], settings: Settings, measures: Measures | None) -> str:
    items = [item for scale in scales for item in scale.counts.items]
    palette = pictures.colours(items)
    votes = selection.rated
    return (
        _environment()
        .get_template("report.html.jinja")
        .render(
            title=selection.asked["study"] or votes.path.stem,
            simulated=votes.simulated,
            question=QUESTIONS[selection.asked["asks_for"]],
            reference=REFERENCES[selection.asked["reference"]],
            selection=selection,
            participants=len(np.unique(votes.participant)),
            sources=len(np.unique(votes.source[votes.source >= 0])),
            conditions=len(items),
            scales=[_scale_context(scale, selection, palette, measures) for scale in scales],
            metrics=[
                name
                for name in ("bpp", "psnr", "ms_ssim")
                if measures and any(name in row for row in measures.mean.values())
            ],
            panels=pictures.rate_panels(scales, measures, palette) if measures else [],
            catches=catches(selection),
            left_presses=left_presses(selection),
            sides_known=selection.asked["layout"] != "unknown",
            tied=any(scale.fit and scale.fit.log_nu is not None for scale in scales),
            linked=any(scale.fit and len(scale.counts.rates) > 1 for scale in scales),
            overs={scale.over for scale in scales if scale.uncertainty},
            ridge=any(scale.fit and scale.fit.ridge for scale in scales),
            rated=any(scale.fit for scale in scales),
            settings=settings,
            measures=measures,
            versions=_versions(),
        )
    )


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _scale_context(
    scale: Scale, selection: Selection, palette: Mapping[str, str], measures: Measures | None
) -> Context:
    counts = scale.counts
    context: Context = {
        "name": scale.name,
        "linked": len(counts.rates) > 1,
        "problem": scale.problem,
        "counts": counts,
        "ridge": scale.fit.ridge if scale.fit else 0.0,
        "nu": float(np.exp(scale.fit.log_nu)) if scale.fit and scale.fit.log_nu is not None else None,
        "reach": REACH[scale.over],
        "over": scale.over,
        "reason": scale.reason,
        "alone": scale.alone,
        "degrees": scale.uncertainty.degrees if scale.uncertainty else None,
        "uneven": scale.uncertainty is not None and scale.uncertainty.uneven,
        "few": scale.uncertainty is not None and scale.uncertainty.degrees < FEW_DEGREES,
        "matrix": _matrix(scale),
        "strips": pictures.strips(scale, selection.rated.sources, palette) if counts.sources > 1 else None,
    }
    if scale.fit:
        spread = np.concatenate([ends for method in METHODS for ends in bounds(scale, method)[:3]])
        context["pictures"] = {method: pictures.whiskers(scale, method, spread, palette) for method in METHODS}
        context["rows"] = _rows(scale, measures)
        context["differences"] = _differences(scale)
    return context


def _rows(scale: Scale, measures: Measures | None) -> list[Context]:
    """Return the rows of the ratings table, best first."""
    (values, lows, highs, _), (elo, elo_low, elo_high, _) = (bounds(scale, method) for method in METHODS)
    rows: list[Context] = []
    for index in scale.order:
        item = scale.counts.items[index]
        votes, participants, sources = scale.counts.about(int(index))
        rows.append(
            {
                "condition": item.condition,
                "bradley_terry": [_whole(ends[index]) for ends in (values, lows, highs)],
                "elo": [_whole(ends[index]) for ends in (elo, elo_low, elo_high)],
                "counts": [votes, participants, sources],
                "metrics": dict(measures.mean[item.rate, item.condition]) if measures else {},
            }
        )
    return rows


def _differences(scale: Scale) -> list[list[str]]:
    """Return, for each two conditions, the better, the other, the difference and both ends of its interval."""
    order, names = scale.order.tolist(), [item.condition for item in scale.counts.items]
    rows = []
    for place, better in enumerate(order):
        for other in order[place + 1 :]:
            difference = scale.rating[better] - scale.rating[other]
            margin = scale.margin(better, other)
            ends = [difference - margin, difference + margin] if margin is not None else [np.nan, np.nan]
            rows.append([names[better], names[other], *map(_whole, [difference, *ends])])
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
            cell: Context = {
                "won": won,
                "total": total,
                "percent": f"{100 * share:.0f}",
                "shade": pictures.shade(share),
            }
            cells[place[one]][place[other]] = cell
    # a narrow column may break a name after its marks
    pieces = [re.findall(r"[^_@/-]*[_@/-]|[^_@/-]+", name) for name in names]
    rows = zip(names, pieces, cells, strict=True)
    return [{"name": name, "pieces": split, "cells": row} for name, split, row in rows]


def _whole(value: float) -> str:
    """Return whole Elo points with a plain minus, so that a spreadsheet reads them; empty for NaN."""
    return "" if np.isnan(value) else str(round(float(value)))
