"""The door from analysis back to study: what one room writes into priorities.csv, the other one draws by."""

import csv
import hashlib
import io
from pathlib import Path

from click.testing import CliRunner
from sqlalchemy import select

from analysis.cli import cli as analysis
from study import export, loading, priorities, scheduling
from study.db import Database
from study.folder import read
from study.models import Participant, Trial, Vote, now
from study.spec import parse

GOLDEN = Path(__file__).parent / "golden"
ADAPTIVE = """[study]
name = "golden"
[design]
strategy = "adaptive"
practice = 0
catch_rate = 0
identical_rate = 0
repeat_rate = 0
"""


def test_what_analysis_writes_is_read(database: Database, tmp_path: Path) -> None:
    loading.load(database, read(GOLDEN / "stimuli"), parse(ADAPTIVE), tmp_path / "media")
    with database.write() as db:
        loading.change_state(db, "golden", "open")
    for who in ("one", "two", "three"):
        vote_all(database, who)
    with database.read() as db:
        export.write(db, "golden", tmp_path / "votes.csv")
    path = tmp_path / "priorities.csv"
    done = CliRunner().invoke(analysis, ["priorities", str(tmp_path / "votes.csv"), "-o", str(path)])
    assert done.exit_code == 0, done.output
    rows = list(csv.DictReader(io.StringIO(path.read_text())))
    given = priorities.give(database, "golden", priorities.read(path))
    assert rows
    assert len(rows) <= given.pairs <= given.of
    assert given.votes_sha256 == hashlib.sha256((tmp_path / "votes.csv").read_bytes()).hexdigest()


def vote_all(database: Database, who: str) -> None:
    with database.write() as db:
        study = scheduling.find(db, "golden", lock=True)
        person = Participant(study_id=study.id, token=who, pseudonym=who, simulated=False, created_at=now())
        db.add(person)
        db.flush()
        session = scheduling.begin(db, study, person, now())
        for trial in db.scalars(select(Trial).where(Trial.session_id == session.id)):
            choice = ("left", "right")[trial.id % 2]
            db.add(Vote(trial_id=trial.id, key=trial.key, choice=choice, simulated=False, voted_at=now()))
