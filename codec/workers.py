"""Pictures in parallel: each in a process of its own thread, with progress, and without leaving anybody behind."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, TypeVar

import click

from codec.baselines import use_one_thread
from codec.errors import Refusal

T = TypeVar("T")
R = TypeVar("R")


class Workers:
    """Runs a function over items in `jobs` processes; with one job, in this one."""

    def __init__(self, jobs: int, pool: ProcessPoolExecutor | None) -> None:
        self.jobs, self.pool = jobs, pool

    def run(self, function: Callable[[T], R], items: Sequence[T], label: str) -> list[R]:
        """Return the results in the order of the items; the first item that is refused ends it all."""
        results: dict[int, R] = {}
        with _progress(label, len(items)) as advance:
            for index, result in self._each(function, items):
                results[index] = result
                advance()
        return [results[index] for index in range(len(items))]

    def _each(self, function: Callable[[T], R], items: Sequence[T]) -> Iterator[tuple[int, R]]:
        if self.pool is None:
            yield from ((index, function(item)) for index, item in enumerate(items))
            return
        futures: dict[Future[R], int] = {self.pool.submit(function, item): i for i, item in enumerate(items)}
        try:
            for future in as_completed(futures):
                yield futures[future], future.result()
        except BrokenProcessPool:
            raise Refusal(
                "A worker process died, perhaps for want of memory; run the same again with --jobs 1."
            ) from None


@contextmanager
def workers(jobs: int) -> Iterator[Workers]:
    """Workers for a while. When it ends early, items in hand are finished and waiting ones dropped."""
    use_one_thread()
    if jobs == 1:
        yield Workers(1, None)
        return
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"), _begin)
    try:
        yield Workers(jobs, pool)
    except KeyboardInterrupt:
        click.echo("\nStopping; what is in hand will be finished ...", err=True)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _begin() -> None:
    """In a new process: one thread, Ctrl-C is the parent's business, and no life without the parent."""
    use_one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None  # noqa: S101
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: Any) -> None:
    parent.join()
    os._exit(1)


@contextmanager
def _progress(label: str, length: int) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, otherwise a line each; on standard error."""
    if sys.stderr.isatty():
        with click.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield lambda: bar.update(1)
        return
    done = iter(range(1, length + 1))
    yield lambda: click.echo(f"{label}: {next(done)} of {length}", err=True)
