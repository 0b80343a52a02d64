"""priorities.csv in: what is refused, what it does to the draws that follow, on both databases."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update

from study import copying, deeds, demand, loading, priorities, scheduling
from study.cli import cli
from study.db import Database
from study.errors import Full, Refused
from study.models import Condition, Pair, Participant, Priority, Session, Stimulus, Trial, now
from study.spec import Design

Load = Callable[..., str]
THREE = ("avif@0.50", "jpeg@0.50", "webp@0.50")
ADAPTIVE = """[design]
strategy = "adaptive"
random_share = 0.2
trials = 5
practice = 0
catch_rate = 0
identical_rate = 0
repeat_rate = 0
"""
HEADER = "source,crop_x,crop_y,crop_width,crop_height,condition_a,condition_b,priority"
DIGEST = "d" * 64


def table(path: Path, *lines: str, header: str = HEADER) -> Path:
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def give(database: Database, path: Path, name: str = "tiny") -> priorities.Given:
    return priorities.give(database, name, priorities.read(path), who="ada")


def weights(database: Database, name: str = "tiny") -> dict[tuple[str, str, int], float]:
    """By the names of both conditions and the crop's number."""
    with database.read() as db:
        rows = db.scalars(select(Priority).join(Pair, Pair.id == Priority.pair_id).where(
            Pair.study_id == loading.find(db, name).id))  # fmt: skip
        pairs = {row.pair_id: row.weight for row in rows}
        found = db.scalars(select(Pair).where(Pair.id.in_(pairs)))
        return {(p.a.condition.name, p.b.condition.name, p.a.crop_id): pairs[p.id] for p in found}


def begin(database: Database, who: str, name: str = "tiny") -> list[Trial]:
    with database.write() as db:
        study = scheduling.find(db, name, lock=True)
        person = Participant(study_id=study.id, token=who, pseudonym=who, simulated=study.simulated, created_at=now())
        db.add(person)
        db.flush()
        session = scheduling.begin(db, study, person, now())
        return list(db.scalars(select(Trial).where(Trial.session_id == session.id).order_by(Trial.position)))


def test_a_line_without_a_source_speaks_of_every_crop_and_the_most_precise_one_counts(
    database: Database, load: Load, tmp_path: Path
) -> None:
    load(sources=2, crops=2, conditions=THREE, toml=ADAPTIVE)
    path = table(
        tmp_path / "priorities.csv",
        ",,,,,webp@0.50,avif@0.50,0.5",
        "source1,,,,,avif@0.50,webp@0.50,2",
        "source1,8,0,8,8,avif@0.50,webp@0.50,0",
        "source0,0,0,8,8,jpeg@0.50,webp@0.50,1e-3",
    )
    given = give(database, path)
    assert (given.pairs, given.of, given.votes_sha256) == (4, 12, "")
    assert given.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert Counter(weights(database).values()) == {0.5: 2, 2.0: 1, 0.001: 1}
    with database.read() as db:
        study = loading.find(db, "tiny")
        assert study.priorities_sha256 == given.sha256
        line = deeds.read(db, "tiny", did=["prioritised"])[0]
        assert (line.who, line.detail["sha256"], line.detail["pairs"]) == ("ada", given.sha256, 4)


def test_another_file_takes_the_place_of_the_one_before_wholly(database: Database, load: Load, tmp_path: Path) -> None:
    load(conditions=THREE, toml=ADAPTIVE)
    load("other", conditions=THREE, toml=ADAPTIVE)
    give(database, table(tmp_path / "a.csv", ",,,,,avif@0.50,jpeg@0.50,3"), "other")
    give(database, table(tmp_path / "a.csv", ",,,,,avif@0.50,jpeg@0.50,1"))
    give(database, table(tmp_path / "b.csv", ",,,,,avif@0.50,webp@0.50,7"))
    assert {key[:2] for key in weights(database)} == {("avif@0.50", "webp@0.50")}
    assert set(weights(database, "other").values()) == {3.0}
    with pytest.raises(Refused):
        give(database, table(tmp_path / "c.csv", ",,,,,avif@0.50,none@0.50,7"))
    assert set(weights(database).values()) == {7.0}


