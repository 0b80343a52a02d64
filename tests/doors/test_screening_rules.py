"""The rules that study.toml may name are those that the analysis knows, and the page of formats explains them all."""

import re
from pathlib import Path

from analysis.rules import FLIPPED, RULES
from study import spec_refusals, spec_tables

FORMATS = Path(__file__).resolve().parents[2] / "docs/formats.md"


def test_both_rooms_know_the_same_rules() -> None:
    assert tuple(rule.name for rule in RULES) == spec_tables.RULES


def test_the_page_of_formats_explains_each_of_them() -> None:
    row = next(
        line for line in FORMATS.read_text(encoding="utf-8").splitlines() if line.startswith("| `rule` | required")
    )
    assert tuple(re.findall(r"`(\w+)`: ", row)) == spec_tables.RULES


def test_both_rooms_know_the_same_layouts_that_flip() -> None:
    assert (*spec_refusals.FLIPPED, "unknown") == FLIPPED
