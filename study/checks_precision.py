"""Whether a study will have the votes to tell the difference that it ought to tell."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from study import comparisons, precision
from study.checks_design import Sessions
from study.comparisons import Pair
from study.finding import Finding
from study.folder import StudyFolder
from study.precision import Clusters
from study.spec import Spec


@dataclass(frozen=True)
class _Need:
    """What a pair of conditions gets, for one question, and what it needs.

    `people` are the participants that the quotas foresee, `got` their votes on it and `tells` the difference in Elo
    points that these tell, all None where nothing limits the study. `enough` is how many participants do, None: no
    number; `least` is the difference that any number on so many sources tells.
    """

    name: str
    sources: int
    people: int | None
    got: float | None
    tells: float | None
    enough: int | None
    least: float

    @property
    def missing(self) -> float:
        """How many participants are missing."""
        return math.inf if self.enough is None else self.enough - (self.people or 0)


def check(read: StudyFolder, spec: Spec, session: Sessions) -> Iterator[Finding]:
    """Whether the comparisons that matter will tell the wished difference."""
    primary = _primary(read, spec)
    pairs, level = primary or set(session.crops), _level(spec, len(primary))
    needs = [_need(pair, spec, session, level) for pair in sorted(pairs, key=sorted)]
    worst = max(needs, key=lambda need: need.missing)
    would = _would(worst, spec, level)
    if worst.people is None:
        yield Finding("note" if worst.enough else "warning", "precision", would)
    elif worst.missing > 0:
        weak = sum(need.missing > 0 for need in needs)
        what = "primary comparisons" if primary else "pairs of conditions"
        asked = " for each question" if spec.study.or_asks_for else ""
        yield Finding(
            "warning",
            "precision",
            f"{weak} of {len(needs)} {what} will have too few votes: {worst.name} gets about {worst.got:.0f} by "
            f"{worst.people} participants on {worst.sources} sources{asked}, which tell {worst.tells:.0f} points; "
            f"{would}",
        )


def _primary(read: StudyFolder, spec: Spec) -> set[Pair]:
    rated = comparisons.rated((row.condition, row.codec, row.rate) for row in read.stimuli)
    return {pair for text in spec.analysis.primary for pair in comparisons.meant(text, rated)}


def _level(spec: Spec, tests: int) -> float:
    """The level of each test: all primary ones share alpha (Bonferroni), and so do the looks at them."""
    return spec.analysis.alpha / max(1, tests) / spec.analysis.looks_in_all


def _need(pair: Pair, spec: Spec, session: Sessions, level: float) -> _Need:
    over, alike = spec.analysis.interval, precision.correlation()
    by_people, by_sources = (alike if over in {"both", way} else 0.0 for way in ("participants", "sources"))
    questions = 2 if spec.study.or_asks_for else 1
    each = session.trials * session.crops.get(pair, 0) / session.pairs  # votes of one participant on these conditions
    sources = Clusters(session.sources.get(pair, 1), by_sources)
    independent = precision.independent_votes(spec.analysis.wished, level)
    enough = precision.participants_needed(independent, each, sources, by_people) if each else None
    foreseen = _participants(spec, session)
    people = max(1, foreseen // questions) if foreseen else None
    got = people * each if people else None
    worth = precision.worth(got, [Clusters(people, by_people), sources]) if people and got else None
    return _Need(
        name=",".join(sorted(pair)),
        sources=sources.number,
        people=people,
        got=got,
        tells=precision.told(worth, level) if worth else None,
        enough=enough,
        least=precision.told(precision.most_worth([sources]), level) if by_sources else 0.0,
    )


def _participants(spec: Spec, session: Sessions) -> int | None:
    """How many the quotas foresee; None where nothing limits them."""
    ask = spec.design
    limits = [ask.participants] if ask.participants else []
    limits += [math.ceil(ask.votes_per_pair * session.pairs / session.trials)] if ask.votes_per_pair else []
    return min(limits, default=None)


def _would(need: _Need, spec: Spec, level: float) -> str:
    """What would tell the wished difference, and what to do."""
    wished = (
        f"would tell the {spec.analysis.wished:g} Elo points of `analysis.wished` ({100 * precision.POWER:.0f}% power, "
        f"level {level:.2g}, people and images that differ by {precision.SPREAD:g})"
    )
    if need.enough is None:
        return (
            f"no number of participants {wished} on {need.sources} sources, which never tell less than "
            f"{need.least:.0f}: take more sources, or wish for less."
        )
    people = need.enough * (2 if spec.study.or_asks_for else 1)
    if need.people is None:
        return f"{people} participants {wished}: invite so many, or wish for less."
    return f"{people} {wished}: raise `design.participants` or `design.votes_per_pair`, or wish for less."
