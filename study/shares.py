"""A share of so many, with an interval: what a few trials say is not what it looks like."""

import math
from dataclasses import dataclass

Z = 1.959963984540054
"""The standard normal's 97.5% point."""


@dataclass(frozen=True)
class Share:
    """`hits` of `trials`, each of which might have gone either way."""

    hits: int
    trials: int

    @property
    def value(self) -> float | None:
        """From 0 to 1; nothing of nothing."""
        return self.hits / self.trials if self.trials else None

    @property
    def ends(self) -> tuple[float, float] | None:
        """The 95% score interval (Wilson 1927, JASA 22, 209-212), as if trials were independent."""
        if not self.trials:
            return None
        n, share = self.trials, self.hits / self.trials
        middle = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
        half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)
