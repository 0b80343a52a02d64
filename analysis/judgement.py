"""Verdicts, parts, bits at equal preference and checks of the model: all that is judged of one file of votes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from numpy.random import SeedSequence

from analysis.adaptive import Shares, shares
from analysis.equal_preference import EqualPreference, bits, every_pair
from analysis.equal_preference import told as bits_told
from analysis.files import Table
from analysis.fit import FitCheck, checked
from analysis.linking import comparable
from analysis.parts import Part, all_parts
from analysis.rating import Scale, Settings, rate
from analysis.selection import Selection
from analysis.stimuli import Measures
from analysis.verdicts import Judged, Primary, judged
from analysis.verdicts import told as verdicts_told


@dataclass(frozen=True)
class Judgement:
    """Everything that was judged, in the order of the scales; `shares` is None where no plan looked at answers."""

    settings: Settings
    seed: int
    primary: Primary
    judged: tuple[Judged, ...]
    parts: tuple[Part, ...]
    equal: tuple[EqualPreference, ...]
    checks: tuple[FitCheck, ...]
    shares: Shares | None
    measures: Measures | None = None
    scales: tuple[Scale, ...] = field(default=())

    def told(self) -> Iterator[str]:
        """Give the findings in sentences; those about one scale begin with its name."""
        yield from verdicts_told(self.judged)
        for check in self.checks:
            yield from (f"{check.scale.name}: {sentence}" for sentence in check.told())
        yield from bits_told(self.equal)
        small = [part for part in self.parts if part.small]
        for by in dict.fromkeys(part.by for part in small):
            names = [part.name for part in small if part.by == by]
            more = f" and {len(names) - 5} more" if len(names) > 5 else ""
            yield f"too few votes or participants to rate by {by}: {', '.join(names[:5])}{more}"
        if self.shares:
            yield (
                f"{self.shares.random_votes} of {self.shares.votes} votes are about pairs that were drawn at random; "
                "their ratings stand beside those of all votes"
            )


def judge(
    selection: Selection,
    settings: Settings,
    *,
    primary: Primary = (),
    measures: Measures | None = None,
    sessions: Table | None = None,
    seed: int = 1,
    scales: Sequence[Scale] | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> Judgement:
    """Judge the selected votes. `scales` are those of `rate(selection, settings)`, which are made where not given.

    `primary` are pairs that were named beforehand, `sessions` a `sessions.csv`. `seed` seeds what is drawn, each in a
    stream of its own (the children of `SeedSequence(seed)`): signs where they are too many to count, then the votes
    that a model makes. `done` hears of votes, four times each. Raises
    `Refusal` where `rate` does, and where a primary pair is on no scale.
    """
    selection = comparable(selection, settings.model)
    votes = len(selection.rated)
    rated = tuple(scales) if scales is not None else rate(selection, settings, ("bradley-terry",))
    signs, made = SeedSequence(seed).spawn(2)
    verdicts = judged(rated, primary, signs)
    done(votes)
    checks = checked(selection, rated, settings, sessions, seed=made)
    done(votes)
    parts = all_parts(selection, settings)
    done(votes)
    equal = tuple(every_pair(rated, bits(rated, measures)))
    beside = shares(selection, settings, rated)
    done(votes)
    return Judgement(settings, seed, primary, verdicts, parts, equal, checks, beside, measures, rated)
