"""Measure this project's ratings against its peers on the same votes, and print one table in Markdown.

    python3 -m venv peers && peers/bin/pip install -r tests/benchmarks/requirements.txt
    .venv/bin/python tests/benchmarks/ratings.py --peers peers/bin/python -o docs/benchmarks.md

Every cell is a process of its own, held to one processor or given all, with one thread of linear algebra or as many as
processors. Its time is the median of several runs after one to warm up: on one processor the time that it worked, on
all of them the time that passed. Its memory is how far the process's peak rises above the loaded votes. What would take
longer than the cap is measured with fewer rounds and extrapolated: "~".
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
ROUNDS = 1000
CAP = 6.0  # seconds that one cell may measure for
WAIT = 45.0  # seconds that one cell may last, warming up included
RUNS = 5
SHORTEST = 0.1  # seconds that a run lasts at least, by doing its work again

FED = "(choix, fed resampled tables)"  # it has no bootstrap: what is drawn and counted for it is ours, so no peer
TASKS = {
    "1,000-round Bradley-Terry bootstrap": {
        "ours": "our_bootstrap",
        "evalica": "evalica_bootstrap",
        FED: "choix_bootstrap",
        "multinomial L-BFGS": "lbfgs_bootstrap",
        "arena-rank": "arena_rank_bootstrap",
    },
    "one Bradley-Terry fit": {
        "ours": "our_fit",
        "evalica": "evalica_fit",
        "choix": "choix_fit",
        "multinomial L-BFGS": "lbfgs_fit",
        "arena-rank": "arena_rank_fit",
    },
    "1,000-round Elo bootstrap, K 32": {
        "ours": "our_elo",
        "evalica": "evalica_elo",
        "all rounds side by side": "vectorised_elo",
    },
    "two-way clustered intervals": {"ours": "our_intervals", "arena-rank (votes only)": "arena_rank_fit"},
}
REPEATED = {"1,000-round Bradley-Terry bootstrap", "1,000-round Elo bootstrap, K 32"}


def function(name: str) -> Callable[..., Callable[[], object]]:
    """Return the function of a cell; only our own cells import this project."""
    sys.path.insert(0, str(HOUSE))
    from tests.benchmarks import peers

    if name.startswith("our_"):
        from tests.benchmarks import ours

        return getattr(ours, name)
    return getattr(peers, name)


def clock() -> float:
    """Return seconds: held to one processor those that it worked, children's too, so that other load counts little."""
    return time.process_time() + sum(os.times()[2:4]) if len(os.sched_getaffinity(0)) == 1 else time.perf_counter()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that the work takes; short work is done often, as clocks of processors are coarse."""
    begin, times = clock(), 0
    while not times or (clock() - begin < SHORTEST and times < 10_000):
        work()
        times += 1
    return (clock() - begin) / times


def peak() -> float:
    """Return the peak memory of this process and of the largest one that it started, in MB."""
    own, children = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return (own + children) / 1024


@dataclass(frozen=True)
class Cell:
    """What one process measures: a function of `peers` or `ours`, on so many votes, for at most `cap` seconds."""

    name: str
    n: int
    votes: int
    rounds: int
    cap: float
    single: bool


def cell(asked: Cell) -> dict[str, object]:
    """Measure one cell in this process: seconds, whether they are extrapolated, and MB above the loaded votes."""
    limit = 60 + int(10 * asked.cap)  # seconds of work, whatever else the machine does
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    if asked.single:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    make = function(asked.name)
    from tests.benchmarks.peers import made

    data = made(asked.n, asked.votes)
    make(made(min(asked.n, 7), 500), 2)()  # what is loaded and compiled once
    work, before, runs = make(data, asked.rounds), peak(), []
    seconds, about = paced(make, data, asked.rounds, asked.cap)
    if about:
        return {"seconds": seconds, "about": True, "mb": None}
    while len(runs) < RUNS and (not runs or sum(runs) + runs[0] < asked.cap):
        runs.append(timed(work))
    return {"seconds": statistics.median(runs), "about": False, "mb": max(0.0, peak() - before)}


def paced(make: Callable, data: object, rounds: int, cap: float) -> tuple[float, bool]:
    """Return what all rounds would take, judged by few of them, and whether that is over the cap."""
    few, short = 1, timed(make(data, 1))
    while few < rounds:
        more = min(rounds, 8 * few)
        long = timed(make(data, more))
        pace = max(long - short, 0.0) / (more - few)
        whole = long + pace * (rounds - more)
        if more == rounds or (long > cap / 8 and whole > cap):
            return whole, whole > cap
        few, short = more, long
    return short, False


def measured(python: str, asked: Cell) -> dict[str, object]:
    """Run one cell in a process of its own; one that does not end in time has no seconds."""
    threads = "1" if asked.single else str(os.cpu_count())
    settings = {f"{library}_NUM_THREADS": threads for library in ("OMP", "OPENBLAS", "MKL")}
    words = [python, __file__, "--cell", json.dumps(astuple(asked))]
    try:
        done = subprocess.run(
            words,
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT,
        )
    except subprocess.TimeoutExpired:
        return {"seconds": None, "why": "not in time"}
    if done.returncode < 0:
        return {"seconds": None, "why": "not in time"}
    if done.returncode:
        return {"seconds": None, "why": (done.stderr.strip().splitlines() or ["failed"])[-1][:80]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def shown(found: dict[str, object]) -> str:
    """Return a cell of the table."""
    seconds = found["seconds"]
    if seconds is None:
        return str(found["why"])
    number = (
        f"{1000 * seconds:.2g} ms"
        if seconds < 0.1
        else f"{1000 * seconds:.0f} ms"
        if seconds < 1
        else (f"{seconds:.1f} s" if seconds < 100 else f"{seconds:,.0f} s")
    )
    memory = f", {found['mb']:.0f} MB" if found.get("mb") is not None else ""
    return f"{'~' if found['about'] else ''}{number}{memory}"


def ratio(row: dict[str, dict[str, object]]) -> str:
    """Return how many times faster ours is than the fastest tool that does the same."""
    peers = [float(one["seconds"]) for name, one in row.items() if name not in ("ours", FED) and one["seconds"]]
    own = row["ours"]["seconds"]
    return f"{min(peers) / float(own):,.1f}" if peers and own else "-"


def table(
    tasks: dict[str, dict[str, str]],
    peers: str,
    sizes: list[tuple[int, int]],
    *,
    rounds: int,
    cap: float,
    modes: list[bool],
) -> list[str]:
    """Measure everything and return the lines of the tables."""
    lines = []
    for task, tools in tasks.items():
        lines += ["", f"## {task}", "", "| systems x votes | processors | " + " | ".join(tools) + " | ratio |"]
        lines += ["|" + "---|" * (len(tools) + 3)]
        gone: dict[tuple[str, bool], dict[str, object]] = {}
        for n, votes in sizes:
            for single in modes:
                row = {}
                for tool, name in tools.items():
                    python = sys.executable if tool == "ours" else peers
                    if (tool, single) in gone:  # what does not end with few votes does not end with many
                        row[tool] = gone[tool, single]
                        continue
                    row[tool] = measured(python, Cell(name, n, votes, rounds if task in REPEATED else 1, cap, single))
                    if row[tool]["seconds"] is None:
                        gone[tool, single] = row[tool]
                cells = " | ".join(shown(one) for one in row.values())
                which = "one" if single else "all"
                lines.append(f"| {n} x {votes:,} | {which} | {cells} | {ratio(row)} |")
                print(lines[-1], file=sys.stderr, flush=True)
    return lines


def machine() -> str:
    """Return a sentence about the machine; no name of it."""
    info = Path("/proc/cpuinfo")
    found = [line.split(":")[1].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} processors ({found[0] if found else 'unknown'}), {memory:.0f} GB of memory"


def main() -> None:
    """Measure one cell, or everything."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", default=sys.executable, help="the Python of the peers' environment")
    parser.add_argument("--cell", help=argparse.SUPPRESS)
    parser.add_argument("--cap", type=float, default=CAP, help="seconds that one cell may measure for")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--sizes", default="4x1531,7x1531,100x1531,4x100000,7x100000,100x100000,4x1000000,7x1000000,100x1000000"
    )
    parser.add_argument("--processors", choices=["one", "all", "both"], default="both")
    parser.add_argument("--only", default="", help="measure the tasks with this in their name")
    parser.add_argument("-o", "--output", type=Path, help="the page to write")
    options = parser.parse_args()
    if options.cell:
        print(json.dumps(cell(Cell(*json.loads(options.cell)))))
        return
    sizes = [tuple(map(int, size.split("x"))) for size in options.sizes.split(",")]
    modes = {"one": [True], "all": [False], "both": [True, False]}[options.processors]
    load = os.getloadavg()[0]
    tasks = {task: tools for task, tools in TASKS.items() if options.only in task}
    lines = table(tasks, options.peers, sizes, rounds=options.rounds, cap=options.cap, modes=modes)
    page = "\n".join(
        [*lines, "", f"Measured on {machine()}; load average {load:.1f} before, {os.getloadavg()[0]:.1f} after."]
    )
    print(page)
    if options.output:
        options.output.write_text(page + "\n")


if __name__ == "__main__":
    main()
