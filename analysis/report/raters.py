"""The raters on the page: catch, identical and repeat trials, times, exclusion rules, ratings with and without."""

import numpy as np

from analysis.checks import catches, left_presses
from analysis.findings import Findings
from analysis.report.record import excluded
from analysis.report.tables import Context, Shown, Tables
from analysis.rules import RULES
from analysis.selection import Selection

SHOWN = 200  # participants


def raters_context(findings: Findings, tables: Tables) -> Context:
    """Return what the section on the raters tells."""
    screening, everybody = findings.quality.screening, findings.everybody
    meaning = {rule.name: rule.meaning for rule in RULES}
    flagged = {row["participant"] for row in tables["quality"] if row["flagged"]}
    people = tables["raters"]
    if len(people) > SHOWN:
        people = sorted(people, key=lambda row: row["participant"] not in flagged)
    return {
        "participants": len(tables["raters"]),
        "overall": screening.raters.overall,
        "catches": catches(everybody),
        "left_presses": left_presses(everybody),
        "sides_known": everybody.asked["layout"] != "unknown",
        "times": _times(everybody),
        "rules": [{**row, "meaning": meaning[str(row["rule"])]} for row in tables["rules"]],  # type: ignore[index]
        "chosen": [row for row in tables["rules"] if row["chosen"]],
        "excluded": excluded(findings),
        "honest_lost": screening.honest_lost,
        "lapse": screening.lapse,
        "flagged": len(flagged),
        "people": Shown(people, SHOWN),
        "screened": Shown(tables["screened"]),
        "agreement": tables["agreement"][0],
        "reliability_finished": findings.quality.reliability.finished,
    }


def _times(selection: Selection) -> list[float] | None:
    """Return the quartiles of the response times of all rating votes in seconds; None where the file has none."""
    milliseconds = selection.rated.frame["response_ms"].to_numpy(float)
    said = milliseconds[~np.isnan(milliseconds)]
    return [float(value) / 1000 for value in np.quantile(said, [0.25, 0.5, 0.75])] if said.size else None