GOOD = ",,,,,avif@0.50,jpeg@0.50,1"


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([",,,,,avif@0.50,jpeg@0.50,-1"], "line 2, column `priority`: '-1' is no number of at least 0"),
        ([GOOD, ",,,,,avif@0.50,webp@0.50,nan"], "line 3, column `priority`: 'nan' is no number"),
        ([",,,,,avif@0.50,jpeg@0.50,inf"], "column `priority`: 'inf' is no number"),
        ([",,,,,avif@0.50,jpeg@0.50,"], "column `priority`: '' is no number"),
        ([",,,,,avif@0.50,jpeg@0.50,1_0"], "column `priority`: '1_0' is no number"),
        ([",,,,,avif@0.50,avif@0.50,1"], "column `condition_b`: is 'avif@0.50' as well; a pair has two conditions"),
        ([",,,,,=cmd(),avif@0.50,1"], "column `condition_a`: '=cmd()' is no name"),
        ([GOOD, ",,,,,jpeg@0.50,avif@0.50,2"], "line 3, column `condition_a`: says again what line 2 says"),
        (["source0,0,0,8,,avif@0.50,jpeg@0.50,1"], "column `crop_height`: is empty, but a crop needs its source"),
        ([",0,0,8,8,avif@0.50,jpeg@0.50,1"], "column `source`: is empty, but a crop needs its source"),
        (["source0,0,0,8,0,avif@0.50,jpeg@0.50,1"], "column `crop_height`: '0' is not a whole number of at least 1"),
        ([",,,,,avif@0.50,none@0.50,1"], "line 2: study `tiny` has no condition `none@0.50`"),
        (["nowhere,,,,,avif@0.50,jpeg@0.50,1"], "line 2: study `tiny` has no source `nowhere`"),
        (["source0,1,0,8,8,avif@0.50,jpeg@0.50,1"], "line 2: study `tiny` has no crop 1, 0, 8, 8 of `source0`"),
        ([GOOD, ",,,,,avif@0.50,avif@0.75,1"], "line 3: study `tiny` does not ask about `avif@0.50` against"),
        ([",,,,,avif@0.50,reference,1"], "line 2: study `tiny` does not ask about `avif@0.50` against `reference`"),
        ([",,,,,avif@0.50,jpeg@0.50,0"], "has no priority above 0"),
        ([], "has no priority above 0"),
        ([",,,,,avif@0.50,jpeg@0.50"], "line 2: 7 cells under 8 columns"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    database: Database, load: Load, tmp_path: Path, lines: list[str], says: str
) -> None:
    load(conditions=(*THREE, "avif@0.75", "jpeg@0.75"), toml=ADAPTIVE)
    with pytest.raises(Refused) as refused:
        give(database, table(tmp_path / "priorities.csv", *lines))
    assert says in refused.value.message
    assert str(tmp_path / "priorities.csv") in refused.value.message
    assert not weights(database)


def test_a_column_that_is_missing_is_named_with_what_makes_the_file(tmp_path: Path) -> None:
    path = table(tmp_path / "p.csv", header=HEADER.replace(",priority", ""))
    with pytest.raises(Refused, match=r"column `priority` is missing; make the file with `manage.py analysis prior"):
        priorities.read(path)


@pytest.mark.parametrize("state", ["draft", "open", "paused"])
def test_an_adaptive_study_takes_priorities_until_it_is_closed(
    database: Database, load: Load, tmp_path: Path, state: str
) -> None:
    load(conditions=THREE, toml=ADAPTIVE, state=state)
    path = table(tmp_path / "p.csv", GOOD)
    give(database, path)
    with database.write() as db:
        loading.change_state(db, "tiny", "closed")
    with pytest.raises(Refused, match="Study `tiny` is closed and draws no pairs any more"):
        give(database, path)


def test_only_an_adaptive_study_takes_priorities(database: Database, load: Load, tmp_path: Path) -> None:
    load(conditions=THREE)
    with pytest.raises(Refused, match=r'Study `tiny` has `design\.strategy` "balanced" and draws by no priorities'):
        give(database, table(tmp_path / "p.csv", GOOD))
    with pytest.raises(Refused, match="No study `none` is loaded"):
        give(database, table(tmp_path / "p.csv", GOOD), "none")


