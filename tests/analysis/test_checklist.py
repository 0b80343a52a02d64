"""The checklist of a report: filled from what was recorded, and "not recorded" where nothing was."""

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.answers import Study
from analysis.checklist import ITEMS, NOT_RECORDED, Item, checklist
from analysis.elo import EloSettings
from analysis.files import Refusal, read_table
from analysis.findings import Asked, gather
from analysis.rating import Settings
from analysis.recorded import Recorded, recorded
from analysis.selection import Selection
from analysis.stimuli import read_stimuli
from tests.analysis.made_votes import Rows, stimulus_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
QUICK = Settings(elo=EloSettings(rounds=20))
RATES = {0.5: {"x": 40, "y": 0, "z": -40}}
DESIGN = """
[study]
name = "made"
not_sure = false
loupe = true
contact = "ask@example.org"

[design]
seed = 7
trials = 60
block = 20
practice = 2
practice_rounds = 3
minimum_view_ms = 500
strategy = "balanced"

[screening]
catches_missed = 2

[texts]
question = "Which one?"
consent = "One.\\n\\nTwo."
instructions = "Look."
pay = ""
"""
EMPTY = {"plates_shown": "", "pixels_per_degree": "", "colour_depth": "", "ended_at": ""}


def sessions(rows: Rows) -> Rows:
    """A session for each participant; the first says nothing, the last withdrew."""
    found: Rows = []
    for at, who in enumerate(sorted({str(row["participant"]) for row in rows})):
        said = {"vision": "corrected", "age_band": "18_29"} if at % 2 else {"vision": "normal", "age_band": "30_44"}
        found.append(
            {
                "participant": who,
                "session": f"s-{who}",
                "started_at": "2026-01-31T12:00:00.000Z",
                "ended_at": "2026-01-31T12:10:30.000Z",
                "outcome": "complete",
                **(said if at else {"vision": "", "age_band": ""}),
                "screen_width": 1920,
                "screen_height": 1080,
                "pixels_per_degree": 60 + at,
            }
        )
    return [*found, found[0] | {"participant": "gone", "session": "s-gone", "outcome": "withdrawn", "ended_at": ""}]


@pytest.fixture
def rows() -> Rows:
    config = hashlib.sha256(DESIGN.encode()).hexdigest()
    made = vote_rows(3, RATES, config=config, pixel_exact=1, response_ms=2500, strategy="balanced", simulated=0)
    for row in made:
        row |= {"session": f"s-{row['participant']}", "voted_at": "2026-01-31T12:05:00.000Z", "zoomed": 0}
    made[0] |= {"pixel_exact": 0, "zoomed": 1, "voted_at": "2026-01-30T23:59:59.000Z"}
    return made


def items(selection: Selection, known: Recorded | None = None, asked: Asked | None = None) -> dict[str, Item]:
    findings = gather(selection, QUICK, asked)
    groups = checklist(findings, recorded(findings.selection.rated) if known is None else known)
    return {item.name: item for group in groups for item in group.items}


def test_a_whole_study_fills_it(selected: Selected, rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "design.toml").write_text(DESIGN)
    write_csv(tmp_path / "sessions.csv", sessions(rows))
    stimuli = read_stimuli(write_csv(tmp_path / "stimuli.csv", stimulus_rows(rows)))
    found = items(selected(rows), asked=Asked(stimuli=stimuli, primary=[("x", "y")]))
    for name, words, file in (
        ("Number of participants", "12 participants", "votes.csv"),
        ("How sessions ended", "complete (12 sessions), withdrawn (1)", "sessions.csv"),
        ("Sight", "corrected (6 sessions), normal (5); 1 said nothing", "sessions.csv"),
        ("Withdrawals", "1 of 13 sessions", "sessions.csv"),
        ("Consent", "“One. Two.”", "design.toml"),
        ("Question", "“Which one?” (prefer)", "design.toml"),
        (
            "Pixels a degree of visual angle",
            "median 66, from 60 to 71 pixels a degree, from 12 sessions",
            "sessions.csv",
        ),
        ("Resolution of the screens", "in CSS pixels: 1920 x 1080 (12 sessions)", "sessions.csv"),
        ("Duration of a session", "10.5 minutes, of 12 complete sessions", "sessions.csv"),
        ("Images shown pixel for pixel", "239 of 240 votes, as the page measured", "votes.csv"),
        ("Magnifying", "used in 1 of 240 votes", "votes.csv"),
        ("When votes were cast", "2026-01-30 to 2026-01-31", "votes.csv"),
        ("Time of an answer", "median 2.5 s, middle half 2.5 to 2.5 s", "votes.csv"),
        ("Order and sides", "drawn for each participant, seed 7", "design.toml"),
        ("Practice", "2 trials with feedback, in 3 rounds at most", "design.toml"),
        ("Encoders", "made here", "stimuli.csv"),
        ("Pairs named beforehand", "x and y", "the command"),
        ("Trials a participant", "20 rated votes; at most 60 planned", "design.toml"),
        ("Screening during the study", "a warning after 2 missed catch trials, the end after one more", "design.toml"),
        ("Comparison", "paired comparison of two images, one of which had to be chosen; side by side", "votes.csv"),
    ):
        assert (found[name].words, found[name].file) == (words, file), name
    angle = found["Pixels a degree of visual angle"].words
    assert angle == "median 66, from 60 to 71 pixels a degree, from 12 sessions"
    for name in ("Approval by a review board", "Light in the room", "Pay", "Colour vision", "Catch trials"):
        assert (found[name].words, found[name].file) == (NOT_RECORDED, ""), name


