"""The verdicts on the page: every pair of each scale, ranks, parts of the votes, and bits at equal preference."""

from itertools import groupby

from analysis.findings import Findings
from analysis.parts import BYS, FEWEST_PARTICIPANTS, FEWEST_VOTES
from analysis.rating import ALPHA
from analysis.report.tables import Context, Row, Shown, Tables, by_scale
from analysis.report.words import title
from analysis.verdicts import TESTS


def verdicts_context(findings: Findings, tables: Tables) -> Context:
    """Return what the section on verdicts tells."""
    every, scales = tables["verdicts"], findings.scales
    pairs, ranks = by_scale(every, scales, "rate_a", "condition_a"), by_scale(tables["ranks"], scales)
    return {
        "families": [_family(name, every) for name in ("confirmatory", "exploratory")],
        "primary": [" and ".join(pair) for pair in findings.asked.primary],
        "by_scale": [
            {
                "id": f"scale-{place}",
                "place": place - 1,
                "title": title(scale.name),
                "pairs": Shown(_confirmatory_first(of_scale)),
                "ranks": Shown(of_ranks),
            }
            for place, (scale, of_scale, of_ranks) in enumerate(zip(scales, pairs, ranks, strict=True), 1)
            if of_scale
        ],
        "level": f"{100 * findings.settings.alpha:g}",
        "sure": f"{100 - 100 * findings.settings.alpha:g}",
        "own_level": findings.settings.alpha != ALPHA,
        "notes": TESTS,
        "parts": [found for by in BYS if (found := _parts(by, tables["parts"]))],
        "fewest": (FEWEST_VOTES, FEWEST_PARTICIPANTS),
        "equal": _equal(tables["equal_preference"]),
    }


def _confirmatory_first(rows: list[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: row["family"] != "confirmatory")


def _family(name: str, rows: list[Row]) -> Context:
    members = [row for row in rows if row["family"] == name]
    of = {word: sum(row["verdict"] == word for row in members) for word in ("better", "undecided", "untested")}
    return {"name": name, "pairs": len(members), **of}


def _parts(by: str, rows: list[Row]) -> Context | None:
    """Return the ratings of one way of dividing the votes; those parts that are too small, apart."""
    mine = [row for row in rows if row["by"] == by]
    if not mine:
        return None
    rated = [row for row in mine if not row["reason"]]
    grouped = groupby((row for row in mine if row["reason"]), key=lambda row: str(row["reason"]))
    told = [f"{', '.join(str(row['part']) for row in group)}: {why}" for why, group in grouped]
    return {"by": by, "rows": Shown(rated), "parts": len({row["part"] for row in rated}), "small": told}


def _equal(rows: list[Row]) -> Context:
    """Return the bits at equal preference, and why there are none: each reason once, with the codecs it is about."""
    points = [row for row in rows if row["condition_a"]]
    refused: dict[str, list[str]] = {}
    for row in rows:
        if not row["condition_a"]:
            refused.setdefault(str(row["reason"]), []).append(f"{row['codec_b']} for {row['codec_a']}")
    return {"rows": Shown(points), "refused": refused}
