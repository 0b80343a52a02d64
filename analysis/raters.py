"""The raters: what the votes beside the rating votes, and the times, say of each participant.

Catch trials have a known answer; identical trials show one image twice, so that only a side can be chosen; repeat
trials show a pair of the session a second time. Nothing is judged here: `screening` has the rules.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.binomial import even_p, interval, share
from analysis.codes import numbered
from analysis.selection import Selection
from analysis.votes import Floats, Ints, Mask, Votes

FAST_MS = 1000.0  # a response below it is counted as fast, as mucped22's makers do
FEW_FLIPS = 3  # and so are votes with fewer flips than these
CROP = ("crop_x", "crop_y", "crop_width", "crop_height")
SHOWN = ("left_sha256", "right_sha256")


@dataclass(frozen=True)
class Repeats:
    """Repeat votes with the vote that each repeats: rows of `selection.others` and of `selection.rated`.

    `same`: the same condition won (or neither did, both times), wherever it stood.
    """

    row: Ints
    first: Ints
    same: Mask


@dataclass(frozen=True)
class Raters:
    """The participants of a study; all arrays have one entry (p,) a participant, in the order of their names.

    `participant` is the code of `Votes.participants`. `votes` are rating votes, `not_sure` those of them that name no
    side. Of the catch votes `catches_right` gave the expected answer; of the identical votes that named a side
    `identical_left` named the left one; of the repeat votes `repeats_same` had the same winner as the first time. Times
    are of rating votes, in milliseconds; they and flips are NaN where the file has none.
    """

    names: tuple[str, ...]
    participant: Ints
    votes: Ints
    not_sure: Ints
    catches: Ints
    catches_right: Ints
    identical: Ints
    identical_left: Ints
    repeats: Ints
    repeats_same: Ints
    response_ms: Floats
    fast_share: Floats
    flips: Floats
    few_flips_share: Floats

    @property
    def catch_accuracy(self) -> Floats:
        """The share of catch votes with the expected answer; NaN without any."""
        return share(self.catches_right, self.catches)

    @property
    def catch_interval(self) -> tuple[Floats, Floats]:
        """Both ends of its exact 95% interval."""
        return interval(self.catches_right, self.catches)

    @property
    def identical_p(self) -> Floats:
        """The exact two-sided p of the left presses on identical pairs, if no side drew the press; NaN without any."""
        return even_p(self.identical_left, self.identical)

    @property
    def consistency(self) -> Floats:
        """The share of repeat votes with the winner of the first time; NaN without any."""
        return share(self.repeats_same, self.repeats)

    @property
    def overall(self) -> "Overall":
        """All participants together."""
        catches, identical, repeats = (
            (int(hits.sum()), int(trials.sum()))
            for hits, trials in (
                (self.catches_right, self.catches),
                (self.identical_left, self.identical),
                (self.repeats_same, self.repeats),
            )
        )
        return Overall(Share(*catches), Share(*identical), Share(*repeats))


@dataclass(frozen=True)
class Share:
    """Some of some trials. The interval and p are exact, and take the trials as independent."""

    hits: int
    trials: int

    @property
    def value(self) -> float:
        """The share; NaN without trials."""
        return float(share(np.array(self.hits), np.array(self.trials)))

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the exact 95% interval."""
        low, high = interval(np.array(self.hits), np.array(self.trials))
        return float(low), float(high)

    @property
    def even_p(self) -> float:
        """The exact two-sided p if either way has the chance 1/2."""
        return float(even_p(np.array(self.hits), np.array(self.trials)))


@dataclass(frozen=True)
class Overall:
    """Catch votes that were right, identical votes on the left, and repeat votes with the same winner, of all."""

    catches: Share
    identical: Share
    repeats: Share


def raters(selection: Selection) -> Raters:
    """Return what the selected votes say of each participant who gave any but practice and preview votes."""
    rated, others = selection.rated, selection.others
    kind = {name: others.take((others.frame["kind"] == name).to_numpy(bool)) for name in ("catch", "identical")}
    catch, known = kind["catch"], (kind["catch"].frame["expected"] != "").to_numpy(bool)
    catch = catch.take(known)
    right = (catch.frame["choice"] == catch.frame["expected"]).to_numpy(bool)
    sided = kind["identical"].take((kind["identical"].frame["choice"] != "not_sure").to_numpy(bool))
    repeated = repeats(selection)
    again = others.participant[repeated.row]
    everyone = np.unique(np.concatenate([rated.participant, catch.participant, kind["identical"].participant, again]))

    def tally(participants: Ints, of: Mask | None = None) -> Ints:
        chosen = participants if of is None else participants[of]
        return np.asarray(np.bincount(chosen, minlength=len(rated.participants))[everyone])

    response, flips = (rated.frame[name].to_numpy(float) for name in ("response_ms", "flips"))
    return Raters(
        names=tuple(rated.participants[code] for code in everyone),
        participant=everyone,
        votes=tally(rated.participant),
        not_sure=tally(rated.participant, rated.outcome == 0),
        catches=tally(catch.participant),
        catches_right=tally(catch.participant, right),
        identical=tally(sided.participant),
        identical_left=tally(sided.participant, (sided.frame["choice"] == "left").to_numpy(bool)),
        repeats=tally(again),
        repeats_same=tally(again, repeated.same),
        response_ms=_median(rated, response, everyone),
        fast_share=_share_below(rated, response, FAST_MS, everyone),
        flips=_median(rated, flips, everyone),
        few_flips_share=_share_below(rated, flips, FEW_FLIPS, everyone),
    )


