"""The commands that keep a database: backup, restore, move. Heavy libraries are imported where they are used."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from study import settings
from study.errors import Refused
from study.options import connected, open_database

if TYPE_CHECKING:
    from study.db import Database

OFTEN = 100_000
"""After so many rows a line says how far the work is, where there is no terminal."""
KEPT_SECRET = "STUDY_SECRET_KEY is not in it: cookies, links and pseudonyms need the same one."  # noqa: S105 - a sentence


@click.command()
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--without-images", is_flag=True, help="Leave the images out, where their store has copies of its own.")
def backup(output: Path, without_images: bool) -> None:
    """Write everything into one file, of one moment, while the server may run."""
    from study import backup as keeping
    from study import storage

    _check_place(output)
    with open_database() as database, _watched() as watch:
        store = None if without_images else storage.at(settings.read().media)
        made = keeping.write(database, output, store, watch)
    for sha256 in made.missing:
        click.echo(f"The image {sha256} is missing where images are kept, so it is not in the backup.", err=True)
    images = "no images" if made.images is None else f"{len(made.images)} images"
    click.echo(f"Wrote {output} ({made.rows} rows, {images}).")
    click.echo(f"It holds all that the database knows of people, and is readable for its owner alone. {KEPT_SECRET}")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Delete what the database holds, after a question.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--without-images", is_flag=True, help="Leave the images in the backup.")
def restore(file: Path, *, replace: bool, yes: bool, without_images: bool) -> None:
    """Check a backup wholly, then put it into an empty database of either kind."""
    from study import backup as keeping
    from study import restoring, storage
    from study.db import knows

    store = None if without_images else storage.at(settings.read().media)
    with connected() as database, _watched() as watch:
        there = restoring.holds(database)
        with keeping.checked(file, knows, watch) as found:
            if there.rows and replace and not yes:
                click.confirm(f"Delete all that {database.name} holds ({there.studies} studies)?", abort=True, err=True)
            restoring.restore(database, found, store, replace=replace, watch=watch)
            made = found.manifest
    images = 0 if without_images else len(made.images or ())
    click.echo(f"Restored {made.rows} rows and {images} images of {made.made_at:%Y-%m-%d %H:%M} UTC. {KEPT_SECRET}")
    for sha256 in made.missing:
        click.echo(f"The image {sha256} was missing when the backup was made: load its study's folder again.", err=True)


@click.command()
@click.argument("new_url")
def move(new_url: str) -> None:
    """Copy the database into another, empty one, such as from SQLite to PostgreSQL, and compare both."""
    from sqlalchemy.exc import DBAPIError

    from study import restoring
    from study.db import connect, first_line

    target = connect(settings.known(new_url, "The new address"))
    with open_database() as source, _watched() as watch:
        _check_other(source, target)
        try:
            moved = restoring.move(source, target, watch)
        except DBAPIError as error:
            raise Refused(f"{target.name}: {first_line(error)}; nothing was moved.") from error
        finally:
            target.dispose()
    rows = sum(extent.rows for extent in moved)
    click.echo(
        f"Moved {rows} rows in {len(moved)} tables: counts and digests are the same. {source.name} is untouched."
    )
    click.echo(
        "Now stop the server, set STUDY_DATABASE_URL to the new address, and start it. Images stay where they are."
    )


def _check_other(source: "Database", target: "Database") -> None:
    if source.engine.url == target.engine.url:
        raise Refused(f"{source.name} is the one that STUDY_DATABASE_URL names: give the address of another one.")


def _check_place(output: Path) -> None:
    if output.exists() and not output.is_file():
        raise Refused(f"{output} is no plain file, so nothing can be written there: name a file, such as study.zip.")


@contextmanager
def _watched() -> Iterator[Callable[[str, int], None]]:
    """What is done, on one line of a terminal, or with a line for every hundred thousand rows."""
    done: dict[str, int] = {}
    terminal = sys.stderr.isatty()

    def watch(does: str, number: int) -> None:
        before, done[does] = done.get(does, 0), done.get(does, 0) + number
        if terminal:
            click.echo(f"\r\x1b[K{does}: {done[does]}", err=True, nl=False)
        elif done[does] // OFTEN > before // OFTEN:
            click.echo(f"{does}: {done[does]}", err=True)

    try:
        yield watch
    finally:
        if terminal and done:
            click.echo("\r\x1b[K", err=True, nl=False)
