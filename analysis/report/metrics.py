"""Metrics against people, on the page: scores, yardsticks, parts of the votes, and the learned combination."""

from analysis.findings import Findings
from analysis.metrics import COMBINATION
from analysis.report.tables import Context, Shown, Tables
from analysis.yardsticks import ROUNDS


def metrics_context(findings: Findings, tables: Tables) -> Context:
    """Return what the section on metrics tells; `why` where there is nothing."""
    found = findings.metrics
    if found is None:
        return {"why": findings.no_metrics}
    rows, bounds = tables["metrics"], tables["yardsticks"]
    overall = [row for row in rows if row["rate"] is None and row["tag"] is None]
    return {
        "why": "",
        "overall": sorted(overall, key=lambda row: -float(row["score"] or 0)),
        "parts": Shown([row for row in rows if row["rate"] is not None or row["tag"] is not None]),
        "yardsticks": [row for row in bounds if row["rate"] is None and row["tag"] is None],
        "part_yardsticks": Shown([row for row in bounds if row["rate"] is not None or row["tag"] is not None]),
        "reasons": sorted(
            {
                str(row["reason"])
                for row in [*overall, *bounds]
                if row["reason"] and row["rate"] is None and row["tag"] is None
            }
        ),
        "overs": sorted({str(row["interval"]) for row in overall}),
        "combination": tables["combination"],
        "combined": found.combination.held_out is not None,
        "name": COMBINATION,
        "weighting": found.weighting,
        "rounds": sorted({bound.rounds for _, bound in found.yardsticks if bound.rounds}),
        "most_rounds": ROUNDS,
        "unused": found.unused,
        "votes": len(found.selection.rated),
    }
