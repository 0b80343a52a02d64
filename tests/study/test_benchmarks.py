"""The benchmark's pieces, small: so that it still runs on the day when somebody wants its table."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from sqlalchemy import func, select

from study.db import Database
from study.models import Vote
from tests.benchmarks import clients, studies, votes


def apart(call: Callable[..., Any], *given: Any) -> Any:
    """Call it in a thread of its own: in ours Playwright's event loop may run, beside which no other can."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(call, *given).result()


def test_the_floor_and_the_votes_are_driven_by_the_same_client(sqlite_url: str) -> None:
    for measure in (votes.measure_floor, votes.measure_votes):
        rate, latencies = apart(measure, sqlite_url, 30)
        assert rate > 0
        assert len(latencies) >= 30
    database = Database(sqlite_url)
    with database.read() as db:
        assert db.scalar(select(func.count(Vote.id))) == len(latencies)
    database.dispose()


@pytest.mark.slow
def test_locusts_participants_vote_without_a_failure(sqlite_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = votes.measure_walks(sqlite_url, 3, seconds=12, start_s=1.0, think_s=0.2)
    votes.show("sqlite", "votes, 3 participants", *found)
    assert capsys.readouterr().out.startswith("| sqlite | votes, 3 participants | ")


def test_a_refused_request_is_no_latency(sqlite_url: str) -> None:
    async def forged(port: int) -> None:
        connection = clients.Connection(port)
        await connection.open()
        try:
            await connection.post(f"/s/{studies.NAME}/vote", "", {})
        finally:
            connection.close()

    with (
        votes.study(sqlite_url, '[study]\nname = "original"') as server,
        pytest.raises(RuntimeError, match=r"HTTP/1\.1 4"),
    ):
        apart(lambda: asyncio.run(forged(server.port)))
