"""Ratings of every scale: from selected votes to `ratings.csv` and `wins.csv`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from analysis import bradley_terry as bt
from analysis.counts import Counts, count
from analysis.elo import EloResult, EloSettings, bootstrapped
from analysis.files import Refusal, csv_text, number
from analysis.intervals import Over, Uncertainty, possible, uncertainty
from analysis.selection import LeftOut, Selection
from analysis.votes import Floats, Ints

RATINGS_COLUMNS = tuple(
    "rate condition codec method rating low high interval votes participants sources simulated votes_sha256".split()
)
WINS_COLUMNS = tuple("rate condition_a condition_b a_wins b_wins not_sure simulated votes_sha256".split())
REMEDY = "collect more votes, or pull all ratings towards each other with --ridge 0.1"

Row = Mapping[str, object]


@dataclass(frozen=True)
class Settings:
    """What a rating was asked to be. `ridge` is in 1 / (natural-log unit)^2, 0 for plain maximum likelihood."""

    over: Over = "both"
    ridge: float = 0.0
    elo: EloSettings = field(default_factory=EloSettings)


@dataclass(frozen=True)
class Scale:
    """Conditions that votes link, with their ratings; or with the `problem` for which they get none.

    `over` is what the intervals generalise over, `reason` why that is less than was asked for (empty where it is not).
    """

    counts: Counts
    problem: str = ""
    over: Over = "none"
    reason: str = ""
    fit: bt.Fit | None = None
    uncertainty: Uncertainty | None = None
    elo: EloResult | None = None

    @property
    def name(self) -> str:
        """The scale in words: its rates."""
        named = [f"{number(rate)} bpp" for rate in self.counts.rates if rate is not None]
        named += ["no stated rate"] if None in self.counts.rates else []
        return ", ".join(named[:-1]) + " and " + named[-1] if len(named) > 1 else named[0]

    @property
    def rating(self) -> Floats:
        """The Bradley-Terry ratings (n,) in Elo points, mean 0."""
        return bt.ELO * self.fit.theta if self.fit else np.empty(0)

    @property
    def order(self) -> Ints:
        """The items from best to worst; in the order of their names where there is no rating."""
        return best_first(self.rating) if self.fit else np.arange(len(self.counts.items))

    def margin(self, item: int, other: int | None = None) -> float | None:
        """Return half the width of the interval of a rating, or of the difference of two; None where there is none."""
        if self.uncertainty is None:
            return None
        return self.uncertainty.between(item, other)

    @property
    def alone(self) -> str:
        """The conditions without an interval among others with one, and why, in words; empty where there are none."""
        if self.uncertainty is None or not self.uncertainty.lone.any():
            return ""
        names = ", ".join(
            self.counts.items[item].condition for item in np.flatnonzero(self.uncertainty.lone.diagonal())
        )
        who = {"both": "participant or image", "sources": "image"}.get(self.over, "participant")
        return f"no interval for {names}, nor for differences from others, as these rest on one {who} alone"


def rate(
    selection: Selection,
    settings: Settings,
    methods: Sequence[str] = ("bradley-terry", "elo"),
    progress: Callable[[int], None] = lambda _: None,
) -> tuple[Scale, ...]:
    """Rate every scale of the selected votes; a scale that cannot be rated says why.

    Rates that votes compare across share a scale: give what `comparable` leaves.
    """
    return tuple(_rate(counts, settings, "elo" in methods, progress) for counts in count(selection.rated))


def _rate(counts: Counts, settings: Settings, with_elo: bool, progress: Callable[[int], None]) -> Scale:
    if problem := why_not(counts, settings.ridge):
        progress(counts.votes)
        return Scale(counts, problem)
    fitted = bt.fit(counts.first, counts.second, counts.table, settings.ridge)
    over, reason = possible(settings.over, counts.participants, counts.sources)
    if settings.ridge and (endless := unbounded(counts)):
        over, reason = "none", f"the ridge sets these ratings, since {endless}"
    elo = bootstrapped(counts, settings.elo, progress) if with_elo else None
    return Scale(counts, "", over, reason, fitted, uncertainty(counts, fitted, over), elo)


def comparable(selection: Selection, ridge: float) -> Selection:
    """Leave out, count and name the votes across rates that put their rates on no common scale.

    Rates share a scale only where the votes within each of them determine its ratings and all votes together determine
    those of the common scale; so no vote across rates takes ratings away from a rate. Raises `Refusal` where nothing
    is left.
    """
    votes = selection.rated
    rate_of = np.array([np.inf if item.rate is None else item.rate for item in votes.items])
    across = rate_of[votes.left] != rate_of[votes.right]
    if not across.any():
        return selection
    within = count(votes.take(~across)) if not across.all() else ()
    sound = {item for counts in within if not why_not(counts, ridge) for item in counts.items}
    leave = np.zeros(len(votes), bool)
    for counts in count(votes):
        loose = [item for item in counts.items if item not in sound]
        single = all([item.rate for item in counts.items].count(item.rate) == 1 for item in loose)
        if len(counts.rates) > 1 and (not single or why_not(counts, ridge)):
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


def rating_rows(scales: Sequence[Scale], selection: Selection, methods: Sequence[str]) -> list[Row]:
    """Return the rows of `ratings.csv`: scales by rate, methods as named, best first. Elo points to a thousandth."""
    return [
        row for scale in scales if scale.fit for method in methods for row in _rating_rows(scale, selection, method)
    ]


def _rating_rows(scale: Scale, selection: Selection, method: str) -> Iterator[Row]:
    values, lows, highs, over = bounds(scale, method)
    for index in best_first(values):
        item = scale.counts.items[index]
        votes, participants, sources = scale.counts.about(int(index))
        yield {
            "rate": number(item.rate),
            "condition": item.condition,
            "codec": item.codec,
            "method": method,
            "rating": points(values[index]),
            "low": points(lows[index]),
            "high": points(highs[index]),
            "interval": "none" if np.isnan(lows[index]) else over,
            "votes": votes,
            "participants": participants,
            "sources": sources,
            "simulated": selection.rated.simulated,
            "votes_sha256": selection.rated.sha256,
        }


def best_first(values: Floats) -> Ints:
    """Return the order from the highest value down; what differs by rounding alone stays in its order."""
    return np.argsort(-np.round(values, 6), kind="stable")


def bounds(scale: Scale, method: str) -> tuple[Floats, Floats, Floats, str]:
    """Return the ratings of a rated scale, both ends of their intervals (NaN: none), and over what those are."""
    if method == "elo" and scale.elo is not None:
        return scale.elo.rating, scale.elo.low, scale.elo.high, "votes"
    margins = np.array([scale.margin(item) for item in range(len(scale.rating))], float)
    return scale.rating, scale.rating - margins, scale.rating + margins, scale.over


def points(value: float) -> str:
    """Return Elo points as they stand in a file: to a thousandth, never -0.000, empty for NaN."""
    return "" if np.isnan(value) else f"{round(float(value), 3) + 0.0:.3f}"


def win_rows(scales: Sequence[Scale], selection: Selection) -> list[Row]:
    """Return the rows of `wins.csv`, by scale and names; a pair across two rates has none."""
    rows = []
    for scale in scales:
        counts = scale.counts
        for first, second, cells in zip(counts.first, counts.second, counts.table.tolist(), strict=True):
            a, b = counts.items[first], counts.items[second]
            a_wins, b_wins, not_sure = cells
            if a.condition > b.condition:
                a, b, a_wins, b_wins = b, a, b_wins, a_wins
            rows.append(
                {
                    "rate": number(a.rate) if a.rate == b.rate else "",
                    "condition_a": a.condition,
                    "condition_b": b.condition,
                    "a_wins": a_wins,
                    "b_wins": b_wins,
                    "not_sure": not_sure,
                    "simulated": selection.rated.simulated,
                    "votes_sha256": selection.rated.sha256,
                }
            )
    return sorted(rows, key=lambda row: [rank(row["rate"]), row["condition_a"], row["condition_b"]])


def rank(rate: object) -> float:
    """Return where a rate stands among others; no rate comes last."""
    return float(str(rate)) if rate else float("inf")


def ratings_csv(scales: Sequence[Scale], selection: Selection, methods: Sequence[str]) -> str:
    """Return `ratings.csv`."""
    return csv_text(RATINGS_COLUMNS, rating_rows(scales, selection, methods))


def wins_csv(scales: Sequence[Scale], selection: Selection) -> str:
    """Return `wins.csv`."""
    return csv_text(WINS_COLUMNS, win_rows(scales, selection))
