"""The rules by which participants may be left out: what each looks at, and where its limit usually stands."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from analysis.files import Refusal
from analysis.likelihoods import FAR
from analysis.selection import Selection
from analysis.votes import Floats, Mask

Name = Literal["catch_accuracy", "identical_side", "repeats", "time", "flips", "likelihood"]


@dataclass(frozen=True)
class Rule:
    """A rule: its `value` a participant is flagged on the wrong side of `limit`, which is allowed itself.

    `above`: on the upper side. `chosen`: who is flagged is left out of the ratings.
    """

    name: Name
    limit: float
    meaning: str
    above: bool = False
    chosen: bool = False

    def flags(self, value: Floats) -> Mask:
        """Return who is on the wrong side; nobody without a value."""
        return value > self.limit if self.above else value < self.limit


RULES: tuple[Rule, ...] = (
    Rule("catch_accuracy", 0.75, "share of catch trials answered as expected"),
    Rule("identical_side", 0.01, "p of the sides chosen between identical images, if both are as likely"),
    Rule("repeats", 0.5, "share of repeated pairs with the same answer"),
    Rule("time", 1000.0, "median response in milliseconds"),
    Rule("flips", 1.0, "median number of changes of the view"),
    Rule("likelihood", FAR, "how far the mean likelihood of the votes, given all others', lies below the first "
         "quartile, in interquartile ranges", above=True),
)  # fmt: skip
FLIPPED = ("flip", "flip_reference", "unknown")


def rules(chosen: Mapping[str, float], selection: Selection) -> tuple[Rule, ...]:
    """Return all rules, the `chosen` ones (name -> limit) with their limits.

    Raises `Refusal` where a chosen rule has no place in the study: likelihood where people were asked what they prefer
    (or the votes do not say what was asked), flips where nothing flips.
    """
    asked, path = selection.asked["asks_for"], selection.rated.path
    if "likelihood" in chosen and asked not in ("closer", "more_different"):
        what = "ask what people prefer" if asked else "do not say what was asked"
        raise Refusal(
            f"{path}: the votes {what}, and a different taste is no fault, so likelihood is reported and excludes "
            "nobody; leave --screen likelihood out."
        )
    if "flips" in chosen and selection.asked["layout"] not in FLIPPED:
        raise Refusal(
            f"{path}: participants do not flip the view under the layout {selection.asked['layout'] or '(not named)'}; "
            "leave --screen flips out."
        )
    return tuple(replace(rule, limit=chosen[rule.name], chosen=True) if rule.name in chosen else rule for rule in RULES)
