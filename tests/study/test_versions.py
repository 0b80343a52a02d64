"""An opened study never changes: a later design is its next version, with the difference shown."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from study import deeds, identity, loading, versions
from study.cli import cli
from study.db import Database
from study.errors import Refused
from study.folder import read
from study.models import Study
from study.spec import digest, renamed

Load = Callable[..., str]
SECRET = "a secret of forty characters for the tests"  # noqa: S105 - of no server


LOADED = (
    "Loaded 16 images and 4 pairs as the draft `tiny-2`. Look at it: manage.py study preview tiny-2. "
    "Open it to participants: manage.py study open tiny-2"
)


@pytest.fixture(autouse=True)
def places(database_url: str, media: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDY_DATABASE_URL", database_url)
    monkeypatch.setenv("STUDY_MEDIA", str(media))
    monkeypatch.setenv("STUDY_SECRET_KEY", SECRET)


def run(*words: object) -> Any:
    return CliRunner().invoke(cli, [str(word) for word in words])


def study(database: Database, name: str = "tiny") -> Study:
    with database.read() as db:
        return loading.find(db, name)


def test_a_change_of_an_opened_study_is_its_next_version(database: Database, load: Load, maker: Any) -> None:
    load(sources=3, toml="[design]\ntrials = 60\n")
    before = study(database)
    maker.fill(sources=4).toml = '[design]\ntrials = 80\n[texts]\npay = "Five"\n[analysis]\nlooks = [10]\n'
    result = run("load", maker.write(), "--follows", "tiny")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[:6] == [
        "Version 2 of study `tiny`:",
        "design.trials: 60 -> 80",
        "analysis.looks: [] -> [10]",
        'texts.pay: "" -> "Five"',
        "stimuli: 4 added (first: reference of `source3` at 0,0)",
        LOADED,
    ]
    assert "Study `tiny` stays as it is: `manage.py study close tiny`" in result.output
    after, old = study(database, "tiny-2"), study(database)
    assert (after.version, after.follows_id, after.state) == (2, before.id, "draft")
    assert (old.design, old.config, old.state) == (before.design, before.config, "open")
    assert after.config == digest(after.design) != old.config


def test_a_third_version_counts_on_from_the_first_name(database: Database, load: Load, maker: Any) -> None:
    load()
    for trials, before, name in ((10, "tiny", "tiny-2"), (11, "tiny-2", "tiny-3"), (12, "tiny-3", "tiny-4")):
        maker.rows = []
        maker.fill().toml = f"[design]\ntrials = {trials}\n"
        assert run("load", maker.write(), "--follows", before).exit_code == 0
        assert run("open", name).exit_code == 0
    assert [study(database, name).version for name in ("tiny", "tiny-2", "tiny-3", "tiny-4")] == [1, 2, 3, 4]


def refused(result: Any) -> str:
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (1, "", 1), result.output
    return str(result.stderr)


def test_what_cannot_be_followed_is_refused_and_nothing_is_kept(database: Database, load: Load, maker: Any) -> None:
    load("draft", state="draft")
    load("tiny")
    maker.fill()
    folder = maker.write()
    assert "is the same design as study `tiny`: open that one, or change something" in refused(
        run("load", folder, "--follows", "tiny")
    )
    maker.toml = "[design]\ntrials = 9\n"
    maker.write()
    assert "is a draft, which nobody has answered: put the folder in its place" in refused(
        run("load", folder, "--follows", "draft")
    )
    assert "No study `none`" in refused(run("load", folder, "--follows", "none"))
    assert run("load", folder, "--follows", "tiny").exit_code == 0
    maker.toml = "[design]\ntrials = 10\n"
    maker.write()
    assert "is followed by `tiny-2` already: follow that one with `--follows tiny-2`" in refused(
        run("load", folder, "--follows", "tiny", "--name", "other")
    )
    with database.read() as db:
        assert set(db.scalars(select(Study.name))) == {"draft", "tiny", "tiny-2"}


def test_a_simulation_is_not_followed(database: Database, load: Load, maker: Any) -> None:
    from study.copying import copy_study

    load()
    with database.write() as db:
        copy_study(db, "tiny", "copy")
    maker.fill(sources=3)
    assert "is a simulation: follow the study that it copies" in refused(
        run("load", maker.write(), "--follows", "copy")
    )


def test_a_draft_that_is_replaced_stays_the_version_that_it_was(database: Database, load: Load, maker: Any) -> None:
    load()
    maker.fill().toml = "[design]\ntrials = 9\n"
    assert run("load", maker.write(), "--follows", "tiny").exit_code == 0
    first = study(database, "tiny-2")
    maker.toml = "[design]\ntrials = 10\n"
    assert run("load", maker.write(), "--name", "tiny-2", "--replace").exit_code == 0
    again = study(database, "tiny-2")
    assert (again.version, again.follows_id) == (2, study(database).id)
    assert again.config != first.config
    assert run("load", maker.write(), "--follows", "tiny", "--replace").exit_code == 0
    assert study(database, "tiny-2").version == 2


def test_replaced_drafts_leave_no_number_that_is_given_again(
    database: Database, load: Load, maker: Any, media: Path, browse: Any
) -> None:
    """A server remembers the pictures of a pair by its number: those of an older draft must never be shown."""
    maker.toml = "[design]\npractice = 0\ncatch_rate = 0\nidentical_rate = 0\nrepeat_rate = 0\n"
    for shade in (10, 200):
        maker.rows = []
        for at, condition in enumerate(("reference", "jpeg@0.50", "webp@0.50")):
            maker.add("source", condition, (shade, at, 0))
        found = read(maker.write())
        loading.load(database, found, found.spec, media, replace=True)
        browser = browse()
        browser.get(preview=identity.preview_token(SECRET, "tiny"))
        shown = browser.begin().state()["trial"]
        assert {shown[side]["sha256"] for side in ("left", "right", "reference")} == {
            row["sha256"] for row in maker.rows
        }
    with database.read() as db:
        assert db.scalar(select(func.count()).select_from(Study)) == 1


def test_check_shows_the_same_difference_without_loading(database: Database, load: Load, maker: Any) -> None:
    load(sources=2)
    maker.fill(sources=2)
    assert run("check", maker.write(), "--against", "tiny").output.endswith("Against study `tiny`:\nnothing differs.\n")
    maker.toml = '[study]\nlanguages = ["en", "de"]\n'
    maker.rows[2]["bpp"] = "0.49"
    del maker.rows[7]
    lines = run("check", maker.write(), "--against", "tiny").output.splitlines()
    told = lines[lines.index("Against study `tiny`:") + 1 :]
    assert told[0] == 'study.languages: ["en"] -> ["en", "de"]'
    assert any(line.startswith("translations.de.question: nothing -> ") for line in told)
    assert told[-2:] == [
        "stimuli: 1 removed (first: webp@0.50 of `source1` at 0,0)",
        "stimuli: 1 changed (first: jpeg@0.50 of `source0` at 0,0)",
    ]
    assert study(database).state == "open"


def test_another_file_with_the_same_images_is_told(database: Database, load: Load, maker: Any) -> None:
    load(sources=2)
    for row in maker.fill(sources=2).rows:
        row["encoder"] = "another version"
    found = read(maker.write())
    with database.read() as db:
        assert versions.changes(db, loading.find(db, "tiny"), found, renamed(found.spec, "x")) == [
            "stimuli.csv: another file, with the same images at the same bits"
        ]


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
@pytest.mark.parametrize("key", ["design", "config", "stimuli_sha256", "name", "version"])
def test_nothing_changes_a_design_that_was_opened(database: Database, load: Load, state: str, key: str) -> None:
    load(state=state)
    with pytest.raises(TypeError, match=f"{key} of study .* stay as they were opened"), database.write() as db:
        setattr(loading.find(db, "tiny"), key, 2 if key == "version" else "0" * 64)
    with pytest.raises(TypeError, match="one by one"), database.write() as db:
        db.execute(update(Study).where(Study.state == state).values({key: "0" * 64}))
    with database.write() as db:
        db.execute(update(Study).where(Study.name == "tiny").values(state="closed"))


def test_a_design_that_was_changed_behind_our_back_is_not_opened(database: Database, load: Load) -> None:
    load(state="draft")
    with database.engine.begin() as connection:
        table: Any = Study.__table__
        connection.execute(table.update().values(design=study(database).design.replace("trials = 60", "trials = 61")))
    with pytest.raises(Refused, match="was changed in the database, its digest says"), database.write() as db:
        loading.change_state(db, "tiny", "open")


def test_each_load_is_a_line_of_the_log(database: Database, load: Load, maker: Any) -> None:
    load()
    maker.fill(sources=3)
    assert run("load", maker.write(), "--follows", "tiny").exit_code == 0
    with database.read() as db:
        (line,) = deeds.read(db, "tiny-2")
    assert (line.did, line.who, line.detail["sha256"]) == (
        "loaded", deeds.COMMAND_LINE, study(database, "tiny-2").stimuli_sha256,
    )  # fmt: skip


def test_a_link_for_a_preview_is_printed_and_opens_the_draft(load: Load, browse: Any) -> None:
    load(state="draft")
    printed = run("preview", "tiny", "--server", "https://example.org/").output
    assert printed.startswith("https://example.org/s/tiny?preview=")
    browser = browse()
    assert browser.fetch(printed.strip().removeprefix("https://example.org")).status_code == 302
    assert browser.get().status_code == 200
    assert run("preview", "tiny").output != run("preview", "tiny").output


@pytest.mark.parametrize(("name", "says"), [("none", "No study `none`"), ("shut", "is closed, and nothing of it is")])
def test_what_cannot_be_previewed_is_refused(load: Load, name: str, says: str) -> None:
    load("shut", state="closed")
    assert says in refused(run("preview", name))
