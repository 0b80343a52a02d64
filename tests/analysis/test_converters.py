"""Every format both ways: facts of the published files, refusals with their place, and what a format can hold."""

import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import cli
from analysis.convert import FORMS, Conversion, convert
from analysis.files import Refusal
from analysis.selection import select
from analysis.votes import VOTES_COLUMNS, parse_votes
from tests.analysis.made_votes import Rows, vote_rows, write_csv

MUCPED = {
    "crop": [176, 279, 768, 768],
    "greater": "dist_6",
    "image": "an-image.v1.png",
    "lesser": "dist_17",
    "random_choice": False,
    "rater_time_ms": 75125,
    "image_dims": [1280, 1920],
    "greater_elo": 1537.1,
    "rater_flips": 9,
}
BATTLE = {
    "question_id": "q1",
    "model_a": "m 1",
    "model_b": "m2",
    "winner": "model_b",
    "judge": "arena_user_7",
    "conversation_a": [{"role": "user", "content": "x"}],
    "turn": 1,
    "anony": True,
    "tstamp": 1682351591.1322,
}
AIC3 = """assignment,worker,method,task,question_id,img_num,codec_left,codec_pivot,codec_right,dlevel_left,\
dlevel_pivot,\
dlevel_right,img_left,is_same,is_cross,is_bias,is_trap,question_order,response,submission_time,response_time,\
reload_count,resolution,toggle_count
A1,12,BTC,3,77,2,1,0,4,5,0,7,x.png,0,1,0,0,9,left,2024-01-10T10:11:12Z,2.345,1,1920x1080,4
A1,12,BTC,3,78,2,0,0,4,0,0,10,x.png,0,0,0,1,10,right,2024-01-10T10:11:19Z,1.5,1,1920x1080,4
A1,12,BTC,3,79,2,4,0,4,3,0,3,x.png,1,0,1,0,11,not sure,2024-01-10T12:11:25+01:00,3,1,1920x1080,4
"""
FOREIGN = ("mucped", "elo", "hific", "pwcmp", "aic3", "arena")


def run(
    tmp_path: Path, text: str | bytes, form: str, to: str = "csv", name: str = "in.csv", **kw: object
) -> Conversion:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    suffix = ".json" if to in {"mucped", "arena"} else ".csv"
    return convert(path, form, to=to, output=tmp_path / f"out{suffix}", **kw)  # type: ignore[arg-type]


def rows(done: Conversion) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.data.decode(), newline="")))


def test_mucped_has_winners_flips_times_and_crops(tmp_path: Path) -> None:
    records = [MUCPED, MUCPED | {"random_choice": True, "rater_flips": 2}, MUCPED | {"crop": [600, 0, 768, 768]}]
    done = run(tmp_path, json.dumps([*records, MUCPED | {"crop": [-3, 0, 9, 9]}], indent=2), "mucped")
    found = rows(done)
    won = [row[row["choice"]] if row["choice"] != "not_sure" else "" for row in found]
    assert won == ["dist_6", "", "dist_6", "dist_6"]
    assert {(row["source"], row["asks_for"], row["reference"], row["layout"]) for row in found} == {
        ("an-image.v1", "closer", "always", "unknown")
    }
    assert [row["crop_x"] for row in found] == ["176", "176", "600", ""]
    assert (found[0]["response_ms"], found[0]["flips"], found[0]["participant"]) == ("75125", "9", "unknown")
    said = " ".join(done.notes)
    assert "2 crops reach outside their image" in said
    assert "1 of 4 votes took under 3 flips or 3000 ms" in said
    assert "no place for greater_elo" in said
    assert len(select(parse_votes(Path("v"), done.data)).rated) == 4


@pytest.mark.parametrize("form", ["list", "lines"])
def test_arena_is_a_list_or_lines(tmp_path: Path, form: str) -> None:
    battles = [BATTLE, BATTLE | {"winner": "tie (bothbad)", "anony": False}, BATTLE | {"winner": "model_a"}]
    text = json.dumps(battles) if form == "list" else "\n".join(map(json.dumps, battles)) + "\n"
    done = run(tmp_path, text, "arena", name="battles.json")
    found = rows(done)
    assert [row["choice"] for row in found] == ["right", "not_sure", "left"]
    assert found[0] | {"left": "m-1", "right": "m2", "participant": "arena_user_7", "trial": "q1"} == found[0]
    assert found[0]["voted_at"] == "2023-04-24T15:53:11.132Z"
    said = " ".join(done.notes)
    for part in ("1 battles in which both were bad", "1 battles showed the models' names", "conversation_a, turn"):
        assert part in said


