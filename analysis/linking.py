"""Which rates share a scale: the votes across rates that put theirs on no common scale are left out, and named."""

from dataclasses import replace

import numpy as np

from analysis.counts import count
from analysis.files import Refusal
from analysis.fitting import why_not
from analysis.models import DEFAULT, Model
from analysis.selection import LeftOut, Selection


def comparable(selection: Selection, model: Model = DEFAULT) -> Selection:
    """Leave out, count and name the votes across rates that put their rates on no common scale.

    Rates share a scale only where the votes within each of them determine its ratings and all votes together determine
    those of the common scale; so no vote across rates takes ratings away from a rate. Doing it twice changes nothing.
    Raises `Refusal` where nothing is left.
    """
    votes = selection.rated
    rate_of = np.array([np.inf if item.rate is None else item.rate for item in votes.items])
    across = rate_of[votes.left] != rate_of[votes.right]
    if not across.any():
        return selection
    within = count(votes.take(~across)) if not across.all() else ()
    sound = {item for counts in within if not why_not(counts, model) for item in counts.items}
    leave = np.zeros(len(votes), bool)
    for counts in count(votes):
        loose = [item for item in counts.items if item not in sound]
        single = all([item.rate for item in counts.items].count(item.rate) == 1 for item in loose)
        if len(counts.rates) > 1 and (not single or why_not(counts, model)):
            leave |= across & np.isin(votes.left, [votes.items.index(item) for item in counts.items])
    if not leave.any():
        return selection
    if leave.all():
        raise Refusal(
            f"{votes.path}: every vote compares across rates, and no rate has ratings of its own to join; "
            "collect votes within each rate, or leave the rates out to rate all conditions on one scale."
        )
    lines = votes.lines[leave].tolist()
    reason = f"across rates that they put on no common scale: line {', '.join(map(str, lines[:5]))}"
    out = LeftOut(reason + (f" and {len(lines) - 5} more" if len(lines) > 5 else ""), len(lines))
    return replace(selection, rated=votes.take(~leave), left_out=(*selection.left_out, out))


def unvoted(selection: Selection) -> tuple[float, ...]:
    """Return the rates that the file names and no rated vote is about, in order."""
    items, rated = selection.rated.items, selection.rated
    seen = {items[item].rate for item in np.union1d(rated.left, rated.right)}
    return tuple(sorted({item.rate for item in items if item.rate is not None} - {None} - seen))
