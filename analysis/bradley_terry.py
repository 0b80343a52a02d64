"""The default model by its name: Bradley and Terry's, with Davidson's for votes that are "not sure".

A view of `models` for callers that want this model only: P(i wins) = 1 / (1 + exp(-(theta_i - theta_j))) where every
vote decides (Bradley and Terry 1952), and Davidson's three chances (1970) where some do not; see `outcomes`.
"""

from analysis import models
from analysis.existence import components, never_lost, not_sure_unbounded
from analysis.models import Fit, Model
from analysis.scales import ELO
from analysis.votes import Floats, Ints

__all__ = ["ELO", "Fit", "components", "fit", "never_lost", "not_sure_unbounded"]


def fit(first: Ints, second: Ints, table: Ints | Floats, ridge: float = 0.0) -> Fit:
    """Fit the default model to the counts `table` (pairs, 3) of the pairs `first`, `second`; see `models.fit`."""
    return models.fit(first, second, table, Model(ridge=ridge))
