"""What commands share: arguments, the database of the settings, and progress."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from study import settings
from study.errors import Refused

if TYPE_CHECKING:
    from study.db import Database
    from study.folder import Stimulus

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
FOLDER = click.argument("folder", type=click.Path(path_type=Path))
NAME = click.argument("name")


@contextmanager
def connected() -> Iterator["Database"]:
    """The database of the settings, closed at the end; what it cannot do is said in one sentence."""
    from sqlalchemy.exc import DBAPIError

    from study.db import connect, first_line

    database = connect(settings.read().database_url)
    try:
        yield database
    except DBAPIError as error:
        raise Refused(f"{database.name}: {first_line(error)}; see STUDY_DATABASE_URL.") from error
    finally:
        database.dispose()


@contextmanager
def open_database(*, fresh: bool = False) -> Iterator["Database"]:
    """The same at the newest revision; an empty SQLite file is brought there where `fresh` allows it."""
    with connected() as database:
        if fresh and database.is_sqlite and database.is_empty():
            database.upgrade()
        database.check()
        yield database


@contextmanager
def progress(does: str, rows: Sequence["Stimulus"]) -> Iterator[Iterable["Stimulus"]]:
    """The rows with a bar on a terminal, otherwise with a line for every thousand."""
    if sys.stderr.isatty():
        with click.progressbar(rows, label=does, file=sys.stderr) as bar:
            yield bar
        return
    yield _counted(does, rows)


def _counted(does: str, rows: Sequence["Stimulus"]) -> Iterator["Stimulus"]:
    for number, row in enumerate(rows, start=1):
        yield row
        if number % 1000 == 0:
            click.echo(f"{does} {number} of {len(rows)}", err=True)
