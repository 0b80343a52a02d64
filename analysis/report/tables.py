"""The numbers of a report: its CSV files, and their rows as values, of which the page and report.json are made."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence

from analysis import metric_tables, quality, verdict_tables
from analysis.findings import Findings
from analysis.metric_tables import metric_files
from analysis.quality import quality_files
from analysis.rating import Scale, ratings_csv, wins_csv
from analysis.verdict_tables import verdict_files

METHODS = ("bradley-terry", "elo")
TABLES = (
    "ratings.csv",
    "wins.csv",
    *(name for name in verdict_tables.FILES if name != verdict_tables.MARK),
    *quality.FILES,
    *metric_tables.FILES,
)

TEXT = frozenset(
    """
    anchor better by check codec codec_a codec_b condition condition_a condition_b family how interval kept_interval
    method metric model not_ranked note of over part participant rates reason rule scale tag verdict weights yardstick
    """.split()
)
FLAGS = {"quality.csv": ("excluded", "flagged", "chosen"), "raters.csv": ("excluded",), "rules.csv": ("chosen",)}
SAME = frozenset(("simulated", "votes_sha256", "stimuli_sha256"))  # in every row of a report

Value = str | float | int | bool | None
Row = dict[str, Value]
Tables = Mapping[str, list[Row]]
Context = dict[str, object]  # values for a template


def table_files(findings: Findings) -> dict[str, str]:
    """Return the CSV files of a report by name, in the order of `TABLES`; only those that have something to tell."""
    found = {
        "ratings.csv": ratings_csv(findings.scales, findings.selection, METHODS),
        "wins.csv": wins_csv(findings.scales, findings.selection),
        **verdict_files(findings.judgement, findings.selection),
        **quality_files(findings.quality),
    }
    if findings.metrics and findings.asked.stimuli:
        found |= metric_files(findings.metrics, findings.asked.stimuli.sha256)
    return {name: found[name] for name in TABLES if name in found}


def rows(name: str, text: str) -> list[Row]:
    """Return the rows of one of these tables as values: None for an empty cell, without what is in every row."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader)
    kept = [(place, column) for place, column in enumerate(header) if column not in SAME]
    kinds = [(place, column, _kind(name, column)) for place, column in kept]
    return [{column: _value(row[place], kind) for place, column, kind in kinds} for row in reader]


def _kind(name: str, column: str) -> str:
    if column in TEXT or (name, column) == ("random_share.csv", "share"):
        return "text"
    return "flag" if column in FLAGS.get(name, ()) else "number"


def _value(cell: str, kind: str) -> Value:
    if not cell or kind == "text":
        return cell or None
    if kind == "flag":
        return cell == "1"
    return int(cell) if cell.lstrip("-").isdigit() else float(cell)


def all_rows(files: Mapping[str, str]) -> dict[str, list[Row]]:
    """Return the rows of every table by its name without `.csv`."""
    return {name.removesuffix(".csv"): rows(name, text) for name, text in files.items()}


def by_scale(
    every: list[Row], scales: Sequence[Scale], rate: str = "rate", condition: str = "condition"
) -> list[list[Row]]:
    """Return the rows about each scale, told by the columns that name a rate and a condition of it."""
    at = {(item.rate, item.condition): place for place, scale in enumerate(scales) for item in scale.counts.items}
    found: list[list[Row]] = [[] for _ in scales]
    for row in every:
        found[at[row[rate], row[condition]]].append(row)  # type: ignore[index]
    return found


class Shown:
    """The first rows of a table, as many as a page may hold, and how many there are."""

    def __init__(self, every: list[Row], most: int = 400) -> None:
        self.rows, self.total = every[:most], len(every)

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def left(self) -> int:
        """How many rows are not shown."""
        return self.total - len(self.rows)
