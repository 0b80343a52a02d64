"""Ratings of parts of the votes, what divides them, and small parts that are named only."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from analysis.files import Refusal
from analysis.groups import HALVES, halves, labelled, read_sessions
from analysis.parts import all_parts, labels, parts, too_small
from analysis.rating import Settings, rate
from analysis.selection import Selection
from tests.analysis.made_votes import Rows, pair_rows, vote_rows, write_csv

Selected = Callable[..., Selection]
TRUTH = {0.3: {"x": 80, "y": 0, "z": -80}, 0.5: {"x": 60, "y": 50, "z": -110}}
SETTINGS = Settings(anchor="x")


def tagged(rows: Rows) -> Rows:
    for row in rows:
        row["tag"] = {"0": "text", "1": "face", "2": ""}[str(int(str(row["source"])[-2:]) % 3)]
    return rows


def test_a_part_is_rated_as_its_votes_alone(selected: Selected) -> None:
    rows = tagged(vote_rows(5, TRUTH, votes=40))
    found = parts(selected(rows), SETTINGS, "tag")
    assert [part.name for part in found] == ["face", "text"]
    alone = rate(selected([row for row in rows if row["tag"] == "text"]), Settings(), ("bradley-terry",))
    assert found[1].votes == sum(row["tag"] == "text" for row in rows)
    assert found[1].participants == 12
    for mine, theirs in zip(found[1].scales, alone, strict=True):
        assert mine.rating == pytest.approx(theirs.rating)
        assert (mine.margin(0, 1), mine.over) == (pytest.approx(theirs.margin(0, 1)), theirs.over)
    assert [part.by for part in all_parts(selected(rows), SETTINGS)] == ["source"] * 8 + ["tag"] * 2


def test_small_parts_are_named_with_their_size(selected: Selected) -> None:
    rows = tagged(vote_rows(5, TRUTH, votes=40))
    for row in rows:
        if row["source"] == "photo-01":
            row["participant"] = "p00"
    sizes = {part.name: part for part in parts(selected(rows), SETTINGS, "source")}
    few = sizes["photo-01"]
    assert few.scales == ()
    assert few.small == f"{few.votes} votes of 1 participant; told from 30 votes of 5 participants on"
    assert all(part.scales for name, part in sizes.items() if name != "photo-01")
    assert (too_small(30, 5), too_small(29, 5) != "", too_small(30, 4) != "") == ("", True, True)
    assert too_small(1, 1).startswith("1 vote of 1 participant;")


def test_rates_are_parts_only_where_votes_link_them(selected: Selected) -> None:
    rows = vote_rows(5, TRUTH, votes=40)
    assert parts(selected(rows), SETTINGS, "rate") == ()
    across = vote_rows(6, {0.3: {"x": 0, "y": 0}}, votes=20)
    for row in across:
        row["vote"] = int(str(row["vote"])) + len(rows)
        row |= {"left": "x@0.50", "left_codec": "x", "left_rate": 0.5, "right": "y@0.30", "right_codec": "y"}
    linked = selected(rows + across)
    found = parts(linked, SETTINGS, "rate")
    assert [part.name for part in found] == ["0.3", "0.5"]
    assert [len(part.scales[0].counts.items) for part in found] == [3, 3]
    _, code = labels(linked.rated, "rate")
    assert (code == -1).sum() == len(across)


def test_votes_without_sources_or_tags_have_no_parts(selected: Selected) -> None:
    rows = pair_rows(*[("a", "b", side) for side in ("left", "right")] * 5)
    for row in rows:
        del row["source"]
    assert all_parts(selected(rows), Settings()) == ()


def sessions_file(tmp_path: Path, rows: Rows) -> Path:
    return write_csv(tmp_path / "sessions.csv", rows)


def test_sessions_are_halved_at_their_middle_position(selected: Selected) -> None:
    rows = vote_rows(5, {0.3: {"x": 0, "y": 0}}, participants=2, votes=5)
    for at, row in enumerate(rows):
        row |= {"session": f"s-{row['participant']}", "position": 100 - at}
    votes = selected(rows).rated
    assert halves(votes).tolist() == [1, 1, 0, 0, 0] * 2
    for row in rows:
        row["session"] = ""
    assert halves(selected(rows).rated).tolist() == [1, 1, 0, 0, 0] * 2
    rows[3]["position"] = ""
    assert (halves(selected(rows).rated) == -1).all()


def test_what_people_said_divides_their_votes(selected: Selected, tmp_path: Path) -> None:
    rows = vote_rows(5, {0.3: {"x": 0, "y": 0}}, participants=4, votes=6)
    for at, row in enumerate(rows):
        row |= {"session": f"s-{row['participant']}", "position": at + 1}
    said = [
        {"participant": f"p{at:02d}", "session": f"s-p{at:02d}", "vision": vision, "display": "laptop"}
        for at, vision in enumerate(("normal", "corrected", ""))
    ]
    sessions = read_sessions(sessions_file(tmp_path, said))
    votes = selected(rows).rated
    found = {name: (names, code) for name, names, code in labelled(votes, sessions)}
    names, code = found["vision"]
    assert [names[at] if at >= 0 else "" for at in code] == ["normal"] * 6 + ["corrected"] * 6 + [""] * 12
    assert (found["display"][1] == 0).sum() == 18
    assert (found["age_band"][1] == -1).all()
    assert found["half of session"][0] == HALVES
    assert np.array_equal(found["participant"][1], votes.participant)
    assert [name for name, _, _ in labelled(votes)] == ["source", "tag", "half of session", "participant"]


def test_sessions_of_nobody_are_refused(tmp_path: Path) -> None:
    path = sessions_file(tmp_path, [{"participant": "p", "session": "s"}, {"participant": "", "session": "t"}])
    with pytest.raises(Refusal, match="line 3, column participant: empty; export the file again"):
        read_sessions(path)
