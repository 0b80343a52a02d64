"""What the tests of the analysis room share."""

from collections.abc import Callable
from pathlib import Path

import pytest

from analysis.selection import Selection, select
from analysis.votes import Votes, read_votes
from tests.analysis.made_votes import Rows, write_csv

GOLDEN = Path(__file__).parents[1] / "doors" / "golden"
SHARED_VOTES = Path(__file__).parents[2].parent / "shared" / "votes"


@pytest.fixture(scope="session")
def golden() -> Path:
    """The folder of the golden files, which hold both sides of each door."""
    return GOLDEN


@pytest.fixture(scope="session")
def human_votes() -> Path:
    """Real human votes, where they lie beside the project."""
    if not SHARED_VOTES.is_dir():
        pytest.skip("no human votes beside the project")
    return SHARED_VOTES


@pytest.fixture
def write_votes(tmp_path: Path) -> Callable[[Rows], Path]:
    """Write rows as votes.csv and return its path."""
    return lambda rows: write_csv(tmp_path / "votes.csv", rows)


@pytest.fixture
def read(write_votes: Callable[[Rows], Path]) -> Callable[[Rows], Votes]:
    """Write rows and read them back."""
    return lambda rows: read_votes(write_votes(rows))


@pytest.fixture
def selected(read: Callable[[Rows], Votes]) -> Callable[..., Selection]:
    """Write rows, read them back and select the rated ones."""
    return lambda rows, **only: select(read(rows), only)
