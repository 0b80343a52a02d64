"""A plan for a registry says what the frozen design says, and no more."""

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from analysis.rules import RULES as ANALYSED
from study import loading, registering
from study.cli import cli
from study.db import Database
from study.export import write

Load = Callable[..., str]
WHOLE = """
[study]
asks_for = "prefer"
or_asks_for = "closer"
reference = "on_demand"
not_sure = true
[design]
participants = 40
votes_per_pair = 12
strategy = "adaptive"
random_share = 0.3
[screening]
catches_missed = 2
[analysis]
primary = ["jpeg,webp"]
alpha = 0.01
interval = "participants"
screening = ["catch_accuracy=0.75", "time=1000"]
looks = [20, 40]
[texts]
pay = '''
Five pounds.
```# No heading```'''
"""


COMMAND = (
    "- By: `manage.py analysis verdicts votes.csv --primary jpeg,webp --screen catch_accuracy=0.75 --screen time=1000 "
    "--resample participants --alpha 0.00333333 -o verdicts`"
)


def plan(database: Database, name: str = "tiny") -> str:
    with database.read() as db:
        return registering.text(db, loading.find(db, name))


def test_the_plan_says_what_the_design_says(database: Database, load: Load) -> None:
    load(sources=3, toml=WHOLE)
    said = plan(database)
    for line in (
        "1. `jpeg` and `webp` are not rated alike.",
        "- Asked: which one is preferred. In the words of the page:",
        "  > Which image do you prefer?",
        "  > Which image is closer to the original?",
        "- Answers: left, right, not sure",
        "- The original: in view while the participant asks for it",
        "- 3 crops of 3 sources",
        "| `jpeg@0.50` | `jpeg` | 0.50 | 3 |",
        "- Complete sessions at most: 40",
        "- Answers a pair of images at most: 12",
        "- 30% of the rating trials are drawn as `balanced` draws, whatever is loaded",
        "  > Five pounds.",
        "- During a session: 2 wrong catch trials bring a warning at a break, one more ends the session",
        "  - `catch_accuracy`: the share of catch trials answered as expected is below 0.75",
        "  - `time`: the median response is below 1000 ms",
        "- Family-wise error of the primary comparisons: 0.01",
        "- Intervals generalise over participants",
        COMMAND,
        "- Ratings are looked at once so many sessions are complete: 20, 40",
        "- They are looked at for the last time after the study has closed",
        "- Each of these 3 looks is at a level of 0.01 / 3 = 0.003333",
        "- The study ends at 40 complete sessions or 12 answers of every pair",
    ):
        assert line in said.splitlines(), line


def test_what_the_design_leaves_open_is_not_decided(database: Database, load: Load) -> None:
    load()
    said = plan(database)
    assert "Primary comparisons: not decided. All comparisons are exploratory." in said
    assert "- Complete sessions at most: not decided" in said
    assert "- What they get: not decided" in said
    assert "- Whom, and where they are found: not decided" in said
    assert "- Nobody looks at ratings before the study has closed" in said
    assert "- The study ends at a point that is not decided" in said
    assert "- Afterwards: nobody is left out of the ratings" in said


def test_the_digest_can_be_checked_from_the_page_and_from_the_export(
    database: Database, load: Load, tmp_path: Path
) -> None:
    load(toml=WHOLE)
    said = plan(database)
    with database.read() as db:
        config = loading.find(db, "tiny").config
        write(db, "tiny", tmp_path / "votes.csv")
    fence = re.search(r"^(`{4,})toml\n(.*?)^\1$", said, re.DOTALL | re.MULTILINE)
    assert fence, said
    assert hashlib.sha256(fence[2].encode()).hexdigest() == config
    assert hashlib.sha256((tmp_path / "design.toml").read_bytes()).hexdigest() == config
    assert f"- SHA-256 of the frozen design: `{config}`" in said
    assert f"{config}  design.toml" in said.splitlines()


def test_opening_changes_nothing_and_versions_are_told(database: Database, load: Load) -> None:
    load(state="draft")
    load("old")
    before = plan(database)
    with database.write() as db:
        study = loading.find(db, "tiny")
        study.version, study.follows_id = 2, loading.find(db, "old").id
    with database.write() as db:
        loading.change_state(db, "tiny", "open")
    assert plan(database) == before.replace("- Version: 1", "- Version: 2, following `old`")


def test_every_rule_has_words() -> None:
    assert set(registering.RULES) == {rule.name for rule in ANALYSED}
    assert all(words.count("{}") == 1 for words in registering.RULES.values())


@pytest.fixture
def place(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)


@pytest.mark.usefixtures("place")
@pytest.mark.parametrize("state", ["draft", "open"])
def test_the_command_prints_or_writes_it(database: Database, load: Load, tmp_path: Path, state: str) -> None:
    load(state=state)
    run: Callable[..., Any] = lambda *words: CliRunner().invoke(cli, ["preregister", "tiny", *words])  # noqa: E731
    printed = run()
    assert (printed.exit_code, printed.stdout) == (0, plan(database))
    assert ("is a draft" in printed.stderr) is (state == "draft")
    assert run("-o", str(tmp_path / "plan.md")).stdout == f"Wrote {tmp_path / 'plan.md'}\n"
    assert (tmp_path / "plan.md").read_text(encoding="utf-8") == plan(database)
