"""Which pairs of conditions the primary comparisons of a plan mean. Pure.

Each is `A,B`, two conditions or codecs, as `analysis verdicts --primary` takes them: a codec stands for its conditions,
and two names mean their pairs at one rate, where they have such pairs.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

Pair = frozenset[str]
"""Two conditions."""


class Rated(NamedTuple):
    """A condition that gets a rating."""

    name: str
    codec: str
    rate: float


def rated(rows: Iterable[tuple[str, str, str]]) -> list[Rated]:
    """The rated conditions, each once, from condition, codec and rate; references and catches have no rate."""
    return sorted({Rated(name, codec, float(rate)) for name, codec, rate in rows if rate})


def meant(text: str, conditions: Sequence[Rated]) -> set[Pair]:
    """The pairs of conditions that `A,B` may mean."""
    sides = [_named(name, conditions) for name in text.split(",")]
    every = {(a, b) for a in sides[0] for b in sides[1] if a != b}
    return {Pair((a.name, b.name)) for a, b in {(a, b) for a, b in every if a.rate == b.rate} or every}


def complaint(primary: Iterable[str], conditions: Sequence[Rated], compared: Collection[Pair]) -> str | None:
    """The first comparison that names what is not there, or what nobody would be asked about."""
    for text in primary:
        for name in text.split(","):
            if not _named(name, conditions):
                return (
                    f"`analysis.primary` names `{name}`, which is neither a condition nor a codec of stimuli.csv: "
                    f"write one of {', '.join(sorted({row.name for row in conditions}))}, or make its images."
                )
        if not meant(text, conditions) & set(compared):
            return (
                f'`analysis.primary` has "{text}", but no crop shows both at one rate, so they are never compared: '
                'set `design.rates = "across"`, or name others.'
            )
    return None


def _named(name: str, conditions: Sequence[Rated]) -> list[Rated]:
    return [row for row in conditions if row.name == name] or [row for row in conditions if row.codec == name]
