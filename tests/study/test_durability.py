"""Servers are killed while participants vote: the smaller sister of `python -m tests.benchmarks.kill`."""

from pathlib import Path

import pytest

from tests.benchmarks import kill


@pytest.mark.slow
def test_every_acknowledged_vote_survives_kill_9_exactly_once(database_url: str, tmp_path: Path) -> None:
    found = kill.run(database_url, tmp_path, votes=200, trials=24, at_once=4, pause_s=0.6)
    assert found.clean, found
    assert len(found.seen.votes) >= 200
    assert found.seen.corrections
    assert found.workers_killed + found.servers_killed > 0