def test_aic3_names_the_side_that_differs_more(tmp_path: Path) -> None:
    done = run(tmp_path, AIC3, "aic3")
    found = rows(done)
    assert [row["kind"] for row in found] == ["rating", "catch", "identical"]
    assert [row["expected"] for row in found] == ["", "right", ""]
    assert [row["choice"] for row in found] == ["left", "right", "not_sure"]
    assert [row["left"] for row in found] == ["1@5", "reference", "4@3"]
    assert found[2]["voted_at"] == "2024-01-10T11:11:25.000Z"
    assert found[0]["response_ms"] == "2345"
    assert {(row["asks_for"], row["layout"], row["reference"]) for row in found} == {
        ("more_different", "btc", "always")
    }
    votes = select(parse_votes(Path("v"), done.data)).rated
    assert votes.items[votes.right[0]].condition == "4@7"
    assert votes.outcome.tolist() == [-1]
    assert "img_left, resolution" in done.notes[0]


def test_aic3_takes_no_condition_for_the_source(tmp_path: Path) -> None:
    text = "participant,left,right,choice,asks_for\np,{},reference,left,closer\n"
    for name in ("0@5", "a@", "a"):
        (row,) = rows(run(tmp_path, run(tmp_path, text.format(name), "votes", "aic3").data, "aic3"))
        assert (row["left"], row["right"]) == (name, "reference")
    with pytest.raises(Refusal, match="line 2, column left: 0 would come back from aic3 as reference"):
        run(tmp_path, text.format("0"), "votes", "aic3")


def test_elo_golden_questions_are_catch_trials(tmp_path: Path) -> None:
    text = (
        "methodA,methodB,isGolden,modelProbability,answerValue,answerer\na,b,0,0,A,r\na,b,1,1,B,r\na,b,true,0,draw,r\n"
    )
    found = rows(run(tmp_path, text, "elo"))
    assert [row["kind"] for row in found] == ["rating", "catch", "catch"]
    assert found[0][found[0]["choice"]] == "a"
    assert found[1]["expected"] == found[1]["choice"] != "not_sure"
    assert (found[2]["choice"], found[2]["expected"]) == ("not_sure", "")


def test_elo_reads_the_four_columns_of_mucped23(tmp_path: Path) -> None:
    text = "methodA,methodB,originalName,answerValue\nmozjpeg-q80-yuv422,jpegli-q70-yuv444,1044329,B\n"
    (row,) = rows(run(tmp_path, text, "elo", asks_for="closer"))
    assert row[row["choice"]] == "jpegli-q70-yuv444"
    assert (row["participant"], row["source"], row["asks_for"]) == ("unknown", "1044329", "closer")


@pytest.mark.parametrize(
    "text",
    [
        "observer,session_id,scene,condition_A,condition_B,is_A_selected\nM01,1,window,x,y,0\n",
        "trial,observer,session,scene,condition_1,condition_2,selected\n7,M01,1,window,x,y,2\n",
    ],
)
def test_pwcmp_under_either_of_its_names(tmp_path: Path, text: str) -> None:
    (row,) = rows(run(tmp_path, text, "pwcmp"))
    assert row[row["choice"]] == "y"
    assert (row["participant"], row["session"], row["source"]) == ("M01", "1", "window")


