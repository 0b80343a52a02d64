"""Long work shows how far it is."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

MANY_VOTES = 50_000


@contextmanager
def progressing(label: str, votes: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with votes done: a bar on a terminal, a line each tenth elsewhere, silence for few."""
    if votes < MANY_VOTES:
        yield lambda _: None
    elif sys.stderr.isatty():
        with click.progressbar(length=votes, label=label, file=sys.stderr) as bar:
            yield bar.update
    else:
        done = 0

        def line(more: int) -> None:
            nonlocal done
            if 10 * (done + more) // votes > 10 * done // votes:
                click.echo(f"{label}: {100 * (done + more) // votes}%", err=True)
            done += more

        yield line
