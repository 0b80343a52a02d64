"""Measure this project's ratings against its peers on the same votes, and print one table in Markdown.

    python3 -m venv peers && peers/bin/pip install -r tests/benchmarks/requirements.txt
    .venv/bin/python -m tests.benchmarks.ratings --peers peers/bin/python --ledger ratings.jsonl -o docs/benchmarks.md

Every cell of the table is a process of its own, see `measuring`. The tools of a row take turns, `--repeats` times, and
a cell shows the median. Each measurement is appended to the ledger at once: the same command goes on where it was
interrupted, and a row can be measured again when its lines are deleted. What is not in the ledger is not in the table.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.measuring import Cell, Found, measured

ROUNDS = 1000
SECONDS = 2.0  # that one process repeats its work for
LIMIT = 120.0  # seconds after which one run is given up
REPEATS = 3
LONG = 20.0  # seconds: what lasts longer is measured once

BOOTSTRAP, FIT = "1,000-round Bradley-Terry bootstrap", "one Bradley-Terry fit"
ELO, INTERVALS = "1,000-round Elo bootstrap, K 32", "two-way clustered intervals"
REPORT = "whole report, start-up included"
TOOLS = ("ours", "evalica", "choix", "arena-rank", "multinomial L-BFGS", "all rounds side by side")
TASKS = {
    BOOTSTRAP: {
        "ours": "our_bootstrap",
        "evalica": "evalica_bootstrap",
        "choix": "choix_bootstrap",
        "arena-rank": "arena_rank_bootstrap",
        "multinomial L-BFGS": "lbfgs_bootstrap",
    },
    FIT: {
        "ours": "our_fit",
        "evalica": "evalica_fit",
        "choix": "choix_fit",
        "arena-rank": "arena_rank_fit",
        "multinomial L-BFGS": "lbfgs_fit",
    },
    ELO: {"ours": "our_elo", "evalica": "evalica_elo", "all rounds side by side": "vectorised_elo"},
    INTERVALS: {"ours": "our_intervals", "arena-rank": "arena_rank_fit"},
    REPORT: {"ours": "our_report"},
}
SIZES = [(n, votes) for votes in (1531, 100_000, 1_000_000) for n in (4, 7, 100)]
OTHER_WORK = {(BOOTSTRAP, "choix"), (INTERVALS, "arena-rank")}  # in brackets, and no part of the ratio


@dataclass(frozen=True)
class Row:
    """A line of the table."""

    task: str
    n: int
    votes: int
    single: bool

    @property
    def processors(self) -> str:
        """Which processors the row's work may use."""
        return "one" if self.single else "all"

    def key(self, tool: str) -> list[object]:
        """Return what the ledger knows the cell of a tool by."""
        return [self.task, self.n, self.votes, self.processors, tool]

    def cell(self, tool: str, seconds: float, limit: float) -> Cell:
        """Return what to measure for a tool."""
        rounds = ROUNDS if self.task in (BOOTSTRAP, ELO) else 1
        return Cell(TASKS[self.task][tool], self.n, self.votes, rounds, seconds, limit, self.single)


def rows() -> Iterator[Row]:
    """Yield all rows in the order of the table."""
    for task in TASKS:
        for n, votes in [(7, 1531), (7, 1_000_000)] if task == REPORT else SIZES:
            for single in (True, False):
                yield Row(task, n, votes, single)