@pytest.mark.parametrize(
    ("form", "text", "says"),
    [
        (
            "mucped",
            json.dumps([MUCPED, MUCPED | {"random_choice": 2}], indent=1),
            "line 21, column random_choice: unknown value '2'",
        ),
        ("mucped", json.dumps([MUCPED | {"crop": [1, 2]}]), "line 1, column crop: not a list of 4 whole numbers"),
        ("mucped", '[{"greater": "a"}]', "the field image is missing"),
        ("mucped", '[{"greater": "a"}', "breaks off before the list ends"),
        ("mucped", "[3]", "line 1: not a record"),
        ("mucped", '[{"greater": }]', "line 1: not readable JSON"),
        ("mucped", "[]", "holds no votes"),
        ("arena", json.dumps([BATTLE | {"winner": "me"}]), "line 1, column winner: unknown winner 'me'"),
        ("arena", json.dumps([BATTLE | {"tstamp": "soon"}]), "column tstamp: not seconds since 1970 'soon'"),
        ("elo", "methodA,methodB,answerValue\na,b,C\n", "line 2, column answerValue: unknown answer 'C'"),
        ("pwcmp", "observer,condition_A,condition_B\np,a,b\n", "is_A_selected .or selected. is missing"),
        (
            "pwcmp",
            "observer,selected\np,1\n",
            "condition_A and condition_B .or condition_1 and condition_2. is missing",
        ),
        ("pwcmp", "observer,condition_1,condition_2,selected\np,a,b,3\n", "column selected: unknown value '3'"),
        ("aic3", AIC3.replace("2.345", "fast"), "line 2, column response_time: not seconds 'fast'"),
        ("aic3", AIC3.replace(",right,2024", ",,2024"), "line 3, column response: unknown value ''"),
        ("parquet", "left,right\n", "is no Parquet file"),
        ("votes", "participant,left,right,choice\np,a,b,up\n", "line 2, column choice: unknown value 'up'"),
    ],
)
def test_a_row_that_cannot_be_a_vote_is_refused(tmp_path: Path, form: str, text: str, says: str) -> None:
    with pytest.raises(Refusal, match=says):
        run(tmp_path, text, form)


def test_the_question_turns_winners_into_presses_and_back(tmp_path: Path) -> None:
    text = "left,right,winner\na,b,left\n"
    done = run(tmp_path, text, "plain", asks_for="more_different")
    assert rows(done)[0]["choice"] == "right"
    assert parse_votes(Path("v"), done.data).outcome.tolist() == [1]
    assert rows(run(tmp_path, done.data, "votes", "plain"))[0]["winner"] == "left"
    with pytest.raises(Refusal, match="line 2, column asks_for: more_different was asked, not prefer"):
        run(tmp_path, done.data, "votes", asks_for="prefer")
    with pytest.raises(Refusal, match="these votes prefer"):
        run(tmp_path, text, "plain", "aic3", asks_for="prefer")


def test_a_column_may_have_another_name(tmp_path: Path) -> None:
    text = "left,right,winner,worker\na,b,tie,w7\n"
    assert rows(run(tmp_path, text, "plain", columns={"participant": "worker"}))[0]["participant"] == "w7"
    with pytest.raises(Refusal, match="the column who of --column is missing"):
        run(tmp_path, text, "plain", columns={"participant": "who"})
    with pytest.raises(Refusal, match="has no column person"):
        run(tmp_path, text, "plain", columns={"person": "worker"})


def made(tmp_path: Path, **cells: object) -> tuple[Rows, bytes]:
    votes = vote_rows(4, {0.3: {"a": 0, "b": 50}, 0.5: {"a": 0, "b": 50}}, participants=3, votes=6, not_sure=0.2)
    votes = [
        vote | {"response_ms": 900 + vote["vote"], "flips": 5, "trial": f"t{vote['vote']}"} | cells for vote in votes
    ]  # type: ignore[operator]
    return votes, write_csv(tmp_path / "made.csv", votes).read_bytes()


KEPT = {
    "mucped": ("source", "crop_x", "crop_height", "response_ms", "flips"),
    "hific": ("source", "crop_x", "crop_height", "participant", "trial"),
    "elo": ("source", "participant"),
    "pwcmp": ("source", "participant", "trial", "asks_for"),
    "aic3": ("source", "participant", "response_ms", "flips", "trial", "left", "right", "choice"),
    "arena": ("participant", "left", "right", "choice", "trial"),
    "plain": VOTES_COLUMNS,
}


def same(votes: Rows, back: list[dict[str, str]], name: str) -> bool:
    """Whether a column holds the same numbers, however they are written."""
    try:
        return [float(str(vote[name])) for vote in votes] == [float(row[name]) for row in back]
    except (KeyError, ValueError):
        return False