def test_simulated_votes_set_no_priorities_for_people(database: Database, load: Load, tmp_path: Path) -> None:
    load(conditions=THREE, toml=ADAPTIVE)
    with database.write() as db:
        copying.copy_study(db, "tiny", "tiny-simulated")
    header = f"{HEADER},simulated,votes_sha256"
    path = table(tmp_path / "p.csv", f"{GOOD},0,{DIGEST}", f",,,,,avif@0.50,webp@0.50,1,1,{DIGEST}", header=header)
    with pytest.raises(Refused, match="line 3, column `simulated`: these priorities come from simulated votes"):
        give(database, path)
    assert give(database, path, "tiny-simulated").votes_sha256 == DIGEST
    assert not weights(database)
    other = table(tmp_path / "q.csv", f"{GOOD},0,{DIGEST}", f",,,,,avif@0.50,webp@0.50,1,0,{'e' * 64}", header=header)
    with pytest.raises(Refused, match="line 3, column `votes_sha256`: is of other votes than the lines before"):
        give(database, other)


def test_a_copy_draws_by_the_priorities_that_its_original_had(database: Database, load: Load, tmp_path: Path) -> None:
    """The same pairs with the same weights, so the first session of both is the same; then each goes its own way."""
    load("between", conditions=THREE, toml=ADAPTIVE)
    load(sources=5, crops=2, conditions=THREE, toml=ADAPTIVE)
    path = table(tmp_path / "p.csv", ",,,,,avif@0.50,jpeg@0.50,1", "source3,,,,,avif@0.50,webp@0.50,40")
    given = give(database, path)
    with database.write() as db:
        copying.copy_study(db, "tiny", "copy")
    places = {name: number for number, name in enumerate(sorted(crop for _, _, crop in weights(database)))}
    copied = {name: number for number, name in enumerate(sorted(crop for _, _, crop in weights(database, "copy")))}
    assert {(a, b, copied[crop]): weight for (a, b, crop), weight in weights(database, "copy").items()} == {
        (a, b, places[crop]): weight for (a, b, crop), weight in weights(database).items()
    }
    plans = [
        [(t.strategy, t.probability, t.flipped, t.pair_id - first) for t in begin(database, f"p {name}", name)]
        for name, first in ((name, first_pair(database, name)) for name in ("tiny", "copy"))
    ]
    assert plans[0] == plans[1]
    assert {strategy for strategy, *_ in plans[0]} == {"adaptive", "random"}
    give(database, table(tmp_path / "q.csv", ",,,,,jpeg@0.50,webp@0.50,9"))
    with database.read() as db:
        assert loading.find(db, "copy").priorities_sha256 == given.sha256
        line = deeds.read(db, "copy", did=["prioritised"])[0]
        assert (line.detail["sha256"], line.detail["pairs"]) == (given.sha256, given.pairs)
        assert line.detail["copied_from"] == "tiny"
    assert 9.0 not in weights(database, "copy").values()


def first_pair(database: Database, name: str) -> int:
    with database.read() as db:
        return db.scalars(select(func.min(Pair.id)).where(Pair.study_id == loading.find(db, name).id)).one()


def test_sessions_are_drawn_by_priorities_from_then_on_and_say_how(
    database: Database, load: Load, tmp_path: Path
) -> None:
    """15 pairs, 5 of them with a weight: of 5 trials one, in the mean, is blind."""
    load(sources=5, conditions=THREE, toml=ADAPTIVE)
    before = [trial for at in range(4) for trial in begin(database, f"before{at}")]
    assert {trial.strategy for trial in before} == {"random"}
    give(database, table(tmp_path / "p.csv", GOOD))
    wanted = {pair for pair, in_it in pair_names(database).items() if in_it == ("avif@0.50", "jpeg@0.50")}
    strategies = Counter[str | None]()
    for at in range(40):
        trials = begin(database, f"after{at}")
        assert len({trial.pair_id for trial in trials}) == 5
        strategies.update(trial.strategy for trial in trials)
        for trial in trials:
            assert trial.strategy == "random" or trial.pair_id in wanted
            assert 0 < (trial.probability or 0) <= 1
    assert set(strategies) == {"random", "adaptive"}
    assert abs(strategies["random"] - 40) < 4 * (200 * 0.2 * 0.8) ** 0.5
    blind = answered(database, "random")
    assert max(blind.values()) - min(blind[pair] for pair in pair_names(database)) <= 1


def pair_names(database: Database) -> dict[int, tuple[str, str]]:
    with database.read() as db:
        found = db.scalars(select(Pair).where(Pair.kind == "rating"))
        return {pair.id: (pair.a.condition.name, pair.b.condition.name) for pair in found}


def answered(database: Database, strategy: str) -> Counter[int]:
    with database.read() as db:
        rows = select(Trial.pair_id, func.count()).where(Trial.strategy == strategy).group_by(Trial.pair_id)
        return Counter({row[0]: row[1] for row in db.execute(rows)})


