"""The door from analysis to codec: the golden labels.csv comes out of the golden votes byte for byte."""

from pathlib import Path

from click.testing import CliRunner

from analysis.cli import cli
from analysis.labels import LABELS_COLUMNS

GOLDEN = Path(__file__).parent / "golden"


def test_the_golden_labels_come_out_byte_for_byte(tmp_path: Path) -> None:
    words = ["labels", str(GOLDEN / "votes.csv"), "--hallucinated", "hific@0.30", "--faithful", "avif@0.30"]
    result = CliRunner().invoke(cli, [*words, "-o", str(tmp_path / "labels.csv")])
    assert result.exit_code == 0, result.output
    written = (tmp_path / "labels.csv").read_bytes()
    assert tuple(written.decode().splitlines()[0].split(",")) == LABELS_COLUMNS
    assert written == (GOLDEN / "labels.csv").read_bytes()
