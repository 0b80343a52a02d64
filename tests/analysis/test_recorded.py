"""What lies beside the votes: whether ratings were in view before the study had closed stands in every report."""

import hashlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from analysis.cli import cli
from analysis.files import Refusal
from analysis.recorded import recorded
from analysis.selection import select
from analysis.votes import read_votes
from tests.analysis.made_votes import vote_rows, write_csv

DESIGN = "[analysis]\nlooks = [10]\n"
RATES = {0.5: {"x": 40, "y": 0}}
HEAD = "at,did,sessions,votes,detail\n"
OPENED = "2026-01-31T12:00:00.000Z,opened,0,0,\n"
UNCOVERED = "2026-01-31T13:00:00.000Z,uncovered,4,80,\n2026-01-31T14:00:00.000Z,uncovered,6,120,\n"
LOOKED = "2026-01-31T15:00:00.000Z,looked,10,200,aa\n"


@pytest.fixture
def votes(tmp_path: Path) -> Path:
    """Votes with their design beside them."""
    config = hashlib.sha256(DESIGN.encode()).hexdigest()
    (tmp_path / "design.toml").write_text(DESIGN, encoding="utf-8")
    return write_csv(tmp_path / "votes.csv", vote_rows(6, RATES, config=config, study="s"))


def test_the_report_says_that_ratings_were_in_view_while_votes_came_in(votes: Path, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(HEAD + OPENED + UNCOVERED + LOOKED, encoding="utf-8")
    done = CliRunner().invoke(cli, ["report", str(votes), "--rounds", "20", "-o", str(tmp_path / "report")])
    assert done.exit_code == 0, done.output
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "Ratings were uncovered while the study took votes (2 times, first with 4 complete sessions and 80" in page
    assert "as it had planned (once, first with 10 complete sessions and 200 rating votes)" in page
    beside = json.loads((tmp_path / "report" / "settings.json").read_text(encoding="utf-8"))["beside"]
    assert beside["seen"] == {"uncovered": 2, "looked": 1}


@pytest.mark.parametrize(
    ("history", "seen"),
    [(None, {}), (HEAD, {"uncovered": 0, "looked": 0}), (HEAD + OPENED, {"uncovered": 0, "looked": 0})],
)
def test_nothing_is_said_where_nobody_saw_them(
    votes: Path, tmp_path: Path, history: str | None, seen: dict[str, int]
) -> None:
    if history:
        (tmp_path / "history.csv").write_text(history, encoding="utf-8")
    found = recorded(select(read_votes(votes), {}).rated)
    assert (found.seen, found.notes, found.in_view) == (seen, (), ())


def test_a_history_beside_another_design_is_not_this_studys(votes: Path, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text(HEAD + UNCOVERED, encoding="utf-8")
    (tmp_path / "design.toml").write_text("[analysis]\n", encoding="utf-8")
    found = recorded(select(read_votes(votes), {}).rated)
    assert found.seen == {}
    assert [note.partition(" ")[0] for note in found.notes] == ["the"]


def test_a_history_that_cannot_be_read_is_refused(votes: Path, tmp_path: Path) -> None:
    (tmp_path / "history.csv").write_text("at,what\n2026,opened\n", encoding="utf-8")
    with pytest.raises(Refusal, match=r"history\.csv"):
        recorded(select(read_votes(votes), {}).rated)
