"""One measurement: a function of `ours` or `peers`, timed in a process of its own. `ratings` makes the table of many.

    python -m tests.benchmarks.measuring '{"name": "our_fit", "n": 7, "votes": 1531, "rounds": 1, ...}'

Linear algebra has one thread throughout: with more every tool here is slower, as its matrices are small and several
share their work out among processes or threads themselves. On one processor the time is that which the processor
worked, its children's too, so that other load counts little; on all of them it is the time that passed. The memory is
how far the peak rises above the loaded votes.
"""

import json
import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HOUSE = Path(__file__).resolve().parents[2]
RUNS = 15  # of one process at most
SHORTEST = 0.1  # seconds that a run lasts at least, by doing its work again
LOADING = 90.0  # seconds for imports, for making the votes and for a first small run
MEMORY = 12 * 2**30
PROGRAMS = {"our_report"}  # start a program, whose memory counts whole

Found = dict[str, Any]


@dataclass(frozen=True)
class Cell:
    """The function `name` on so many votes: repeated for some `seconds`, stopped where one run lasts over `limit`."""

    name: str
    n: int
    votes: int
    rounds: int
    seconds: float
    limit: float
    single: bool


def function(name: str) -> Callable[..., Callable[[], object]]:
    """Return the function of a cell; only our own cells import this project."""
    from tests.benchmarks import peers

    if name.startswith("our_"):
        from tests.benchmarks import ours

        return getattr(ours, name)
    return getattr(peers, name)


def clock() -> float:
    """Return seconds: worked, where the process is held to one processor, or passed."""
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


def measure(cell: Cell) -> Found:
    """Measure in this process: the median of the runs' seconds, how many runs, and MB above the loaded votes."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    if cell.single:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    make = function(cell.name)
    from tests.benchmarks.peers import made

    data = made(cell.n, cell.votes)
    make(made(min(cell.n, 7), 500), min(2, cell.rounds))()  # what is loaded and compiled once
    work, before, runs = make(data, cell.rounds), peak(), []
    signal.setitimer(signal.ITIMER_REAL, cell.limit)  # nobody handles the signal, so it ends the process
    while len(runs) < RUNS and (not runs or sum(max(run, SHORTEST) for run in runs) < cell.seconds):
        runs.append(timed(work))
        signal.setitimer(signal.ITIMER_REAL, 0)
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024 if cell.name in PROGRAMS else peak() - before
    return {"seconds": statistics.median(runs), "runs": len(runs), "mb": max(0.0, memory)}


def measured(python: str, cell: Cell) -> Found:
    """Measure in a process of its own: as `measure`, or `over` so many seconds, or `why` there is no measurement."""
    settings = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL")}
    words = [python, "-m", "tests.benchmarks.measuring", json.dumps(asdict(cell))]
    with subprocess.Popen(
        words,
        cwd=HOUSE,
        env=os.environ | settings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            out, err = process.communicate(timeout=LOADING + cell.limit)
        except subprocess.TimeoutExpired:
            out, err = "", ""
        finally:
            _end(process)
    if process.returncode < 0:
        return {"over": cell.limit}
    if process.returncode:
        last = (err.strip().splitlines() or ["failed"])[-1]
        return {"why": f"over {MEMORY // 2**30} GB" if "MemoryError" in last else last[:80]}
    return dict(json.loads(out.strip().splitlines()[-1]))


def _end(process: "subprocess.Popen[str]") -> None:
    """End the process with all that it started, which may outlive it."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


if __name__ == "__main__":
    print(json.dumps(measure(Cell(**json.loads(sys.argv[1])))))