def test_votes_alone_leave_most_unrecorded_and_nothing_is_guessed(selected: Selected) -> None:
    votes = [
        {"participant": who, "left": "a", "right": "b", "choice": choice}
        for who in ("p", "q", "r")
        for choice in ("left", "left", "right")
    ]
    found = items(selected(votes))
    told = {name for name, item in found.items() if item.told}
    assert told == {
        "Number of participants",
        "Rules, limits and who was left out",
        "Votes left out",
        "Conditions",
        "Comparison",
        "Votes a pair",
        "Trials a participant",
        "Pairs named beforehand",
        "Model, intervals and tests",
        "Files beside the votes that were left aside",
        "Votes",
    } | ({"Agreement of participants"} & told)
    assert found["Comparison"].words == "paired comparison of two images"
    assert all((item.file == "") == (not item.told) for item in found.values())


def test_another_study_s_design_is_left_aside(selected: Selected, rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "design.toml").write_text(DESIGN + "\n")
    found = items(selected(rows))
    assert found["Consent"].words == NOT_RECORDED
    assert "is not the one that they name" in found["Files beside the votes that were left aside"].words


def test_a_design_that_is_no_toml_is_refused(selected: Selected, rows: Rows, tmp_path: Path) -> None:
    broken = "[study\n"
    (tmp_path / "design.toml").write_text(broken)
    for row in rows:
        row["config"] = hashlib.sha256(broken.encode()).hexdigest()
    with pytest.raises(Refusal, match=r"design\.toml cannot be read .* export the votes again"):
        recorded(selected(rows).rated)


def test_sessions_that_are_given_take_the_place_of_those_beside(selected: Selected, rows: Rows, tmp_path: Path) -> None:
    write_csv(tmp_path / "sessions.csv", sessions(rows))
    other = write_csv(tmp_path / "other.csv", [{"participant": "p00", "session": "s-p00", "vision": "normal"}])
    known = recorded(selected(rows).rated, read_table(other, ("participant", "session")))
    assert known.sessions is not None
    assert known.sessions.path == other
    assert items(selected(rows), known)["Sight"].words == "normal (1 session)"


def test_votes_that_are_not_rated_do_not_count(selected: Selected, rows: Rows) -> None:
    extra = rows[0] | {"vote": 999, "kind": "practice", "pixel_exact": 0}
    found = items(selected([*rows, extra]))
    assert found["Images shown pixel for pixel"].words == "239 of 240 votes, as the page measured"


def test_simulated_participants_are_called_so(selected: Selected) -> None:
    found = items(selected(vote_rows(3, RATES)))
    assert found["Number of participants"].words == "12 simulated participants; no person took part"


def test_every_answer_of_a_study_is_asked_for() -> None:
    """No answer stands unused, and no heading is empty."""
    named = {name for items_ in ITEMS.values() for answer in items_.values() for name in answer.__code__.co_names}
    named |= {answer.__name__ for items_ in ITEMS.values() for answer in items_.values()}
    helpers = {"setting", "text", "column", "votes_that", "share_of", "sessions_behind", "spread"}
    public = {name for name, value in vars(Study).items() if callable(value) and not name.startswith("_")}
    assert public - named - helpers == set()
    assert all(ITEMS.values())


def test_free_text_stays_one_line(selected: Selected, rows: Rows, tmp_path: Path) -> None:
    (tmp_path / "design.toml").write_text(DESIGN)
    found = items(selected(rows))
    assert not any("\n" in item.words for item in found.values())
