"""The commands of the study room. Heavy libraries are imported where they are used, so that --help stays quick."""

import importlib
import json
import os
import socket
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from study import settings
from study.errors import Refused

if TYPE_CHECKING:
    from study.db import Database
    from study.folder import Stimulus

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")
FOLDER = click.argument("folder", type=click.Path(path_type=Path))
NAME = click.argument("name")


class Commands(click.Group):
    """The group, with `simulate` imported only when it is wanted, and files that fail said in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the order of a study's life."""
        return "new check load open pause close status serve simulate votes participants db".split()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name != "simulate":
            return super().get_command(ctx, cmd_name)
        command: click.Command = importlib.import_module("study.simulate").simulate
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            where = error.filename or "A file could not be written"
            raise Refused(f"{where}: {error.strerror}; name another place, or make room there.") from error


@click.group(cls=Commands)
def cli() -> None:
    """People: load a study, serve it, take its votes out."""


@cli.command()
@FOLDER
@click.option("--kind", type=click.Choice(["compare", "label"]), default="compare", show_default=True,
              help="Compare codecs, or label where invented detail is welcome.")  # fmt: skip
def new(folder: Path, kind: str) -> None:
    """Write a commented study.toml into FOLDER."""
    from study import spec, wording, writing

    path = folder / spec.FILE
    if path.exists():
        raise Refused(f"{path} is there already: edit it, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    text = wording.new_toml(folder.resolve().name, kind)
    writing.together({path: lambda file: file.write(text)})
    click.echo(f"Wrote {path}")


@cli.command()
@FOLDER
@AS_JSON
def check(folder: Path, as_json: bool) -> None:
    """Read a study folder as `load` would, and say what it would ask of people."""
    from study import checking
    from study.folder import read

    found = checking.summary(read(folder, partial(_progress, "Checking")))
    click.echo(json.dumps(found, indent=2) if as_json else checking.as_text(found))


@cli.command()
@FOLDER
@click.option("--name", help="The study's name, instead of the one in study.toml.")
@click.option("--replace", is_flag=True, help="Put this folder in the place of a draft of the same name.")
def load(folder: Path, name: str | None, replace: bool) -> None:
    """Load a study folder as a draft: its design into the database, its images by content into the media folder."""
    from study import loading
    from study.folder import read
    from study.spec import renamed

    read_folder = read(folder, partial(_progress, "Checking"))
    spec = renamed(read_folder.spec, name) if name else read_folder.spec
    with _database(fresh=True) as database:
        study = loading.load(
            database, read_folder, spec, settings.read().media, replace=replace, watch=partial(_progress, "Copying")
        )
    pairs = len(loading.rating_pairs(read_folder.stimuli))
    click.echo(
        f"Loaded {len(read_folder.stimuli)} images and {pairs} pairs as the draft `{study.name}`. "
        f"Open it to participants: manage.py study open {study.name}"
    )


@cli.command(name="open")
@NAME
def open_(name: str) -> None:
    """Let participants in, or in again after a pause."""
    _change_state(name, "open")
    click.echo(f"Study `{name}` is open: people take part at /s/{name} while `manage.py study serve` runs.")


@cli.command()
@NAME
def pause(name: str) -> None:
    """Take no votes for the moment; participants are told to come back."""
    _change_state(name, "paused")
    click.echo(f"Study `{name}` is paused: `manage.py study open {name}` goes on.")


@cli.command()
@NAME
def close(name: str) -> None:
    """Take no votes any more, for good; who is half-way is cut off.

    To let people finish, wait until `status` shows as many complete as begun, or `pause` for now: whoever is half-way
    goes on once the study is opened again. A closed study is never opened again.
    """
    from study import counting

    with _database() as database, database.read() as db:
        found = counting.one(db, name)
    _change_state(name, "closed")
    click.echo(f"Study `{name}` is closed: `manage.py study votes {name} -o votes.csv` writes its votes.")
    half_way = found["open"]
    if half_way:
        click.echo(f"Cut off half-way: {half_way} of {found['begun']}. Waiting, or `pause`, would let people finish.")


@cli.command()
@click.argument("name", required=False)
@AS_JSON
def status(name: str | None, as_json: bool) -> None:
    """Say how far the studies are, or one of them."""
    from study import counting

    with _database() as database, database.read() as db:
        found = counting.one(db, name) if name else counting.all_studies(db)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(counting.as_text(found if isinstance(found, list) else [found]))


@cli.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("votes.csv"), show_default=True,
              help="Where votes.csv is written; design.toml, sessions.csv and columns.csv come beside it.")  # fmt: skip
