"""A closed study as large as one machine ought to bear: 1,000 pairs, 500 participants, 1,000,000 votes.

The rows are written straight into the tables, for people would take weeks; each is as the server writes it.
"""

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from sqlalchemy import Connection, Table, insert, text

from study import loading
from study.db import Database
from study.models import Base
from study.spec import parse

NAME = "crowded"
CODECS = ("avif", "gan", "jpeg", "jxl", "webp")
RATE = "0.30"
CROPS, PARTICIPANTS, VOTES_EACH = 100, 500, 2000
BEGAN = datetime(2026, 3, 1, 9, tzinfo=UTC)
AT_ONCE = 20_000
Record = dict[str, Any]


def fill(database: Database, *, participants: int = PARTICIPANTS, votes_each: int = VOTES_EACH) -> None:
    """Put the study there: each participant votes on every pair, and again, until they have voted so often."""
    with database.write() as db:
        study = loading.frozen(parse(f'study.name = "{NAME}"', "a benchmark"), "5" * 64, state="open")
        db.add(study)
        db.flush()
        number = study.id
    tables = Base.metadata.tables
    with database.connect() as connection, database.writing(connection):
        pairs = _design(connection, tables, number)
        add(connection, tables["participant"], _people(participants, number))
        add(connection, tables["session"], _sessions(participants, number, votes_each))
        add(connection, tables["trial"], _trials(participants, votes_each, pairs))
        add(connection, tables["vote"], _votes(participants, votes_each))
        if not database.is_sqlite:  # whose counters know nothing of numbers that were given
            for name in tables:
                last = f"(SELECT coalesce(max(id), 1) FROM {name})"  # noqa: S608 - our own tables
                connection.execute(text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), {last})"))
    with database.connect() as connection, database.writing(connection):
        connection.execute(text("ANALYZE"))


def add(connection: Connection, table: Table, records: Iterator[Record]) -> None:
    """Insert them, some at a time."""
    while some := list(itertools.islice(records, AT_ONCE)):
        connection.execute(insert(table), some)


def _design(connection: Connection, tables: Any, study: int) -> int:
    """Sources, crops, conditions, stimuli and pairs; how many pairs."""
    names = ["reference", "catch", *(f"{codec}@{RATE}" for codec in CODECS)]
    hashes = (f"{number:064x}" for number in itertools.count(1))
    numbers = range(1, CROPS + 1)
    add(connection, tables["source"], ({"id": at, "study_id": study, "name": f"photographs/{at:04d}",
        "sha256": next(hashes), "width": 1024, "height": 768} for at in numbers))  # fmt: skip
    add(connection, tables["crop"], ({"id": at, "source_id": at, "tag": "", "x": 8 * (at % 50), "y": 16,
        "width": 256, "height": 256} for at in numbers))  # fmt: skip
    add(connection, tables["condition"], ({"id": at, "study_id": study, "name": name,
        "codec": name.partition("@")[0] if "@" in name else "", "rate": name.partition("@")[2]}
        for at, name in enumerate(names, start=1)))  # fmt: skip
    stimuli = list(itertools.product(numbers, range(1, len(names) + 1)))
    add(connection, tables["stimulus"], ({"id": at, "crop_id": crop, "condition_id": condition,
        "sha256": next(hashes), "bpp": "0.3014"} for at, (crop, condition) in enumerate(stimuli, start=1)))  # fmt: skip
    pairs = [
        (len(names) * crop + a, len(names) * crop + b)
        for crop in range(CROPS)
        for a, b in itertools.combinations(range(3, len(names) + 1), 2)
    ]
    add(connection, tables["pair"], ({"id": at, "study_id": study, "kind": "rating", "a_id": a, "b_id": b}
        for at, (a, b) in enumerate(pairs, start=1)))  # fmt: skip
    return len(pairs)


def _people(participants: int, study: int) -> Iterator[Record]:
    for at in range(1, participants + 1):
        yield {"id": at, "study_id": study, "token": f"token{at:059d}", "pseudonym": f"p{at * 7919:016x}",
               "simulated": False, "preview": False, "created_at": BEGAN}  # fmt: skip


def _sessions(participants: int, study: int, votes_each: int) -> Iterator[Record]:
    for at in range(1, participants + 1):
        ended = BEGAN + timedelta(minutes=at, seconds=5 * votes_each)
        yield {"id": at, "study_id": study, "participant_id": at, "ordinal": at, "outcome": "complete", "turn": 1,
               "prepared": 1, "practised": True, "block": votes_each // 20, "language": "en",
               "started_at": BEGAN + timedelta(minutes=at), "active_at": ended, "ended_at": ended}  # fmt: skip


def _trials(participants: int, votes_each: int, pairs: int) -> Iterator[Record]:
    number = itertools.count(1)
    for person in range(participants):
        drawn = np.random.default_rng(person)
        order = drawn.permutation(np.arange(votes_each) % pairs) + 1
        for position, (pair, flipped) in enumerate(zip(order.tolist(), drawn.random(votes_each) < 0.5, strict=True)):
            at = next(number)
            yield {"id": at, "session_id": person + 1, "pair_id": pair, "public": f"t{at:021d}", "key": f"k{at:021d}",
                   "correction_key": None, "kind": "rating", "block": position // 20 + 1, "position": position + 1,
                   "flipped": bool(flipped), "expected": None, "strategy": "balanced", "probability": 0.06,
                   "shown_at": BEGAN + timedelta(minutes=person + 1, seconds=5 * position), "reloads": 0}  # fmt: skip


def _votes(participants: int, votes_each: int) -> Iterator[Record]:
    """In the order of saving, so of all participants in turn."""
    drawn = np.random.default_rng(1)
    for at in range(1, participants * votes_each + 1):
        position, person = divmod(at - 1, participants)
        trial = person * votes_each + position + 1
        ms = int(600 + 4000 * drawn.random())
        yield {"id": at, "trial_id": trial, "key": f"k{trial:021d}", "choice": ("left", "right")[ms % 2],
               "simulated": False, "voted_at": BEGAN + timedelta(minutes=person + 1, seconds=5 * position + 4),
               "response_ms": ms, "flips": 0, "left_ms": ms, "right_ms": ms, "reference_ms": ms, "zoomed": False,
               "hidden_ms": 0, "viewport_width": 1440, "viewport_height": 789, "device_pixel_ratio": 1.25,
               "device_pixels_per_pixel": 1.0, "pixel_exact": True, "bytes_verified": True, "left_x": 120.0,
               "left_y": 240.0, "right_x": 884.0, "right_y": 240.0, "geometry_changes": 0}  # fmt: skip
