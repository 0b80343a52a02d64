"""From the counts of a scale to a fitted model, or to the sentence that says why there is none."""

from analysis.counts import Counts
from analysis.existence import (
    components,
    never_lost,
    not_sure_unbounded,
    one_sided,
    side_unbounded,
    side_undetermined,
)
from analysis.models import Fit, Model, fit

REMEDY = "collect more votes, or pull all ratings towards each other with --ridge 0.1"
WITHOUT_SIDE = "collect more votes, or leave --side-bias out"


def fitted(counts: Counts, model: Model) -> Fit:
    """Fit a model to the votes of a scale for which `why_not` is empty; with side bias the counts have to know sides.

    Raises ArithmeticError where Newton's method does not end.
    """
    if not model.side_bias:
        return fit(counts.first, counts.second, counts.table, model)
    seen, side = counts.by_side()
    return fit(seen.first, seen.second, seen.table, model, side)


def why_not(counts: Counts, model: Model) -> str:
    """Return why the votes of a scale determine no ratings, in a sentence; empty where they do."""
    names, table = [item.condition for item in counts.items], model.decisive(counts.table)
    used = table.sum(axis=1) > 0
    part = components(len(names), counts.first[used], counts.second[used])
    if part.max() > 0:
        groups = [
            " + ".join(name for name, at in zip(names, part, strict=True) if at == index)
            for index in range(part.max() + 1)
        ]
        no_vote = "no vote that decides" if model.ties == "dropped" and counts.table[:, 2].any() else "no vote"
        return f"{no_vote} links {' with '.join(f'({group})' for group in groups)}: ask about pairs across these groups"
    if not model.ridge and (endless := unbounded(counts, model)):
        return f"{endless}: {REMEDY}"
    return why_no_side(counts, model) if model.side_bias else ""


def unbounded(counts: Counts, model: Model) -> str:
    """Return why linked conditions have no finite maximum of the likelihood; empty where they have one.

    The side bias, if it is a parameter, is left out here: see `why_no_side`.
    """
    n, table = len(counts.items), model.decisive(counts.table)
    top = never_lost(n, counts.first, counts.second, table)
    if len(top):
        best = ", ".join(counts.items[item].condition for item in top)
        return f"({best}) never lost a vote to the other conditions, so no finite distance fits best"
    if not_sure_unbounded(n, counts.first, counts.second, table):
        return "every pair was won one way only or was not sure, so no finite distances fit best"
    return ""


def why_no_side(counts: Counts, model: Model) -> str:
    """Return why the votes of a scale determine no side bias beside the ratings, in a sentence; empty where they do."""
    seen, side = counts.by_side()
    n, table = len(counts.items), model.decisive(seen.table)
    if one_sided(table, side):
        return f"every vote that decides chose the same side, so no finite side bias fits best: {WITHOUT_SIDE}"
    if model.ridge:
        return ""
    if side_undetermined(n, seen.first, seen.second, table, side):
        return f"as the pairs stood, a side bias cannot be told from the conditions' ratings: {WITHOUT_SIDE}"
    if side_unbounded(n, seen.first, seen.second, table, side):
        return f"ratings and a side bias together explain every vote, so no finite ones fit best: {WITHOUT_SIDE}"
    return ""
