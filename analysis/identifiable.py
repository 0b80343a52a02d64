"""Whether votes determine ratings: of one scale, and across rates.

Ratings need votes that link all conditions, and wins both ways across every split of them (Ford 1957).
"""

from analysis import bradley_terry as bt
from analysis.counts import Counts

REMEDY = "collect more votes, or pull all ratings towards each other with --ridge 0.1"


def why_not(counts: Counts, ridge: float) -> str:
    """Return why the votes of a scale determine no ratings, in a sentence; empty where they do."""
    n, names = len(counts.items), [item.condition for item in counts.items]
    part = bt.components(n, counts.first, counts.second)
    if part.max() > 0:
        groups = [
            " + ".join(name for name, at in zip(names, part, strict=True) if at == index)
            for index in range(part.max() + 1)
        ]
        return f"no vote links {' with '.join(f'({group})' for group in groups)}: ask about pairs across these groups"
    endless = "" if ridge else unbounded(counts)
    return f"{endless}: {REMEDY}" if endless else ""


def unbounded(counts: Counts) -> str:
    """Return why linked conditions have no finite maximum of the likelihood; empty where they have one."""
    n = len(counts.items)
    top = bt.never_lost(n, counts.first, counts.second, counts.table)
    if len(top):
        best = ", ".join(counts.items[item].condition for item in top)
        return f"({best}) never lost a vote to the other conditions, so no finite distance fits best"
    if bt.not_sure_unbounded(n, counts.first, counts.second, counts.table):
        return "every pair was won one way only or was not sure, so no finite distances fit best"
    return ""
