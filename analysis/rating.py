"""Ratings of every scale: from selected votes to `ratings.csv` and `wins.csv`."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from analysis.bootstrap import Rounds, bootstrap
from analysis.bootstrap import Ties as BootstrapTies
from analysis.counts import Counts, count
from analysis.elo import EloResult, EloSettings, replayed
from analysis.files import Refusal, csv_text, number
from analysis.fitting import fitted, unbounded, why_not
from analysis.intervals import Over, Uncertainty, possible, uncertainty
from analysis.linking import comparable
from analysis.models import Fit, Model
from analysis.outcomes import TIES, Ties
from analysis.scales import UNITS, Link, Unit, points
from analysis.selection import Selection
from analysis.side_bias import SideBias, side_bias
from analysis.votes import Floats, Ints

RATINGS_COLUMNS = tuple(
    """
    rate condition codec method rating low high interval votes participants sources simulated votes_sha256
    model scale anchor
    """.split()
)
WINS_COLUMNS = tuple("rate condition_a condition_b a_wins b_wins not_sure simulated votes_sha256".split())

ALPHA = 0.05
Method = Literal["bradley-terry", "thurstone"]
LINKS: dict[Method, Link] = {"bradley-terry": "logistic", "thurstone": "probit"}

Row = Mapping[str, object]


@dataclass(frozen=True)
class Settings:
    """What a rating was asked to be.

    `ridge` is in 1 / (unit of the link)^2, 0 for plain maximum likelihood. `ties` None: the method's own model of votes
    that are not sure. `anchor` names a condition, or a codec with one condition on the scale: ratings are then
    differences from it. `unit` is the scale that ratings are told on; the Elo method has only its own. `interval`: how
    those of Bradley-Terry are made; a bootstrap has the rounds and the seed of `elo`. `alpha` is the level of verdicts
    and ranks; intervals hold 95% whatever it is.
    """

    over: Over = "both"
    ridge: float = 0.0
    elo: EloSettings = field(default_factory=EloSettings)
    method: Method = "bradley-terry"
    ties: Ties | None = None
    side_bias: bool = False
    anchor: str = ""
    unit: Unit = "elo"
    interval: Literal["sandwich", "bootstrap"] = "sandwich"
    alpha: float = ALPHA

    @property
    def model(self) -> Model:
        """The model that is fitted."""
        link = LINKS[self.method]
        return Model(link, self.ties or TIES[link][0], self.side_bias, self.ridge)


@dataclass(frozen=True)
class Scale:
    """Conditions that votes link, with their ratings; or with the `problem` for which they get none.

    `over` is what the intervals generalise over, `reason` why that is less than was asked for (empty where it is not).
    `anchor` is the item from which ratings are differences, None where their mean is 0.
    """

    counts: Counts
    problem: str = ""
    over: Over = "none"
    reason: str = ""
    fit: Fit | None = None
    uncertainty: Uncertainty | None = None
    elo: EloResult | None = None
    settings: Settings = field(default_factory=Settings)
    anchor: int | None = None
    side: SideBias | None = None
    rounds: Rounds | None = None

    @property
    def name(self) -> str:
        """The scale in words: its rates."""
        named = [f"{number(rate)} bpp" for rate in self.counts.rates if rate is not None]
        named += ["no stated rate"] if None in self.counts.rates else []
        return ", ".join(named[:-1]) + " and " + named[-1] if len(named) > 1 else named[0]

    @property
    def rating(self) -> Floats:
        """The fitted ratings (n,) in Elo points, mean 0."""
        return self.fit.rating if self.fit else np.empty(0)

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
    """Rate every scale of the selected votes; a scale that cannot be rated says why. `methods` may name `elo` as well.

    Votes across rates that put these on no common scale are not rated; `comparable` tells which. Raises `Refusal` where
    nothing is left, where nothing is named like the anchor, and where a side bias is asked of votes without sides.
    """
    selection = comparable(selection, settings.model)
    if settings.side_bias and selection.asked["layout"] == "unknown":
        raise Refusal(f"{selection.rated.path} does not say which condition stood on the left; leave --side-bias out.")
    scales = count(selection.rated)
    if settings.anchor and not any(_find_anchor(counts, settings.anchor) for counts in scales):
        known = sorted({item.condition for counts in scales for item in counts.items})
        raise Refusal(
            f"{selection.rated.path}: no rated condition or codec is named {settings.anchor}; "
            f"name one of {', '.join(known[:8])}{', ...' if len(known) > 8 else ''} as --anchor."
        )
    left = -1 if selection.asked["asks_for"] == "more_different" else 1
    return tuple(_rate(counts, settings, left, "elo" in methods, progress) for counts in scales)


def _find_anchor(counts: Counts, name: str) -> list[int]:
    """Return the items that a name may mean: the condition of that name, else the conditions of that codec."""
    exact = [index for index, item in enumerate(counts.items) if item.condition == name]
    return exact or [index for index, item in enumerate(counts.items) if name and item.codec == name]


def _rate(counts: Counts, settings: Settings, left: int, with_elo: bool, progress: Callable[[int], None]) -> Scale:
    """Rate one scale; `left` is 1 where the pressed side is the winner, -1 where it is the loser."""
    anchors = _find_anchor(counts, settings.anchor)
    problem, fit = _try(counts, anchors, settings)
    if fit is None:
        progress(counts.votes)
        return Scale(counts, problem, settings=settings)
    voted = counts.decided() if settings.model.ties == "dropped" else counts
    over, reason = possible(settings.over, voted.participants, voted.sources)
    if settings.ridge and (endless := unbounded(counts, settings.model)):
        over, reason = "none", f"the ridge sets these ratings, since {endless}"
    found = uncertainty(counts, fit, over)
    return Scale(
        counts,
        over=over,
        reason=reason,
        fit=fit,
        uncertainty=found,
        elo=replayed(counts, settings.elo, progress) if with_elo else None,
        settings=settings,
        anchor=anchors[0] if settings.anchor else None,
        side=side_bias(counts, fit, found, left),
        rounds=_rounds(counts, settings, over),
    )


def _rounds(counts: Counts, settings: Settings, over: Over) -> Rounds | None:
    if settings.interval != "bootstrap" or over == "both" or over == "none":  # noqa: PLR1714 - mypy narrows by ==
        return None
    ties: BootstrapTies = "half" if settings.model.ties == "half" else "davidson"
    return bootstrap(counts, over, settings.elo.rounds, settings.elo.seed, ties=ties)


def _try(counts: Counts, anchors: list[int], settings: Settings) -> tuple[str, Fit | None]:
    """Return the fit, or the problem for which there is none."""
    if settings.anchor and len(anchors) != 1:
        several = ", ".join(counts.items[item].condition for item in anchors)
        what = f"{settings.anchor} may mean {several}: name one of them" if several else f"no {settings.anchor} here"
        return f"{what} to anchor the ratings at", None
    if problem := why_not(counts, settings.model):
        return problem, None
    try:
        return "", fitted(counts, settings.model)
    except ArithmeticError as error:
        return f"the votes determine these ratings too loosely to compute them ({error}): collect more votes", None


def model_words(scale: Scale, method: str) -> str:
    """Return how a rated scale was rated, for one cell: `name=value` with "; " between."""
    fit = scale.fit
    if method == "elo" or fit is None:
        return _elo_words(scale.settings.elo)
    words = ["ties=" + (fit.model.ties if scale.counts.table[:, 2].any() else "none")]
    if fit.tie is not None:
        name, value = {
            "davidson": ("nu", np.exp(fit.tie)),
            "rao-kupper": ("eta", np.exp(fit.tie)),
        }.get(fit.model.ties, ("threshold", fit.points / UNITS[scale.settings.unit] * fit.tie))
        words.append(f"{name}={value:.6g}")
    if words == ["ties=half"]:
        words.append("shrinks the scale")
    if scale.side is not None:
        words += scale.side.words(scale.settings.unit)
    if fit.ridge:
        words.append(f"ridge={fit.ridge:g}")
    if scale.rounds is not None:
        elo, rounds = scale.settings.elo, scale.rounds
        words.append(f"interval=bootstrap; rounds={elo.rounds}; seed={elo.seed}")
        words.append(f"separated={rounds.separated}; unfinished={rounds.unfinished}")
    return "; ".join(words)


def _elo_words(elo: EloSettings) -> str:
    settings = {"start": f"{elo.start:g}", "k": f"{elo.k:g}", "rounds": elo.rounds, "seed": elo.seed}
    settings |= {"replay": elo.replay, "summary": elo.summary}
    return "; ".join(f"{name}={value}" for name, value in settings.items())


def rating_rows(scales: Sequence[Scale], selection: Selection, methods: Sequence[str]) -> list[Row]:
    """Return the rows of `ratings.csv`: scales by rate, methods as named, best first."""
    return [
        row for scale in scales if scale.fit for method in methods for row in _rating_rows(scale, selection, method)
    ]


def _rating_rows(scale: Scale, selection: Selection, method: str) -> Iterator[Row]:
    values, lows, highs, over = bounds(scale, method)
    unit, anchor = ("elo", None) if method == "elo" else (scale.settings.unit, scale.anchor)
    for index in best_first(values):
        item = scale.counts.items[index]
        votes, participants, sources = scale.counts.about(int(index))
        yield {
            "rate": number(item.rate),
            "condition": item.condition,
            "codec": item.codec,
            "method": method,
            "rating": points(values[index], unit),
            "low": points(lows[index], unit),
            "high": points(highs[index], unit),
            "interval": "none" if np.isnan(lows[index]) else over,
            "votes": votes,
            "participants": participants,
            "sources": sources,
            "simulated": selection.rated.simulated,
            "votes_sha256": selection.rated.sha256,
            "model": model_words(scale, method),
            "scale": unit,
            "anchor": "" if anchor is None else scale.counts.items[anchor].condition,
        }


def best_first(values: Floats) -> Ints:
    """Return the order from the highest value down; what differs by rounding alone stays in its order."""
    return np.argsort(-np.round(values, 6), kind="stable")


def bounds(scale: Scale, method: str) -> tuple[Floats, Floats, Floats, str]:
    """Return the ratings of a rated scale, both ends of their intervals (NaN: none), and over what those are.

    They are on the scale that the settings name; with an anchor they are differences from it, with their own intervals.
    """
    if method == "elo" and scale.elo is not None:
        return scale.elo.rating, scale.elo.low, scale.elo.high, "votes"
    unit, anchor, n = UNITS[scale.settings.unit], scale.anchor, len(scale.rating)
    values = scale.rating - (0.0 if anchor is None else scale.rating[anchor])
    if scale.rounds is not None:
        low, high = scale.rounds.interval(np.eye(n) - (1 / n if anchor is None else np.eye(n)[anchor]))
        if anchor is not None:
            low[anchor] = high[anchor] = np.nan
        return values / unit, low / unit, high / unit, scale.over
    items = range(n)
    margins = np.array([None if item == anchor else scale.margin(item, anchor) for item in items], float)
    return values / unit, (values - margins) / unit, (values + margins) / unit, scale.over


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