class Ledger:
    """The measurements in a file of JSON lines, one a line."""

    def __init__(self, path: Path) -> None:
        self.path, self.lines = (
            path,
            [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else [],
        )

    def of(self, row: Row, tool: str) -> list[Found]:
        """Return the measurements of a cell."""
        return [line["found"] for line in self.lines if line["cell"] == row.key(tool)]

    def add(self, row: Row, tool: str, found: Found) -> None:
        """Append a measurement, with the load that the machine had."""
        line = {"cell": row.key(tool), "found": found, "load": round(os.getloadavg()[0], 1), "machine": machine()}
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")

    def hopeless(self, row: Row, tool: str) -> bool:
        """Return whether the tool already failed to end with at most as many systems and votes."""
        for line in self.lines:
            task, n, votes, processors, other = line["cell"]
            same = [task, processors, other] == [row.task, row.processors, tool]
            if same and "seconds" not in line["found"] and n <= row.n and votes <= row.votes:
                return True
        return False


@dataclass(frozen=True)
class Pains:
    """How much to measure: see the options of the same names."""

    repeats: int
    seconds: float
    limit: float
    minutes: float


def fill(ledger: Ledger, chosen: list[Row], peers: str, pains: Pains) -> None:
    """Measure what the ledger lacks, row by row, the tools in turns, until the time is up."""
    until = time.monotonic() + 60 * pains.minutes
    for row in chosen:
        for turn in range(pains.repeats):
            for tool in TASKS[row.task]:
                if time.monotonic() > until:
                    return
                known = ledger.of(row, tool)
                if len(known) > turn or (seconds_of(known) or 0) > LONG or ledger.hopeless(row, tool):
                    continue
                python = sys.executable if tool == "ours" else peers
                ledger.add(row, tool, measured(python, row.cell(tool, pains.seconds, pains.limit)))
        print(line(ledger, row), file=sys.stderr, flush=True)


def seconds_of(found: list[Found]) -> float | None:
    """Return the median seconds of a cell's measurements, None where there are none."""
    every = [one["seconds"] for one in found if "seconds" in one]
    return statistics.median(every) if every else None


def shown(ledger: Ledger, row: Row, tool: str) -> str:
    """Return a cell of the table: what was measured, or why it was not; empty where neither is known yet."""
    if tool not in TASKS[row.task]:
        return "-"
    found = ledger.of(row, tool)
    seconds = seconds_of(found)
    if seconds is not None:
        memory = statistics.median(one["mb"] for one in found if "seconds" in one)
        text = f"{duration(seconds)}, {memory:,.0f} MB"
        return f"({text})" if (row.task, tool) in OTHER_WORK else text
    if found:
        return f"> {found[-1]['over']:.0f} s" if "over" in found[-1] else str(found[-1]["why"])
    return "not run" if ledger.hopeless(row, tool) else ""


def duration(seconds: float) -> str:
    """Return a time with two or three digits."""
    if seconds < 0.1:
        return f"{1000 * seconds:.1f} ms"
    return f"{1000 * seconds:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def ratio(ledger: Ledger, row: Row) -> str:
    """Return how many times faster ours is than the fastest tool that does the same; a bound if none of them ended."""
    own = seconds_of(ledger.of(row, "ours"))
    tools = [tool for tool in TASKS[row.task] if tool != "ours" and (row.task, tool) not in OTHER_WORK]
    ended = [seconds for tool in tools if (seconds := seconds_of(ledger.of(row, tool))) is not None]
    if own is None or not tools:
        return "-"
    if ended:
        return f"{min(ended) / own:,.1f}"
    bounds = [one["over"] for tool in tools for one in ledger.of(row, tool) if "over" in one]
    return f"> {max(bounds) / own:,.0f}" if bounds else "-"


def line(ledger: Ledger, row: Row) -> str:
    """Return a line of the table."""
    cells = " | ".join(shown(ledger, row, tool) for tool in TOOLS)
    return f"| {row.task} | {row.n} x {row.votes:,} | {row.processors} | {cells} | {ratio(ledger, row)} |"


def table(ledger: Ledger) -> list[str]:
    """Return the table of all rows in which something was measured, and a sentence about the machine."""
    head = ["task", "systems x votes", "processors", *TOOLS, "ratio"]
    known = [row for row in rows() if any(ledger.of(row, tool) for tool in TASKS[row.task])]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *(line(ledger, row) for row in known)]
    loads = [one["load"] for one in ledger.lines]
    where = "; ".join(dict.fromkeys(one["machine"] for one in ledger.lines))
    if loads:
        lines += ["", f"Measured on {where}; load average {min(loads)} to {max(loads)}."]
    return lines


def machine() -> str:
    """Return a few words about the machine; no name of it."""
    info = Path("/proc/cpuinfo")
    found = [text.split(":")[1].strip() for text in info.read_text().splitlines() if text.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors ({found[0] if found else 'unknown'}) with {memory:.0f} GB of memory"


BEGIN, END = "<!-- measured by tests/benchmarks/ratings.py -->", "<!-- end of what ratings.py measured -->"


def placed(page: str, lines: list[str], begin: str = BEGIN, end: str = END) -> str:
    """Return the page with the lines in their place, between its lines `begin` and `end`."""
    before, rest = page.split(begin)
    return "\n".join([before + begin, "", *lines, "", end + rest.split(end)[1]])


def main() -> None:
    """Measure what is missing and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--ledger", type=Path, required=True, help="the file of measurements, read and appended to")
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--sizes", default="", help="only these, as 7x1531,100x1000000")
    parser.add_argument("--processors", choices=["one", "all", "both"], default="both")
    parser.add_argument("--only", default="", help="the tasks with this in their name")
    parser.add_argument("--repeats", type=int, default=REPEATS, help="processes per cell")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="that one process repeats its work for")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds after which one run is given up")
    parser.add_argument("--minutes", type=float, default=1e6, help="stop measuring after these")
    parser.add_argument("-o", "--output", type=Path, help="the page to put the table into")
    options = parser.parse_args()
    ledger = Ledger(options.ledger)
    sizes = options.sizes.split(",") if options.sizes else []
    chosen = [
        row
        for row in rows()
        if options.only in row.task
        and options.processors in ("both", row.processors)
        and (not sizes or f"{row.n}x{row.votes}" in sizes)
    ]
    fill(ledger, chosen, options.peers, Pains(options.repeats, options.seconds, options.limit, options.minutes))
    lines = table(ledger)
    print("\n".join(lines))
    if options.output:
        options.output.write_text(placed(options.output.read_text(), lines))


if __name__ == "__main__":
    main()
