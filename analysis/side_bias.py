"""The pull of a side on the press: its size, its interval, and whether it is there at all."""

from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, expit, ndtr

from analysis.counts import Counts
from analysis.fitting import fitted
from analysis.intervals import Uncertainty
from analysis.models import Fit
from analysis.scales import UNITS, WORDS, Unit, points


@dataclass(frozen=True)
class SideBias:
    """The pull of the left side on the press, in Elo points (Davidson and Beaver 1977), with its likelihood-ratio test.

    `margin` is half the width of its 95% interval, None where there is none; `share` is that of left presses between
    two equals, among those that decide. `statistic` is twice the gain in log-likelihood over no side bias, and `p` its
    tail under chi-squared with 1 degree of freedom, both as if votes were independent; None under a ridge.
    """

    points: float
    margin: float | None
    share: float
    statistic: float | None
    p: float | None

    @property
    def ends(self) -> tuple[float, float]:
        """Both ends of the interval; NaN where there is none."""
        margin = np.nan if self.margin is None else self.margin
        return self.points - margin, self.points + margin

    def words(self, unit: Unit) -> list[str]:
        """Return what a cell of a table says: `name=value` each."""
        ends = dict(zip(("side_bias", "side_low", "side_high"), (self.points, *self.ends), strict=True))
        words = [f"{name}={points(end / UNITS[unit], unit)}" for name, end in ends.items() if not np.isnan(end)]
        return words if self.p is None else [*words, f"side_p={self.p:.3g}"]

    def record(self, unit: Unit) -> dict[str, float | None]:
        """Return the numbers by name, in a unit of ratings; None where there is none."""
        low, high = (None if np.isnan(end) else end / UNITS[unit] for end in self.ends)
        return {
            "side_bias": self.points / UNITS[unit],
            "low": low,
            "high": high,
            "left_share_between_equals": self.share,
            "likelihood_ratio": self.statistic,
            "p": self.p,
        }

    def told(self, unit: Unit) -> str:
        """Return the side bias in a sentence."""
        size, (low, high) = UNITS[unit], self.ends
        words = f"the left side draws the press by {self.points / size:.3g} {WORDS[unit]}"
        if not np.isnan(low):
            words += f" (from {low / size:.3g} to {high / size:.3g})"
        words += f", {100 * self.share:.1f}% of the presses between two equals"
        if self.p is None:
            return f"{words}; not tested under a ridge"
        tested = f"likelihood ratio {self.statistic:.2f} on 1 degree of freedom, p = {self.p:.2g}"
        return f"{words}; {tested} as if votes were independent"


def side_bias(counts: Counts, fit: Fit, found: Uncertainty | None, left: int) -> SideBias | None:
    """Return the side bias of a fit; None where it is no parameter.

    `left` is 1 where the pressed side is the winner, -1 where it is the loser: a fit knows winners only.
    """
    if fit.side is None:
        return None
    share = expit(left * fit.side) if fit.model.link == "logistic" else ndtr(left * fit.side)
    margin, statistic, p = found.side_margin if found else None, None, None
    if not fit.ridge:
        plain = fitted(counts, replace(fit.model, side_bias=False))
        statistic = max(0.0, 2 * (fit.log_likelihood - plain.log_likelihood))
        p = float(chdtrc(1, statistic))
    return SideBias(left * fit.points * fit.side, margin, float(share), statistic, p)