def votes(name: str, output: Path) -> None:
    """Write votes.csv, with the frozen design, the sessions and the dictionary beside it."""
    from study import export

    with _database() as database, database.read() as db:
        written = export.write(db, name, output)
    for path, rows in written.items():
        click.echo(f"Wrote {path} ({rows} rows)" if rows is not None else f"Wrote {path}")


@cli.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("participants.csv"), show_default=True,
              help="Where it is written; keep it apart from votes.csv.")  # fmt: skip
def participants(name: str, output: Path) -> None:
    """Write participants.csv: what platforms call each participant, and the completion codes."""
    from study import participants as people

    secret_key = settings.secret_key()
    with _database() as database, database.read() as db:
        rows = people.write(db, name, output, secret_key)
    click.echo(f"Wrote {output} ({rows} rows). It names people: keep it apart from votes.csv.")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at; a proxy stands before.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 64), help="Processes.")
@click.option("--threads", default=4, show_default=True, type=click.IntRange(1, 64), help="Threads a process.")
def serve(host: str, port: int, workers: int, threads: int) -> None:
    """Serve the participants' pages until it is stopped."""
    from study import limits

    settings.secret_key()
    limits.check(settings.read().limits_url)
    with _database(fresh=True) as database:
        database.forget_deleted()
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"  # IPv6 is written in brackets
    _check_free(host, port, address)
    click.echo(f"Serving studies at http://{address}/s/NAME; stop with Ctrl-C.")
    sys.stdout.flush()
    command = [sys.executable, "-m", "gunicorn", "--pythonpath", str(settings.ROOT), "--worker-class", "gthread"]
    command += ["--no-control-socket", "--keep-alive", "30"]  # seconds; browsers reuse a connection between trials
    command += ["--graceful-timeout", "10"]  # seconds for what is under way; the database is waited for half as long
    command += ["--logger-class", "study.logs.ServerLog"]
    command += ["--bind", address, "--workers", str(workers), "--threads", str(threads)]
    os.execv(sys.executable, [*command, "study.app:create_app()"])  # noqa: S606 - gunicorn takes this process over


@cli.group(name="db")
def database_commands() -> None:
    """The database's schema: upgrade, check."""


@database_commands.command()
def upgrade() -> None:
    """Bring the database to the newest revision."""
    with _connected() as database:
        database.upgrade()
        click.echo(f"{database.name} is at the newest revision.")


@database_commands.command(name="check")
def check_revision() -> None:
    """Say whether the database is at the newest revision."""
    with _database() as database:
        click.echo(f"{database.name} is at the newest revision.")


def _change_state(name: str, state: str) -> None:
    from study import loading

    with _database() as database, database.write() as db:
        loading.change_state(db, name, state)


@contextmanager
def _connected() -> Iterator["Database"]:
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
def _database(*, fresh: bool = False) -> Iterator["Database"]:
    """The same at the newest revision; an empty SQLite file is brought there where `fresh` allows it."""
    with _connected() as database:
        if fresh and database.is_sqlite and database.is_empty():
            database.upgrade()
        database.check()
        yield database


@contextmanager
def _progress(does: str, rows: Sequence["Stimulus"]) -> Iterator[Iterable["Stimulus"]]:
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


def _check_free(host: str, port: int, address: str) -> None:
    """Listen there for a moment, as gunicorn will, because gunicorn tries for long and says little."""
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind(place)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or "it is no name of a machine"
        raise Refused(f"{address} cannot be used ({why}): choose another `--port` or `--host`.") from error


if __name__ == "__main__":
    cli()