def winners(votes: Iterable[Mapping[str, object]]) -> list[object]:
    worse = {"left": "right", "right": "left"}
    sides = [worse.get(v["choice"], "") if v.get("asks_for") == "more_different" else v["choice"] for v in votes]  # type: ignore[call-overload]
    return [vote.get(side) for vote, side in zip(votes, sides, strict=True)]


@pytest.mark.parametrize("to", KEPT)
def test_what_a_format_can_hold_survives_and_the_rest_is_told(tmp_path: Path, to: str) -> None:
    asks_for = "more_different" if to == "aic3" else "closer"
    votes, data = made(tmp_path, asks_for=asks_for)
    there = run(tmp_path, data, "votes", to, name="made.csv")
    back = rows(run(tmp_path, there.data, to, name="back"))
    want = [vote for vote in votes if to != "pwcmp" or vote["choice"] != "not_sure"]
    assert there.votes == len(back) == len(want)
    told = next((note.split("does not keep ")[1].split(", ") for note in there.notes if "does not keep" in note), [])
    for name in want[0]:
        kept = [str(vote[name]) for vote in want] == [row.get(name, "") for row in back]
        assert name not in KEPT[to] or kept or same(want, back, name)
        assert kept or {part.split(" (")[0] for part in told} & {name, "which side was left"} or same(want, back, name)
    assert {row["simulated"] for row in back} == {"1"}
    assert winners(want) == winners(back)


def test_votes_that_a_format_has_no_place_for_are_counted(tmp_path: Path) -> None:
    votes, _ = made(tmp_path)
    for row, kind in enumerate(("catch", "repeat", "practice")):
        votes[row]["kind"] = kind
    votes[9] |= {"corrects": 9, "participant": votes[8]["participant"]}
    data = write_csv(tmp_path / "kinds.csv", [{"corrects": ""} | vote for vote in votes]).read_bytes()
    done = run(tmp_path, data, "votes", "arena")
    assert done.votes == len(votes) - 4
    for part in ("1 catch votes", "1 repeat votes", "1 practice votes", "1 replaced by a later correction"):
        assert any(part in note for note in done.notes)
    assert run(tmp_path, data, "votes", "plain").votes == len(votes)
    only = write_csv(tmp_path / "c.csv", [vote | {"kind": "catch"} for vote in votes[:8]]).read_bytes()
    with pytest.raises(Refusal, match="holds no vote for hific: 8 catch votes"):
        run(tmp_path, only, "votes", "hific")


def test_a_self_pair_stays_and_is_counted_by_the_reader(tmp_path: Path) -> None:
    done = run(tmp_path, "methodA,methodB,answerValue\na,a,A\na,b,B\n", "elo")
    assert [out.votes for out in select(parse_votes(Path("v"), done.data)).left_out] == [1]


CELL = st.text("a0 =-,'\"\n\té\N{EYES}", max_size=4)
NAME = st.sampled_from(["0", "1", "a", "a@", "a@0.30", "0@5", "reference", "b-2/c_d", "e.f", "7."])
VOTE = st.fixed_dictionaries(
    {
        "participant": CELL.filter(bool),
        "left": NAME,
        "right": NAME,
        "choice": st.sampled_from(["left", "right", "not_sure"]),
        "asks_for": st.sampled_from(["closer", "more_different"]),
        "source": NAME,
        "session": CELL,
    }
)


