"""The door from study to analysis: a fixed little study gives the committed files, byte for byte, on both databases."""

import csv
import hashlib
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import select, update

from study import export, history, loading, scheduling, steps, vote_rows, voting
from study.db import Database
from study.errors import Refused
from study.folder import read
from study.ledger import Deed
from study.models import Fact, Participant, Session, Trial
from study.spec import Ask, Design, Links, Spec, Study, Texts, parse, to_toml

GOLDEN = Path(__file__).parent / "golden"
FILES = ("votes.csv", "sessions.csv", "history.csv", "columns.csv", "design.toml")
NOON = datetime(2026, 1, 31, 12, 0, 0, 7000, tzinfo=UTC)
"""Seven milliseconds past, so that a lost digit shows."""


WHOLE = {
    "response_ms": 1234, "flips": 2, "left_ms": 1234, "right_ms": 1200, "reference_ms": 0, "zoomed": False,
    "hidden_ms": 0, "viewport_width": 1280, "viewport_height": 800, "device_pixel_ratio": 1.25,
    "device_pixels_per_pixel": 1.0, "pixel_exact": True, "bytes_verified": True,
    "left_x": 100.0, "left_y": -20.5, "right_x": 700.0, "right_y": 120.0,
    "region_x": 1, "region_y": 2, "region_width": 63, "region_height": 62,
    "geometry_changes": 3,
}  # fmt: skip


def golden_spec() -> Spec:
    asked = Spec(
        study=Study(name="golden", asks_for="prefer", not_sure=True, contact="=mail@example.org", view="context",
                    mark_region=True),
        design=Design(seed=3, practice=1, catch_rate=0.5, identical_rate=0.5, repeat_rate=0.5, block=3),
        ask=Ask(age=True),
        links=Links(completion="https://example.org/done"),
        texts=Texts(title='"Golden"', question="Which?", consent="One.\n\nTwo.", instructions="Look.", thanks="Ta.",
                    screened_out="Off."),
    )  # fmt: skip
    return parse(to_toml(asked), "golden")


def fill(database: Database, media: Path) -> None:
    """Four participants: one complete, with a correction; one simulated, in the middle; one declined; one new."""
    loading.load(database, read(GOLDEN / "stimuli"), golden_spec(), media)
    with database.write() as db:
        loading.change_state(db, "golden", "open")
        # The log keeps real time; what it says of a study that is always the same is set to one moment.
        db.execute(update(Deed.__table__).values(at=NOON))
    complete, halfway = enter(database, "p1", 0), enter(database, "p2", 1, simulated=True)
    enter(database, "p3", 2, agrees=False)
    enter(database, "p4", 3)
    at, corrected = NOON + timedelta(seconds=60), False
    for number, choice in enumerate(("left", "right", "not_sure") * 3):
        answer = vote(database, complete, choice, at + timedelta(seconds=10 * number), WHOLE if number % 2 == 0 else {})
        if answer["step"] == "thanks":
            break
        if answer["undo"] and not corrected:
            corrected = True
            correct(database, complete, "left", at + timedelta(seconds=10 * number + 5))
    vote(database, halfway, "left", NOON + timedelta(hours=1), {})


def enter(
    database: Database, pseudonym: str, minute: int, *, simulated: bool = False, agrees: bool = True
) -> Participant:
    at = NOON + timedelta(minutes=minute)
    with database.write() as db:
        study = loading.find(db, "golden", lock=True)
        participant = Participant(
            study_id=study.id, token=pseudonym, pseudonym=pseudonym, simulated=simulated, created_at=at
        )
        db.add(participant)
        db.flush()
        if agrees:
            scheduling.begin(db, study, participant, at)
        else:
            scheduling.decline(db, participant, at)
    return participant


def vote(
    database: Database, participant: Participant, choice: str, at: datetime, measured: dict[str, Any]
) -> dict[str, Any]:
    with database.write() as db:
        session = db.scalars(select(Session).where(Session.participant_id == participant.id)).one()
        for step in ("questions", "instructions", "break"):
            if steps.go_on(db, session, step, at) and step == "questions":
                db.add(Fact(session_id=session.id, name="age_band", value="30_44"))
        trial = steps.here(db, session, at).trial
        assert trial is not None
        steps.show(db, trial, at - timedelta(seconds=1), fetched=True)
        steps.show(db, trial, at, fetched=choice == "right")
    ballot = voting.Ballot(trial=trial.public, key=trial.key, choice=choice, **measured)
    return voting.cast(database, "golden", participant.token, ballot, at).answer


def correct(database: Database, participant: Participant, choice: str, at: datetime) -> None:
    with database.read() as db:
        session = db.scalars(select(Session).where(Session.participant_id == participant.id)).one()
        trial = steps.here(db, session, at).undo
        assert trial is not None
        assert trial.correction_key is not None
    ballot = voting.Ballot(trial=trial.public, key=trial.correction_key, choice=choice, response_ms=77)
    voting.cast(database, "golden", participant.token, ballot, at)


