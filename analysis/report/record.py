"""What a report was made from and with: settings.json, and report.json, which holds the numbers, too."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import version

import numpy as np

from analysis import __version__
from analysis.files import number
from analysis.findings import Findings
from analysis.fit import CAVEATS
from analysis.linking import unvoted
from analysis.metrics import told as metrics_told
from analysis.parts import FEWEST_PARTICIPANTS, FEWEST_VOTES
from analysis.rating import Scale
from analysis.recorded import Recorded
from analysis.report.tables import Row
from analysis.screening import reason
from analysis.telling import NO_VOTES
from analysis.verdicts import TESTS

Record = dict[str, object]


def record(findings: Findings, known: Recorded) -> Record:
    """Return what settings.json holds: all that the report depends on, and what was left out of it."""
    selection, asked, measures = findings.selection, findings.asked, findings.measures
    return {
        "made_by": "analysis report",
        "simulated": findings.simulated,
        "votes": {"file": selection.rated.path.name, "sha256": selection.rated.sha256, "rows": selection.total},
        "stimuli": {"file": measures.name, "sha256": measures.sha256} if measures else None,
        "sessions": {"file": asked.sessions.path.name, "sha256": asked.sessions.sha256} if asked.sessions else None,
        "beside": {
            "design": bool(known.design),
            "sessions": known.sessions.sha256 if known.sessions else None,
            "seen": dict(known.seen),
            "notes": list(known.notes),
        },
        "only": dict(selection.only),
        "asked": dict(selection.asked),
        "rated_votes": len(selection.rated),
        "left_out": [{"reason": out.reason, "votes": out.votes} for out in selection.left_out],
        "screen": dict(asked.screen),
        "excluded": excluded(findings),
        "primary": [list(pair) for pair in asked.primary],
        "lower": list(asked.lower),
        "higher": list(asked.higher),
        "no_metrics": findings.no_metrics or None,
        "not_rated": [{"scale": f"{number(rate)} bpp", "problem": NO_VOTES} for rate in unvoted(selection)]
        + [{"scale": scale.name, "problem": scale.problem} for scale in findings.scales if scale.problem],
        "settings": _settings(findings),
        "scales": [_scale(scale) for scale in findings.scales],
        "versions": versions(),
    }


def _settings(findings: Findings) -> Record:
    settings = findings.settings
    return {
        "method": settings.method,
        "ties": settings.model.ties,
        "resample": settings.over,
        "ridge": settings.ridge,
        "alpha": settings.alpha,
        "seed": settings.elo.seed,
        "fewest_votes": FEWEST_VOTES,
        "fewest_participants": FEWEST_PARTICIPANTS,
        "lapse": findings.quality.screening.lapse,
        "elo": asdict(settings.elo),
    }


def excluded(findings: Findings) -> list[str]:
    """Return who is left out by `--screen`, each with the rules that they fail."""
    screening = findings.quality.screening
    return [reason(screening, int(place)) for place in np.flatnonzero(screening.excluded)]


def _scale(scale: Scale) -> Record:
    counts, fit = scale.counts, scale.fit
    return {
        "name": scale.name,
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
        "elo_votes_replayed": scale.elo.replayed if scale.elo else None,
    }


def versions() -> dict[str, str]:
    """Return the versions of all that computes a report."""
    libraries = {name: version(name) for name in ("numpy", "pandas", "scipy", "Jinja2")}
    return {"conha": __version__, "python": platform.python_version(), **libraries}


def as_json(settings: Record, findings: Findings, tables: Mapping[str, list[Row]]) -> str:
    """Return report.json: how it was made, the findings in sentences, and the rows of every table, each on a line."""
    told = list(findings.judgement.told())
    if findings.metrics:
        told.append(metrics_told(findings.metrics).rstrip("."))
    content = {
        "simulated": findings.simulated,
        "made": settings,
        "findings": told,
        "notes": {**TESTS, **CAVEATS},
    }
    head = json.dumps(content, indent=1, allow_nan=False).removesuffix("\n}")
    told_rows = (
        f"  {json.dumps(name)}: [\n   " + ",\n   ".join(json.dumps(row, allow_nan=False) for row in rows) + "\n  ]"
        for name, rows in tables.items()
    )
    return head + ',\n "tables": {\n' + ",\n".join(told_rows) + "\n }\n}\n"
