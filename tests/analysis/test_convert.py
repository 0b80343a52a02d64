"""Other tools' votes, in the columns of votes.csv."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from analysis.convert import converted
from analysis.files import Refusal
from analysis.selection import select
from analysis.votes import VOTES_COLUMNS, Votes, parse_votes

HIFIC = "rater,seq,image,x,y,w,h,winner,loser,random_choice\n"


def convert(tmp_path: Path, text: str, form: str, asks_for: str = "") -> Votes:
    path = tmp_path / "my votes.csv"
    path.write_text(text)
    return parse_votes(path, converted(path, form, asks_for).encode())


def test_plain_words_become_choices(tmp_path: Path) -> None:
    text = "left,right,winner\nA b,C,LEFT\nC,A b,right\nC,A b,Tie\nC,A b,not sure\n"
    votes = convert(tmp_path, text, "plain", "closer")
    assert votes.frame["choice"].tolist() == ["left", "right", "not_sure", "not_sure"]
    assert [item.condition for item in votes.items] == ["A-b", "C"]
    assert votes.participants == ("unknown",)
    assert set(votes.frame["asks_for"]) == {"closer"}
    assert set(votes.frame["study"]) == {"my-votes"}
    assert set(votes.frame["config"]) == {hashlib.sha256(text.encode()).hexdigest()}


def test_plain_carries_columns_over(tmp_path: Path) -> None:
    text = "left,right,winner,participant,source,left_rate,right_rate,simulated,other\nA,B,left,p1,s 1,0.5,0.5,1,x\n"
    votes = convert(tmp_path, text, "plain")
    assert votes.simulated
    assert votes.items[0].rate == 0.5
    assert votes.sources == ("s-1",)
    assert votes.participants == ("p1",)


def test_only_filled_columns_are_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "v.csv"
    path.write_text("winner,right,left\nleft,B,A\n")
    header = converted(path, "plain").splitlines()[0].split(",")
    assert header == [name for name in VOTES_COLUMNS if name in header]
    assert set(header) == {"vote", "study", "config", "participant", "left", "right", "choice"}


def test_hific_rows_have_a_winner_and_no_sides(tmp_path: Path) -> None:
    rows = [f"{n % 3},{n},i{n % 5}.v1.png,3,4,768,768,good,bad,{int(n % 10 == 0)}" for n in range(200)]
    votes = convert(tmp_path, HIFIC + "\n".join([*rows, "1,300,i1.v1.png,3,4,768,768,bad,bad,1"]) + "\n", "hific")
    selection = select(votes)
    assert selection.asked["layout"] == "unknown"
    assert [out.votes for out in selection.left_out] == [1]
    rated = selection.rated
    good = [item.condition for item in rated.items].index("good")
    winner = np.where(rated.outcome > 0, rated.left, rated.right)[rated.outcome != 0]
    assert set(winner) == {good}
    assert (rated.outcome == 0).sum() == 20
    assert 60 < (rated.left == good).sum() < 140
    assert votes.sources == tuple(f"i{n}.v1" for n in range(5))
    assert set(votes.frame["crop_width"]) == {768.0}


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        ("plain", "left,right,winner\nA,B,up\n", "line 2, column winner: unknown winner 'up'"),
        ("plain", "left,right,winner\nA,B,\n", "unknown winner ''"),
        ("plain", "left,right\nA,B\n", "the column winner is missing"),
        ("plain", "left,right,winner\nA b,A-b,left\n", "column right: 'A-b' and 'A b' both become A-b"),
        (
            "plain",
            "left,right,winner,source\nA,B,left,s 1\nA,B,left,s-1\n",
            "line 3, column source: 's-1' and 's 1' both",
        ),
        ("plain", "left,right,winner,tag\nA,B,left,x!\nA,B,left,x?\n", "column tag: 'x.' and 'x!' both become x-"),
        ("hific", HIFIC + "0,0,i.png,1,1,9,9,a,b,0\n0,1,i.jpg,1,1,9,9,a,b,0\n", "column image: .* both become i;"),
        ("plain", "left,right,winner,left_rate\nA,B,left,x\n", "line 2, column left_rate: not a number"),
        ("plain", "left,right,winner\n,B,left\n", "line 2, column left: empty"),
        ("hific", HIFIC + "0,0,i.png,1,1,9,9,a,b,2\n", "line 2, column random_choice: unknown value '2'"),
        ("hific", HIFIC + "0,0,i.png,-1,1,9,9,a,b,0\n", "line 2, column crop_x: not a whole number"),
        ("hific", "rater,seq\n1,2\n", "the column image is missing"),
    ],
)
def test_what_is_not_of_the_form_is_refused(tmp_path: Path, form: str, text: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        convert(tmp_path, text, form)


def test_names_are_made_valid(tmp_path: Path) -> None:
    votes = convert(tmp_path, "left,right,winner\n=cmd(),_x,left\n", "plain")
    assert [item.condition for item in votes.items] == ["x-cmd--", "x_x"]