def _median(votes: Votes, values: Floats, participants: Ints) -> Floats:
    medians = pd.Series(values).groupby(votes.participant).median()
    return medians.reindex(participants).to_numpy(float)


def _share_below(votes: Votes, values: Floats, limit: float, participants: Ints) -> Floats:
    said = np.isfinite(values)
    below = np.bincount(votes.participant[said & (values < limit)], minlength=len(votes.participants))
    return share(below, np.bincount(votes.participant[said], minlength=len(votes.participants)))[participants]


def repeats(selection: Selection) -> Repeats:
    """Find for each repeat vote the rating vote of the same session on the same two images, whatever their sides.

    Images are told apart by condition, rate, source and crop, and by their digests. A repeat without a first vote is
    left out.
    """
    rated, others = selection.rated, selection.others
    row = np.flatnonzero((others.frame["kind"] == "repeat").to_numpy(bool) & (others.left != others.right))
    shown = np.flatnonzero(np.isin(rated.participant, others.participant[row]))
    if not len(row) or not len(shown):
        return Repeats(row[:0], row[:0], np.empty(0, bool))
    first = _keys(rated, shown).reset_index(names="first")
    again = _keys(others, row).reset_index(names="row")
    met = again.merge(first.drop_duplicates([name for name in first if name != "first"]), how="inner")
    place_row, place_first = row[met["row"].to_numpy()], shown[met["first"].to_numpy()]
    return Repeats(place_row, place_first, winner(others)[place_row] == winner(rated)[place_first])


def _keys(votes: Votes, rows: Ints) -> pd.DataFrame:
    """Return what names the two images of each of the rows, the same for both ways round, and the session."""
    left, right, frame = votes.left[rows], votes.right[rows], votes.frame.iloc[rows]
    straight = left < right
    shas = [frame[name].to_numpy(object) for name in SHOWN]
    return pd.DataFrame(
        {
            "participant": votes.participant[rows],
            "session": frame["session"].to_numpy(object),
            "source": votes.source[rows],
            **{name: frame[name].fillna(-1).to_numpy(float) for name in CROP},
            "low": np.minimum(left, right),
            "high": np.maximum(left, right),
            "low_sha": np.where(straight, shas[0], shas[1]),
            "high_sha": np.where(straight, shas[1], shas[0]),
        }
    )


@dataclass(frozen=True)
class OnUnits:
    """Votes as those on units, a unit being two images: all arrays have one entry (votes,).

    `unit` numbers the units in the order of source, crop, and both items. `value` is 0 where the item of the lower
    number won, 1 where the other one did, 2 for neither. `counts`: of several votes of a participant on a unit the
    first one does.
    """

    unit: Ints
    value: Ints
    counts: Mask

    def table(self) -> Ints:
        """Return the votes that count for each value of each unit (units, 3)."""
        cells = 3 * self.unit[self.counts] + self.value[self.counts]
        return np.bincount(cells, minlength=3 * (int(self.unit.max()) + 1)).reshape(-1, 3)


def on_units(votes: Votes) -> OnUnits:
    """Return the votes as those on units; at least one vote."""
    straight = votes.left < votes.right
    corner = [votes.frame[name].fillna(-1).to_numpy(np.int64) for name in CROP]
    unit = votes.source + 1
    for label in (*corner, np.minimum(votes.left, votes.right), np.maximum(votes.left, votes.right)):
        known, place = numbered(label)
        unit = numbered(unit * len(known) + place)[1]
    value = np.where(votes.outcome == 0, 2, np.where((votes.outcome > 0) == straight, 0, 1))
    again = pd.Series(unit * len(votes.participants) + votes.participant).duplicated().to_numpy(bool)
    return OnUnits(unit, value, ~again)


def winner(votes: Votes) -> Ints:
    """Return the item that won each vote, -1 for none."""
    return np.where(votes.outcome == 0, -1, np.where(votes.outcome > 0, votes.left, votes.right))
