"""What `study check` found: how bad it is, what kind of thing it is, and one sentence."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Literal, NamedTuple

Severity = Literal["refusal", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("refusal", "warning", "note")
"""What cannot be loaded; what would spoil the study or its results; what is allowed and worth knowing."""
SHOWN = 3
"""Findings of one kind that are told one by one."""


class Finding(NamedTuple):
    """`kind` is a word by which findings of one sort are told together; `says`: what, where, what to do."""

    severity: Severity
    kind: str
    says: str


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """The worst first, those of one kind together, otherwise as they were found."""
    found = list(findings)
    kinds = {(f.severity, f.kind): at for at, f in reversed(list(enumerate(found)))}
    return sorted(found, key=lambda f: (SEVERITIES.index(f.severity), kinds[f.severity, f.kind]))


def lines(findings: Iterable[Finding]) -> Iterator[str]:
    """A line a finding; of many of one kind the first ones and their number."""
    for (severity, _), group in groupby(in_order(findings), key=lambda f: (f.severity, f.kind)):
        alike = list(group)
        shown = alike if len(alike) == SHOWN + 1 else alike[:SHOWN]
        yield from (f"{severity.capitalize()}: {finding.says}" for finding in shown)
        if len(alike) > len(shown):
            yield f"... and {len(alike) - len(shown)} more like this; `--json` lists them all."
