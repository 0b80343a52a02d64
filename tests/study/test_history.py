"""history.csv: who could have known what, when; from the log of deeds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from study import deeds, export, history, loading
from study.db import Database

Load = Callable[..., str]


def rows(database: Database, name: str) -> list[tuple[str, int | None, int | None, str | None]]:
    with database.read() as db:
        return [(row["did"], row["sessions"], row["votes"], row["detail"]) for row in history.records(db, name)]


def change(database: Database, name: str, state: str) -> None:
    with database.write() as db:
        loading.change_state(db, name, state)


def test_each_deed_says_how_much_there_was_to_see(database: Database, load: Load, browse: Callable[..., Any]) -> None:
    load(toml="[design]\npractice = 0\ntrials = 2\ncatch_rate = 0.5\n")
    one = browse("tiny").begin(participant="one")
    change(database, "tiny", "paused")
    change(database, "tiny", "open")
    one.finish()
    browse("tiny").begin(participant="two")
    change(database, "tiny", "closed")
    found = rows(database, "tiny")
    assert [row[:3] for row in found] == [
        ("loaded", 0, 0), ("opened", 0, 0), ("paused", 0, 0), ("opened", 0, 0), ("closed", 1, 2),
    ]  # fmt: skip
    with database.read() as db:
        assert found[0][3] == loading.find(db, "tiny").stimuli_sha256
    assert all(row[3] is None for row in found[1:])


def test_other_studies_and_deeds_and_names_of_people_stay_out(database: Database, load: Load, tmp_path: Path) -> None:
    load("one")
    load("two")
    with database.write() as db:
        deeds.record(db, "ada", "exported", "one", name="votes.csv")
        deeds.record(db, "ada", "results", "one", sha256="a" * 64)
    assert [row[0] for row in rows(database, "one")] == ["loaded", "opened", "results"]
    with database.read() as db:
        export.write(db, "one", tmp_path / "votes.csv")
    text = (tmp_path / "history.csv").read_text()
    assert text.splitlines()[0] == "at,did,sessions,votes,detail"
    assert text.splitlines()[3].endswith(f"Z,results,0,0,{'a' * 64}")
    assert "ada" not in text


def test_what_the_log_said_before_counts_were_kept_has_none(database: Database, load: Load) -> None:
    with database.write() as db:
        deeds.record(db, "ada", "loaded", "later")  # of a draft that is not there: nothing could be counted
    load("later")
    assert rows(database, "later")[0] == ("loaded", None, None, None)
