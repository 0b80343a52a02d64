"""Screening: participants left out of the ratings by named rules, and what each rule would cost honest ones.

No rule deletes anything: every participant stands in `quality.csv` with the value and the limit of every rule, and the
ratings with and without are told side by side. A rule leaves out only where it is chosen, at best before the votes are
seen; what the others would flag at their usual limits is reported.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from analysis.counts import Counts, count
from analysis.false_exclusion import LAPSE, How, false_exclusion
from analysis.files import Refusal
from analysis.likelihoods import LeaveOneOut, cells, of_cells
from analysis.raters import Raters, raters
from analysis.rules import FLIPPED, Name, Rule, rules
from analysis.selection import LeftOut, Selection
from analysis.votes import Floats, Ints, Mask

NONE: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True)
class Verdict:
    """A rule over all participants of `Raters`: value, flag and trials behind it, one entry (p,) each.

    `false_exclusion` is the chance that an honest participant of this study fails the rule, a mean over the
    participants with a value; None where nothing tells it. `how` says where it comes from (see there).
    """

    rule: Rule
    value: Floats
    trials: Ints
    flagged: Mask
    false_exclusion: float | None
    how: How

    @property
    def excluded(self) -> Mask:
        """Who is left out by this rule (p,)."""
        return self.flagged & self.rule.chosen

    @property
    def checked(self) -> int:
        """How many participants have a value."""
        return int(np.isfinite(self.value).sum())


@dataclass(frozen=True)
class Screening:
    """Every rule's verdict on every participant, and the selection without those whom the chosen rules leave out.

    `kept` is the selection itself where nobody is left out.
    """

    selection: Selection
    kept: Selection
    raters: Raters
    likelihood: LeaveOneOut
    verdicts: tuple[Verdict, ...]
    lapse: float

    @property
    def excluded(self) -> Mask:
        """Who is left out (p,)."""
        return np.asarray(np.logical_or.reduce([verdict.excluded for verdict in self.verdicts]))

    @property
    def honest_lost(self) -> float:
        """How many honest participants the chosen rules may cost together: the sum of their chances, at most all."""
        lost = sum(v.checked * (v.false_exclusion or 0.0) for v in self.verdicts if v.rule.chosen)
        return float(min(lost, len(self.raters.names)))


def screen(
    selection: Selection,
    chosen: Mapping[str, float] = NONE,
    *,
    lapse: float = LAPSE,
    seed: int = 1,
    scales: Sequence[Counts] | None = None,
) -> Screening:
    """Judge every participant by every rule, and leave out whom the `chosen` ones (name -> limit) flag.

    `scales` are the counts of the rated votes, made where not given. Raises `Refusal` where a chosen rule has no place
    here, lacks what it needs, or leaves nobody.
    """
    found, votes = raters(selection), cells(scales or count(selection.rated))
    left_out = of_cells(votes)
    value = _values(selection, found, left_out)
    verdicts = []
    for rule in rules(chosen, selection):
        values, trials = value[rule.name]
        if rule.chosen and not np.isfinite(values).any():
            raise Refusal(
                f"{selection.rated.path}: no participant has a value for the rule {rule.name} "
                f"({rule.meaning}); leave --screen {rule.name} out."
            )
        chance = false_exclusion(rule, selection, found, votes, values, lapse=lapse, seed=seed)
        verdicts.append(Verdict(rule, values, trials, rule.flags(values), *chance))
    screening = Screening(selection, selection, found, left_out, tuple(verdicts), lapse)
    return replace(screening, kept=_without(screening))


def _values(selection: Selection, found: Raters, left_out: LeaveOneOut) -> dict[Name, tuple[Floats, Ints]]:
    """Return each rule's value (p,) and the trials (p,) behind it."""
    far, decided = np.full(len(found.names), np.nan), np.zeros(len(found.names), np.int64)
    at = np.searchsorted(found.participant, left_out.participant)
    far[at], decided[at] = left_out.distance, left_out.votes
    flips = found.flips if selection.asked["layout"] in FLIPPED else np.full(len(found.names), np.nan)
    return {
        "catch_accuracy": (found.catch_accuracy, found.catches),
        "identical_side": (found.identical_p, found.identical),
        "repeats": (found.consistency, found.repeats),
        "time": (found.response_ms, found.votes),
        "flips": (flips, found.votes),
        "likelihood": (far, decided),
    }


def _without(screening: Screening) -> Selection:
    """Return the selection without the votes of the excluded, who are named with rule, value and limit."""
    selection, gone = screening.selection, screening.excluded
    if not gone.any():
        return selection
    if gone.all():
        raise Refusal(f"{selection.rated.path}: the screening leaves no participant; choose other rules or limits.")
    codes = screening.raters.participant[gone]
    keep = ~np.isin(selection.rated.participant, codes)
    if not keep.any():
        raise Refusal(f"{selection.rated.path}: the screening leaves no rating vote; choose other rules or limits.")
    named = [reason(screening, int(place)) for place in np.flatnonzero(gone)]
    why = "screened out: " + ", ".join(named[:5]) + (f" and {len(named) - 5} more" if len(named) > 5 else "")
    others = selection.others.take(~np.isin(selection.others.participant, codes))
    out = LeftOut(why, int((~keep).sum()))
    return replace(selection, rated=selection.rated.take(keep), others=others, left_out=(*selection.left_out, out))


def reason(screening: Screening, place: int) -> str:
    """Return who a participant is and why the chosen rules leave them out."""
    why = [
        f"{v.rule.name} {v.value[place]:.3g} {'>' if v.rule.above else '<'} {v.rule.limit:g}"
        for v in screening.verdicts
        if v.excluded[place]
    ]
    return f"{screening.raters.names[place]} ({'; '.join(why)})"
