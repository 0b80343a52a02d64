"""A study folder into the database and the media folder, and copies of studies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from study import loading, scheduling, storage
from study.copying import copy_study
from study.db import Database
from study.errors import Refused
from study.folder import read
from study.models import Condition, Crop, Pair, Participant, Session, Source, Stimulus, Study, Trial, now
from study.spec import digest, parse, renamed

Load = Callable[..., str]
DESIGN = (Study, Source, Crop, Condition, Stimulus, Pair)


def sizes(database: Database) -> list[int]:
    with database.read() as db:
        return [db.scalar(select(func.count()).select_from(table)) or 0 for table in DESIGN]


def put(database: Database, maker: Any, media: Path, **options: Any) -> Study:
    found = read(maker.write())
    return loading.load(database, found, found.spec, media, **options)


def test_a_folder_becomes_a_draft_whose_design_stands_alone(database: Database, maker: Any, media: Path) -> None:
    maker.toml = "[study]\nnot_sure = true"
    study = put(database, maker.fill(sources=2, crops=2), media)
    assert (study.name, study.state, study.simulated, study.opened_at) == ("tiny", "draft", False, None)
    assert parse(study.design) == read(maker.path).spec
    assert study.config == digest(study.design)
    assert study.stimuli_sha256 in study.design
    assert sizes(database) == [1, 2, 4, 4, 16, 4 + 4]
    assert {path.name for path in media.iterdir()} == {f"{row['sha256']}.png" for row in maker.rows}


def test_loading_twice_is_refused(database: Database, maker: Any, media: Path) -> None:
    put(database, maker.fill(), media)
    before = sizes(database)
    with pytest.raises(Refused, match="put this one in its place with `--replace`, or give it a `--name`"):
        put(database, maker, media)
    assert sizes(database) == before


def test_a_draft_can_be_replaced_and_nothing_of_the_old_one_stays(
    database: Database, maker: Any, media: Path, load: Load
) -> None:
    load("other", sources=3)
    put(database, maker.fill(), media)
    alone = sizes(database)
    maker.toml = "[design]\ntrials = 7"
    study = put(database, maker, media, replace=True)
    assert scheduling.spec_of(study).design.trials == 7
    assert sizes(database) == alone


@pytest.mark.parametrize("state", ["open", "paused", "closed"])
def test_a_study_that_people_may_know_is_never_replaced(
    database: Database, maker: Any, media: Path, load: Load, state: str
) -> None:
    load("tiny", state=state)
    with pytest.raises(Refused, match=f"is {state}: only a draft can be replaced"):
        put(database, maker.fill(), media, replace=True)


def test_what_asks_nothing_is_refused_before_anything_is_kept(database: Database, maker: Any, media: Path) -> None:
    maker.fill(conditions=("jpeg@0.50", "webp@0.75"))
    with pytest.raises(Refused, match="no crop has two different conditions at one rate"):
        put(database, maker, media)
    assert sizes(database) == [0] * 6
    assert not media.exists()


@pytest.mark.parametrize(
    ("toml", "remedy"),
    [
        ("", "set `design.practice = 0` and `design.catch_rate"),
        ("[design]\npractice = 0", "set `design.catch_rate = 0`"),
    ],
)
def test_catch_trials_need_catch_rows(database: Database, maker: Any, media: Path, toml: str, remedy: str) -> None:
    maker.fill()
    maker.rows = [row for row in maker.rows if row["condition"] != "catch"]
    maker.toml = toml
    with pytest.raises(Refused) as caught:
        put(database, maker, media)
    assert remedy in caught.value.message
    maker.toml = "[design]\npractice = 0\ncatch_rate = 0"
    put(database, maker, media)


def test_a_catch_stimulus_with_the_bytes_of_its_reference_is_refused(
    database: Database, maker: Any, media: Path
) -> None:
    maker.fill(sources=2)
    reference, catch = maker.rows[4:6]
    assert (reference["condition"], catch["condition"]) == ("reference", "catch")
    catch |= {column: reference[column] for column in ("path", "sha256")}
    with pytest.raises(Refused) as caught:
        put(database, maker, media)
    assert caught.value.message == (
        f"{maker.path}: stimuli.csv, line 7, column `sha256`: this `catch` image has the bytes of its reference "
        "(line 6), so no answer is right; degrade it or delete the row."
    )
    assert sizes(database) == [0] * 6
    assert not media.exists()


def test_a_study_in_context_needs_windows(database: Database, maker: Any, media: Path) -> None:
    maker.toml = '[study]\nview = "context"'
    with pytest.raises(Refused) as caught:
        put(database, maker.fill(), media)
    assert caught.value.message == (
        f"{maker.path}: stimuli.csv, line 2, column `context_path`: is empty, but the study has "
        '`study.view = "context"`; make them with `codec stimuli --context PIXELS`, or set "crop".'
    )
    assert sizes(database) == [0] * 6
    assert not media.exists()


def test_identical_stimuli_make_no_rating_pair(database: Database, maker: Any, media: Path) -> None:
    maker.fill(sources=2)
    for column in ("path", "sha256"):
        maker.rows[3][column] = maker.rows[2][column]
    put(database, maker, media)
    with database.read() as db:
        assert db.scalar(select(func.count()).where(Pair.kind == "rating")) == 1


def test_an_image_that_is_there_is_kept_and_a_damaged_one_mended(database: Database, maker: Any, media: Path) -> None:
    maker.fill()
    media.mkdir()
    names = [f"{row['sha256']}.png" for row in maker.rows[:2]]
    (media / names[0]).write_bytes((maker.path / "images" / names[0]).read_bytes())
    (media / names[1]).write_bytes(b"damaged")
    kept = (media / names[0]).stat().st_ino
    put(database, maker, media)
    assert (media / names[0]).stat().st_ino == kept
    assert (media / names[1]).read_bytes() == (maker.path / "images" / names[1]).read_bytes()
    assert not list(media.glob("*.part"))


def test_kept_images_have_one_time_whenever_they_were_loaded(database: Database, maker: Any, media: Path) -> None:
    maker.fill()
    media.mkdir()
    name = f"{maker.rows[0]['sha256']}.png"
    (media / name).write_bytes((maker.path / "images" / name).read_bytes())
    put(database, maker, media)
    assert {path.stat().st_mtime for path in media.iterdir()} == {storage.KEPT_AT}


def test_an_image_that_changes_under_our_hands_is_refused(database: Database, maker: Any, media: Path) -> None:
    found = read(maker.fill().write())
    (maker.path / maker.rows[-1]["path"]).write_bytes(b"changed")
    with pytest.raises(Refused, match="was changed while it was loaded"):
        loading.load(database, found, found.spec, media)
    assert sizes(database) == [0] * 6


MOVES = {
    "draft": {"open", "closed"}, "open": {"paused", "closed"}, "paused": {"open", "closed"}, "closed": set(),
}  # fmt: skip


@pytest.mark.parametrize("state", MOVES)
def test_a_study_goes_only_where_it_may(database: Database, load: Load, state: str) -> None:
    for target in ("open", "paused", "closed"):
        name = load(f"{state}-{target}", state=state)
        with database.write() as db:
            if target in MOVES[state]:
                assert loading.change_state(db, name, target).state == target
                continue
            with pytest.raises(Refused, match=f"is {state}: it cannot be made {target}"):
                loading.change_state(db, name, target)


def test_a_study_is_opened_once(database: Database, load: Load) -> None:
    load(state="paused")
    with database.write() as db:
        opened = loading.find(db, "tiny").opened_at
        assert opened is not None
        assert loading.change_state(db, "tiny", "open").opened_at == opened


def begin(database: Database, name: str) -> None:
    with database.write() as db:
        study = loading.find(db, name, lock=True)
        participant = Participant(
            study_id=study.id, token=name, pseudonym="p", simulated=study.simulated, created_at=now()
        )
        db.add(participant)
        db.flush()
        scheduling.begin(db, study, participant, now())


def shown(database: Database, name: str) -> list[tuple[str, ...]]:
    """Everything that a participant of the study would be shown, by what it is and not by its number."""
    with database.read() as db:
        trials = db.scalars(
            select(Trial).join(Session).join(Study).where(Study.name == name).order_by(Trial.position)
        ).all()
        return [
            (
                trial.kind, str(trial.flipped), trial.pair.a.crop.source.name, str(trial.pair.a.crop.x),
                trial.pair.a.condition.name, trial.pair.b.condition.name, trial.pair.a.sha256, trial.pair.b.sha256,
            )
            for trial in trials
        ]  # fmt: skip


def test_a_copy_shows_what_the_study_shows_and_takes_nobody_along(database: Database, load: Load) -> None:
    load(sources=3, crops=2)
    begin(database, "tiny")
    single = [size - (at == 0) for at, size in enumerate(sizes(database))]
    with database.write() as db:
        copy = copy_study(db, "tiny", "copy")
        assert (copy.state, copy.simulated) == ("open", True)
        assert scheduling.spec_of(copy) == renamed(scheduling.spec_of(loading.find(db, "tiny")), "copy")
        assert loading.votes_of(db, copy) == 0
    assert sizes(database) == [2, *(2 * size for size in single[1:])]
    begin(database, "copy")
    assert shown(database, "copy") == shown(database, "tiny")


def test_the_same_simulated_copy_is_given_back(database: Database, load: Load) -> None:
    load()
    for _ in range(2):
        with database.write() as db:
            identifier = copy_study(db, "tiny", "copy").id
    with database.read() as db:
        assert [study.id for study in db.scalars(select(Study).where(Study.simulated))] == [identifier]


def test_a_copy_takes_no_name_of_people_or_of_another_design(database: Database, load: Load) -> None:
    load()
    load("people", state="draft")
    load("more", sources=3)
    with database.write() as db:
        copy_study(db, "tiny", "copy")
    for source, target, says in (
        ("tiny", "people", "is for people"), ("tiny", "tiny", "is for people"), ("more", "copy", "simulates another"),
        ("none", "x", "No study `none`"), ("tiny", "../x", r"`study\.name`"),
    ):  # fmt: skip
        with pytest.raises(Refused, match=says), database.write() as db:
            copy_study(db, source, target)
