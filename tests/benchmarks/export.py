"""Exports of a million votes: how many a second, in how much memory, and whether they are the same bytes again.

`scripts/with-postgres python -m tests.benchmarks.export` prints the table; each command is a process of its own, as a
researcher starts it, and its memory is what the system says was the most that it held.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

from study.db import Database
from tests.benchmarks import crowded, databases

ROOT = Path(__file__).resolve().parents[2]


class Run(NamedTuple):
    """One command: seconds, those of the processor, peak memory in MB, and its file, in MB with its digest."""

    seconds: float
    worked: float
    peak_mb: float
    size_mb: float
    sha256: str


def run(url: str, written: Path, *words: str) -> Run:
    """Run a command of the study that writes a file."""
    environment = os.environ | {"STUDY_DATABASE_URL": url, "PYTHONPATH": str(ROOT)}
    began = time.monotonic()
    command = [sys.executable, "-m", "study.cli", *words]
    process = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{words[0]} ended with {process.returncode}")
    with written.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    return Run(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024, written.stat().st_size / 1e6, sha256)


def measure(url: str, folder: Path, participants: int, votes_each: int) -> list[tuple[str, Run]]:
    """Votes twice, then a backup, of a database that is filled for it."""
    filling = get_context("spawn").Process(target=_fill, args=(url, participants, votes_each))
    filling.start()  # apart, for a process counts what its parent held as its own
    filling.join()
    if filling.exitcode:
        raise RuntimeError("the database was not filled")
    found = []
    for time_ in ("first", "again"):
        path = folder / time_ / "votes.csv"
        found.append((f"votes, {time_}", run(url, path, "votes", crowded.NAME, "-o", str(path))))
    path = folder / "backup.zip"
    return [*found, ("backup", run(url, path, "backup", "-o", str(path), "--without-images"))]


def _fill(url: str, participants: int, votes_each: int) -> None:
    database = Database(url)
    crowded.fill(database, participants=participants, votes_each=votes_each)
    database.dispose()


def main() -> None:
    """Print a row for each export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--participants", type=int, default=crowded.PARTICIPANTS)
    parser.add_argument("--votes-each", type=int, default=crowded.VOTES_EACH)
    asked = parser.parse_args()
    votes = asked.participants * asked.votes_each
    print("| database | file | votes | seconds | of the processor | votes a second | peak MB | file MB | SHA-256 |")
    print("|---|---|---|---|---|---|---|---|---|")
    for opened in databases.databases():
        with opened as url, tempfile.TemporaryDirectory() as folder:
            for what, made in measure(url, Path(folder), asked.participants, asked.votes_each):
                name = "SQLite" if url.startswith("sqlite") else "PostgreSQL"
                speed = f"{made.seconds:.1f} | {made.worked:.1f} | {votes / made.seconds:.0f}"
                numbers = f"{speed} | {made.peak_mb:.0f} | {made.size_mb:.0f}"
                print(f"| {name} | {what} | {votes} | {numbers} | {made.sha256[:12]} |", flush=True)


if __name__ == "__main__":
    main()
