"""Metrics combined: how the differences of several metrics together predict votes on sources never seen in the fit.

Logistic regression, P(left wins) = 1 / (1 + exp(-w . x)), on differences x of metrics between the left and the right
image, each divided by its root mean square in the votes of the fit. There is no intercept, and nothing is subtracted:
with the sides swapped the same vote has the opposite prediction. A vote that is not sure counts half for either side.
Maximised is the log-likelihood less ridge / 2 |w|^2 (le Cessie and van Houwelingen 1992, "Ridge estimators in logistic
regression"), by Newton's method; with a ridge there is one finite maximum.

Folds are of whole sources: what a fit learns of an image, it cannot use on that image (grouped cross-validation).
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from analysis.votes import Floats, Ints

RIDGE = 1.0
FOLDS = 10
STEPS = 100
FLAT = 1e-10  # of the slope, for each vote's worth of weight


@dataclass(frozen=True)
class Fitted:
    """Weights (d,) of the differences in units of `spread` (d,), their root mean square."""

    weight: Floats
    spread: Floats

    def predict(self, x: Floats) -> Floats:
        """Return the logit (votes,) that left wins; x is (votes, d)."""
        return np.asarray(x / self.spread @ self.weight)


@dataclass(frozen=True)
class HeldOut:
    """The logit (votes,) of each vote by the fit of the folds that lack its source, and the fits."""

    logit: Floats
    everything: Fitted
    folds: tuple[Fitted, ...]


def logistic(x: Floats, share: Floats, votes: Floats, ridge: float = RIDGE) -> Fitted:
    """Fit differences x (votes, d) to the share (votes,) that left won of each; `votes` are weights.

    Raises ArithmeticError where Newton's method does not end.
    """
    spread = np.sqrt(votes @ x**2 / votes.sum())
    spread[spread == 0] = 1.0
    z, weight = x / spread, np.zeros(x.shape[1])

    def height(at: Floats) -> float:
        logit = z @ at
        return float(votes @ (share * logit - np.logaddexp(0, logit)) - ridge / 2 * at @ at)

    for _ in range(STEPS):
        chance = expit(z @ weight)
        slope = z.T @ (votes * (share - chance)) - ridge * weight
        if np.abs(slope).max() <= FLAT * votes.sum():
            return Fitted(weight, spread)
        information = (z.T * (votes * chance * (1 - chance))) @ z + ridge * np.eye(len(weight))
        step, here = np.linalg.solve(information, slope), height(weight)
        while height(weight + step) < here - 1e-9 * abs(here):  # the function is concave: shorter steps climb
            step = step / 2
        weight = weight + step
    raise ArithmeticError("the combination of metrics was not solved")


def folds(source: Ints, seed: int) -> Ints:
    """Return the fold of each vote: sources alone decide, shuffled by the seed into folds of as equal number."""
    labels, label = np.unique(source, return_inverse=True)
    many = min(FOLDS, len(labels))
    return np.asarray(np.random.default_rng(seed).permutation(np.arange(len(labels)) % many)[label])


def held_out(x: Floats, share: Floats, votes: Floats, source: Ints, seed: int = 1) -> HeldOut:
    """Fit every vote's prediction on the other folds' sources; at least two sources."""
    fold = folds(source, seed)
    logit, fits = np.zeros(len(x)), []
    for one in np.unique(fold):
        inside = fold != one
        fits.append(logistic(x[inside], share[inside], votes[inside]))
        logit[~inside] = fits[-1].predict(x[~inside])
    return HeldOut(logit, logistic(x, share, votes), tuple(fits))
