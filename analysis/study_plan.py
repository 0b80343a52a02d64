"""A study planned from nothing: conditions, rates, people and images in, votes out."""

from dataclasses import dataclass

import numpy as np

from analysis.intervals import Over
from analysis.needed import Wish
from analysis.planning import Clusters, Need, correlation, exact_votes, need, preferred

PARTICIPANTS, SOURCES = 40, 30


@dataclass(frozen=True)
class StudyPlan:
    """What a study of `conditions` at each of `rates` needs; `pair` is the need of one pair, before any other is asked.

    `family`: the independent votes of a pair if all `pairs` of a rate share the level. `ways` are the clusters that the
    results shall speak for, by name. `more` says for each of them how many would do at the least, were the others as
    they are, where no number of votes does; None where no number of them would do either.
    """

    wish: Wish
    conditions: int
    rates: int
    ways: dict[str, Clusters]
    pair: Need
    family: int
    more: dict[str, int | None]

    @property
    def pairs(self) -> int:
        """The pairs of a rate."""
        return self.conditions * (self.conditions - 1) // 2

    @property
    def votes(self) -> int | None:
        """The votes of the whole study; None where no number would do."""
        return None if self.pair.votes is None else self.pair.votes * self.pairs * self.rates


def study_plan(wish: Wish, conditions: int, rates: int, over: Over = "both") -> StudyPlan:
    """Plan a study with complete pairs; missing numbers of `wish` are `PARTICIPANTS` and `SOURCES`."""
    every = {
        "participants": Clusters(
            wish.participants or PARTICIPANTS, correlation(wish.participant_spread, wish.source_spread)
        ),
        "sources": Clusters(wish.sources or SOURCES, correlation(wish.source_spread, wish.participant_spread)),
    }
    ways = {name: way for name, way in every.items() if over in ("both", name)}
    pairs = conditions * (conditions - 1) // 2
    tests = pairs if wish.bonferroni else 1
    pair = need(wish.difference, *ways.values(), level=wish.level, power=wish.power, tests=tests)
    exact = exact_votes(wish.difference, wish.level / tests, wish.power)
    more = {name: fewest(exact, name, ways) for name in ways} if pair.votes is None else {}
    family = int(np.ceil(exact_votes(wish.difference, wish.level / pairs, wish.power)))
    return StudyPlan(wish, conditions, rates, ways, pair, family, more)


def fewest(independent: float, name: str, ways: dict[str, Clusters]) -> int | None:
    """Return the fewest clusters of a way with which some number of votes is worth more than `independent` ones."""
    left = 1 / independent - sum(way.correlation / way.number for other, way in ways.items() if other != name)
    return int(np.floor(ways[name].correlation / left)) + 1 if left > 0 else None


NOUNS = {"participants": "participants", "sources": "images"}


def told(plan: StudyPlan) -> list[str]:
    """Return a plan in sentences."""
    wish, pair = plan.wish, plan.pair
    rates = "1 rate" if plan.rates == 1 else f"{plan.rates} rates"
    pairs = "1 pair at each" if plan.pairs == 1 else f"{plan.pairs} pairs at each"
    shared = "which share the level" if wish.bonferroni else f"{plan.family} where all pairs of a rate share the level"
    told_apart = f"Two-sided {wish.level:g} and {100 * wish.power:g}% power take {pair.independent} independent votes"
    lines = [
        f"{plan.conditions} conditions at {rates}: {pairs}.",
        f"{wish.difference:g} Elo points are {100 * preferred(wish.difference):.1f}% of the votes.",
        f"{told_apart} a pair, {shared}.",
    ]
    if not plan.ways:
        return [*lines, f"In all {plan.votes} votes, if the results shall speak for these votes only."]
    alike = ", ".join(f"{way.correlation:.3f} by {NOUNS[name]}" for name, way in plan.ways.items())
    return [*lines, f"Votes are alike with intraclass correlations of {alike}.", *_clustered(plan)]


def _clustered(plan: StudyPlan) -> list[str]:
    """Return what the clusters make of a plan."""
    named = " on ".join(f"{way.number} {NOUNS[name]}" for name, way in plan.ways.items())
    if plan.votes is None:
        enough = [f"{number} {NOUNS[name]}" for name, number in plan.more.items() if number]
        return [
            f"No number of votes by {named} tells that; the least that they tell is {plan.pair.reached:.0f} points.",
            f"What would do at the least: {' or '.join(enough)}." if enough else "More of both would be needed.",
        ]
    line = f"By {named}: {plan.pair.votes} votes a pair (design effect {plan.pair.effect:.2f}), {plan.votes} in all"
    if people := plan.ways.get("participants"):
        line += f", {plan.votes / people.number:.0f} a participant"
    return [f"{line}."]


def record(plan: StudyPlan) -> dict[str, object]:
    """Return a plan as `--json` prints it."""
    pair = plan.pair
    return {
        "conditions": plan.conditions,
        "rates": plan.rates,
        "pairs_a_rate": plan.pairs,
        "difference": plan.wish.difference,
        "level": plan.wish.level,
        "power": plan.wish.power,
        "bonferroni": plan.wish.bonferroni,
        "independent_votes_a_pair": pair.independent,
        "independent_votes_a_pair_bonferroni": plan.family,
        "clusters": {
            name: {"number": way.number, "correlation": round(way.correlation, 6)} for name, way in plan.ways.items()
        },
        "votes_a_pair": pair.votes,
        "design_effect": None if pair.effect is None else round(pair.effect, 4),
        "votes": plan.votes,
        "least_difference": round(pair.reached, 3),
        "fewest": plan.more,
    }