@settings(max_examples=60, deadline=None)
@given(votes=st.lists(VOTE, min_size=1, max_size=5), to=st.sampled_from(sorted({*FORMS} - {"parquet"})))
def test_any_vote_survives_the_round_trip(tmp_path_factory: pytest.TempPathFactory, votes: Rows, to: str) -> None:
    """Who won among which two on which source comes back from every format, and all of it from plain.

    Refused are votes without any that the format holds, and a codec's name that AIC-3 gives to the source.
    """
    folder = tmp_path_factory.mktemp("trip")
    path = write_csv(folder / "in.csv", votes)
    first = convert(path, "votes", to="csv", output=folder / "v.csv")
    again = folder / "first.csv"
    again.write_bytes(first.data)
    try:
        there = convert(again, "votes", to=to, output=folder / "x")
    except Refusal as refusal:
        names = {vote[side] for vote in votes for side in ("left", "right")}
        reason = {"pwcmp": "holds no vote for pwcmp", "aic3": "0 would come back from aic3 as reference"}[to]
        assert reason in refusal.message  # noqa: PT017
        assert to == "pwcmp" or "0" in names
        return
    foreign = folder / "foreign"
    foreign.write_bytes(there.data)
    back = convert(foreign, to, to="csv", output=folder / "y")

    def won(data: bytes) -> list[tuple[frozenset[str], str, str]]:
        read = parse_votes(Path("v"), data)
        pairs = zip(read.left, read.right, read.outcome, read.frame["source"], strict=True)
        names = [item.condition for item in read.items]
        return [
            (frozenset((names[i], names[j])), "" if result == 0 else names[i if result > 0 else j], source)
            for i, j, result, source in pairs
        ]

    want = [vote for vote in won(first.data) if to != "pwcmp" or vote[1]]
    if to != "arena":
        assert won(back.data) == want
    else:
        assert [vote[:2] for vote in won(back.data)] == [vote[:2] for vote in want]
    if to in {"plain", "votes"}:
        made = {"vote", "study", "config"}  # what plain adds where it is missing
        assert [{k: v for k, v in row.items() if k not in made} for row in rows(back)] == rows(first)


def test_real_files_of_people(human_votes: Path, tmp_path: Path) -> None:
    hific = run(tmp_path, (human_votes / "hific_dev.csv").read_bytes(), "hific")
    assert (hific.votes, hific.notes) == (3405, ())
    again = run(tmp_path, run(tmp_path, hific.data, "votes", "hific").data, "hific")
    drop = {"config", "study", "left", "right", "choice"}
    assert [{k: v for k, v in row.items() if k not in drop} for row in rows(again)] == [
        {k: v for k, v in row.items() if k not in drop} for row in rows(hific)
    ]
    original = list(csv.DictReader((human_votes / "hific_dev.csv").read_text().splitlines()))
    written = rows(run(tmp_path, hific.data, "votes", "hific"))
    sure = [(one, two) for one, two in zip(original, written, strict=True) if one["random_choice"] == "0"]
    assert all(one == two for one, two in sure)
    pwcmp = run(tmp_path, (human_votes / "pwcmp_tmo.csv").read_bytes(), "pwcmp")
    assert pwcmp.votes == 1213
    assert len(select(parse_votes(Path("v"), pwcmp.data)).rated.participants) == 18
    llmfao = run(tmp_path, (human_votes / "llmfao.csv").read_bytes(), "plain", columns={"participant": "worker"})
    read = parse_votes(Path("v"), llmfao.data)
    assert (len(read), len(read.items), len(read.participants), (read.outcome == 0).sum()) == (8931, 59, 124, 3471)


def test_parquet_holds_what_votes_csv_holds(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    _, data = made(tmp_path)
    canonical = run(tmp_path, data, "votes").data
    there = run(tmp_path, canonical, "votes", "parquet")
    assert there.data.startswith(b"PAR1")
    assert there.notes == ()
    assert rows(run(tmp_path, there.data, "parquet")) == rows(run(tmp_path, canonical, "votes"))


def test_parquet_without_pyarrow_is_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "fastparquet", None)
    with pytest.raises(Refusal, match="Parquet needs pyarrow; install it with"):
        run(tmp_path, b"PAR1 and so on", "parquet")
    with pytest.raises(Refusal, match="cannot be written: Parquet needs pyarrow"):
        run(tmp_path, made(tmp_path)[1], "votes", "parquet")


def test_the_command_tells_what_is_lost(tmp_path: Path) -> None:
    assert set(cli.FORMS) == set(FORMS)
    made(tmp_path)
    words = ["convert", str(tmp_path / "made.csv"), "--from", "votes", "--to", "arena", "-o", str(tmp_path / "b.jsonl")]
    done = CliRunner().invoke(cli.cli, words)
    assert done.exit_code == 0, done.output
    assert "Note: arena does not keep study, config" in done.stderr
    assert "36 votes: " in done.stdout
    assert all(json.loads(line)["model_a"] for line in (tmp_path / "b.jsonl").read_text().splitlines())
    told = json.loads(CliRunner().invoke(cli.cli, [*words, "--json"]).stdout)
    assert told["votes"] == 36
    for bad in ("participant", "participant=", "=worker"):
        assert CliRunner().invoke(cli.cli, [*words, "--column", bad]).exit_code == 2