@pytest.fixture
def filled(database: Database, tmp_path: Path) -> Database:
    fill(database, tmp_path / "media")
    return database


def test_a_fixed_study_gives_the_golden_files(filled: Database, tmp_path: Path) -> None:
    with filled.read() as db:
        written = export.write(db, "golden", tmp_path / "out" / "votes.csv")
    assert {path.name: rows for path, rows in written.items()} == {
        "votes.csv": 8, "sessions.csv": 4, "history.csv": 2,
        "columns.csv": len(export.VOTES_COLUMNS) + len(export.SESSIONS_COLUMNS) + len(history.COLUMNS),
        "design.toml": None,
    }  # fmt: skip
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (GOLDEN / "votes" / name).read_bytes(), name


def test_the_same_data_give_the_same_bytes(filled: Database, tmp_path: Path) -> None:
    for out in ("one", "two"):
        with filled.read() as db:
            export.write(db, "golden", tmp_path / out / "votes.csv")
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in FILES)


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def test_the_golden_files_keep_the_contract() -> None:
    """What docs/formats.md says of these files, looked up in them."""
    rows, sessions, dictionary = (table(GOLDEN / "votes" / f"{name}.csv") for name in ("votes", "sessions", "columns"))
    stimuli = {row["context_sha256"]: row for row in table(GOLDEN / "stimuli" / "stimuli.csv")}
    design = (GOLDEN / "votes" / "design.toml").read_bytes()
    assert {row["config"] for row in rows} == {hashlib.sha256(design).hexdigest()}
    assert parse(design.decode(), "design.toml") == golden_spec()
    for row in rows:
        for side in ("left", "right"):
            shown = stimuli[row[f"{side}_sha256"]]
            assert (shown["condition"], shown["codec"]) == (row[side], row[f"{side}_codec"])
            assert (shown["rate"], shown["bpp"]) == (row[f"{side}_rate"], row[f"{side}_bpp"])
            crop = ("source", "source_sha256", "tag", "crop_x", "crop_y", "crop_width", "crop_height")
            assert [shown[name] for name in crop] == [row[name] for name in crop]
        assert stimuli[row["reference_sha256"]]["condition"] == "reference"
        assert (row["expected"] == "") == (row["kind"] in {"rating", "identical", "repeat"})
        assert (row["probability"] == "") == (row["kind"] != "rating")
        assert (row["left"] == row["right"]) == (row["kind"] == "identical")
    assert {row["view"] for row in rows} == {"context"}
    assert {row["kind"] for row in rows} == {"practice", "catch", "identical", "rating", "repeat"}
    assert [row["corrects"] for row in rows] == ["", "", "2", "", "", "", "", ""]
    assert [row["simulated"] for row in rows] == ["0"] * 7 + ["1"]
    assert [rows[0][f"region_{name}"] for name in ("x", "y", "width", "height")] == ["1", "2", "63", "62"]
    assert [row["geometry_changes"] for row in rows[:2]] == ["3", ""]
    assert (rows[0]["left_y"], rows[0]["device_pixel_ratio"], rows[0]["left_x"]) == ("-20.5", "1.25", "100")
    assert rows[0]["voted_at"] == "2026-01-31T12:01:00.007Z"
    assert rows[1]["reloads"] == "2"
    assert [row["outcome"] for row in sessions] == ["complete", "expired", "declined", "expired"]
    assert [row["last_step"] for row in sessions] == ["thanks", "trial", "consent", "questions"]
    # Of two rounds of practice one was enough, two are needed, nothing was begun, one is needed so far.
    assert [row["trials_planned"] for row in sessions] == ["6", "7", "0", "6"]
    assert [row["votes"] for row in sessions] == ["6", "1", "0", "0"]
    assert [row["age_band"] for row in sessions] == ["30_44", "30_44", "", ""]
    assert [(row["file"], row["column"]) for row in dictionary] == [
        *(("votes.csv", column) for column in export.VOTES_COLUMNS),
        *(("sessions.csv", column) for column in export.SESSIONS_COLUMNS),
        *(("history.csv", column) for column in history.COLUMNS),
    ]
    assert all(row["meaning"] and row["type"] for row in dictionary)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (None, ""), (True, "1"), (False, "0"), (7, "7"), (-20.5, "-20.5"), (100.0, "100"), (1 / 3, f"0.{'3' * 16}"),
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@x", "'@x"), ("\tx", "'\tx"), ("\rx", "'\rx"), ("a=", "a="),
        (NOON, "2026-01-31T12:00:00.007Z"),
    ],
)  # fmt: skip
def test_cells(value: object, expected: str) -> None:
    assert vote_rows.cell(value) == expected