def test_what_was_counted_before_new_priorities_is_counted_by_them(
    database: Database, load: Load, tmp_path: Path
) -> None:
    """A process that counted ahead of the lock takes no plan by priorities that are no longer the study's."""
    load(sources=3, conditions=THREE, toml=ADAPTIVE)
    begin(database, "first")
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        ahead = scheduling.counted(db, study, now())
        assert demand.known(db, study, Design(), ahead) is ahead
    give(database, table(tmp_path / "p.csv", GOOD))
    with database.read() as db:
        found = demand.known(db, scheduling.find(db, "tiny"), Design(), ahead)
        assert found is not ahead
        assert len(found.answers.pool.weights) == 2


def test_quotas_and_abandoned_places_hold_in_an_adaptive_study_too(
    database: Database, load: Load, tmp_path: Path
) -> None:
    """9 pairs, 2 votes each: no pair is promised more often, and who goes away leaves them to others."""
    load(sources=3, conditions=THREE, toml=f"{ADAPTIVE}votes_per_pair = 2\n")
    give(database, table(tmp_path / "p.csv", GOOD))
    for at in range(3):
        begin(database, f"p{at}")
    with database.write() as db:
        gone = db.scalars(select(Session)).first()
        assert gone is not None
        db.execute(update(Session).where(Session.id == gone.id).values(active_at=now() - timedelta(hours=3)))
    assert begin_until_full(database) == 9 * 2 - 2 * 5  # what two sessions that are alive have left
    with database.read() as db:
        study = scheduling.find(db, "tiny")
        counts = scheduling.counts(db, study, now())
    assert set(counts.values()) == {2}
    assert len(counts) == 9


def begin_until_full(database: Database) -> int:
    """How many trials there were for those who came."""
    trials = 0
    for at in range(3, 30):
        try:
            trials += len(begin(database, f"p{at}"))
        except Full:
            break
    return trials


def test_the_command_says_what_it_gave_and_of_which_votes(
    sqlite_url: str, load_into: Callable[[str], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_into(sqlite_url)
    monkeypatch.setenv("STUDY_DATABASE_URL", sqlite_url)
    path = table(tmp_path / "p.csv", f"{GOOD},{DIGEST}", header=f"{HEADER},votes_sha256")
    done = CliRunner().invoke(cli, ["prioritise", "tiny", str(path)])
    assert done.exit_code == 0, done.output
    assert "priorities for 2 of its 6 pairs" in done.output
    assert DIGEST in done.output
    found: dict[str, Any] = json.loads(CliRunner().invoke(cli, ["prioritise", "tiny", str(path), "--json"]).output)
    assert found == {
        "study": "tiny", "pairs": 2, "of": 6, "votes_sha256": DIGEST,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
    }  # fmt: skip
    bad = CliRunner().invoke(cli, ["prioritise", "tiny", str(table(tmp_path / "b.csv", ",,,,,a,b,1"))])
    assert bad.exit_code == 1
    assert bad.output.count("\n") == 1
    assert CliRunner().invoke(cli, ["prioritise", "tiny", str(tmp_path / "none.csv")]).exit_code == 2


@pytest.fixture
def load_into(tmp_path: Path, maker: Any) -> Callable[[str], None]:
    def loaded(url: str) -> None:
        from study.folder import read

        maker.fill(conditions=THREE).toml = ADAPTIVE
        found = read(maker.write())
        database = Database(url)
        loading.load(database, found, found.spec, tmp_path / "media")
        database.dispose()

    return loaded


def test_pairs_without_a_gap_and_with_gaps_are_told(database: Database, load: Load) -> None:
    """Pairs that another load came between: the runs are those of the numbers."""
    load(sources=2, conditions=THREE)
    with database.write() as db:
        study = scheduling.find(db, "tiny")
        assert [length for _, length in demand._runs(db, study)] == [6]
        theirs = select(Pair.id).where(Pair.study_id == study.id, Pair.kind == "rating").order_by(Pair.id)
        kept = list(db.scalars(theirs))
        db.execute(update(Pair).where(Pair.id == kept[2]).values(kind="catch"))
        db.flush()
        assert demand._runs(db, study) == [(kept[0], 2), (kept[3], 3)]
        assert set(demand.sources(db, kept)) == set(kept)
        assert db.scalar(select(func.count()).select_from(Stimulus).join(Condition)) == 10