def test_a_row_survives_commas_quotes_and_line_breaks() -> None:
    file = io.StringIO(newline="")
    export.write_table(file, ("a", "b"), [{"a": 'x,"y"\n', "b": "=z"}])
    assert file.getvalue() == 'a,b\n"x,""y""\n",\'=z\n'
    assert list(csv.reader(io.StringIO(file.getvalue(), newline=""))) == [["a", "b"], ['x,"y"\n', "'=z"]]


def test_an_unknown_study_leaves_no_file(filled: Database, tmp_path: Path) -> None:
    with filled.read() as db, pytest.raises(Refused, match="No study `none` is loaded"):
        export.write(db, "none", tmp_path / "out" / "votes.csv")
    assert not (tmp_path / "out").exists()


def test_a_failure_half_way_leaves_what_was_there(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with filled.read() as db:
        export.write(db, "golden", tmp_path / "votes.csv")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in {".csv", ".toml"}}

    def fails_at_the_fourth(*of: Any) -> Iterator[tuple[str, ...]]:
        for number, row in enumerate(vote_rows.rows(*of), start=1):
            if number == 4:
                raise OSError(28, "No space left on device")
            yield ("changed", *row[1:])

    monkeypatch.setattr(export, "vote_rows", fails_at_the_fourth)
    with filled.read() as db, pytest.raises(OSError, match="No space left"):
        export.write(db, "golden", tmp_path / "votes.csv")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix in {".csv", ".toml"}} == before
    assert not list(tmp_path.glob(".*.part"))


def contents(path: Path) -> dict[str, bytes | None]:
    return {file.name: file.read_bytes() if file.is_file() else None for file in path.iterdir()}


BELOW = {
    "folder": ("votes.csv/", "votes.csv is a folder, so nothing can be written there: name a file"),
    "companion folder": ("sessions.csv/", "sessions.csv is a folder, so nothing can be written there"),
    "another study": ("design.toml", "design.toml belongs to study `birds`: choose another folder for the votes of "),
    "no study": ("design.toml", "design.toml is no study's design and would be overwritten: choose another folder"),
    "no name": ("design.toml", "design.toml is no study's design"),
    "no TOML": ("design.toml", "design.toml is no study's design"),
    "no text": ("design.toml", "design.toml is no study's design"),
}
TEXTS = {
    "another study": b'[study]\nname = "birds"\n', "no study": b'study = "birds"', "no name": b"[study]\nname = 7",
    "no TOML": b"<p>Our house</p>", "no text": b"\xff\xfe",
}  # fmt: skip


@pytest.mark.parametrize("fault", BELOW)
def test_what_stands_there_already_is_refused_before_anything_is_written(
    filled: Database, tmp_path: Path, fault: str
) -> None:
    out = tmp_path / "out"
    name, says = BELOW[fault]
    out.mkdir()
    if name.endswith("/"):
        (out / name).mkdir()
    else:
        (out / name).write_bytes(TEXTS[fault])
    before = contents(out)
    with filled.read() as db, pytest.raises(Refused) as caught:
        export.write(db, "golden", out / "votes.csv")
    assert says in caught.value.message
    assert contents(out) == before


@pytest.mark.parametrize("name", ["sessions.csv", "design.toml", "columns.csv", "history.csv", "Sessions.csv"])
def test_votes_take_no_name_of_a_file_beside_them(filled: Database, tmp_path: Path, name: str) -> None:
    with filled.read() as db, pytest.raises(Refused, match="that comes beside: name it"):
        export.write(db, "golden", tmp_path / "out" / name)
    assert not (tmp_path / "out").exists()


def test_the_same_study_is_written_again_over_its_own_files(filled: Database, tmp_path: Path) -> None:
    for name in ("votes.csv", "votes.csv", "later.csv"):
        with filled.read() as db:
            export.write(db, "golden", tmp_path / "out" / name)
    assert sorted(contents(tmp_path / "out")) == sorted((*FILES, "later.csv"))


def test_exports_at_the_same_time_do_not_break_one_another(
    filled: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All are in the middle of their files before any goes on."""
    half_way, rows = Barrier(4), vote_rows.rows

    def waits(*of: Any) -> Iterator[tuple[str, ...]]:
        half_way.wait(timeout=30)
        return rows(*of)

    monkeypatch.setattr(export, "vote_rows", waits)

    def write(_number: int) -> None:
        with filled.read() as db:
            export.write(db, "golden", tmp_path / "out" / "votes.csv")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, range(4)))
    assert contents(tmp_path / "out") == contents(GOLDEN / "votes")


def test_rows_are_fetched_a_few_at_a_time(filled: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two rows at a time the export is the same, and the cursor is the server's."""
    monkeypatch.setattr(vote_rows, "AT_ONCE", 2)
    with filled.read() as db:
        study = loading.find(db, "golden")
        records = vote_rows.records(db, study)
        assert next(records)["vote"] == "1"
        assert [record["vote"] for record in records] == list("2345678")
        assert db.scalars(select(Trial)).first() is not None
