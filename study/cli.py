"""The commands of the study room. Heavy libraries are imported where they are used, so that --help stays quick."""

import importlib
import json
import os
import socket
import sys
from pathlib import Path
from typing import Any

import click

from study import settings
from study.errors import Refused
from study.options import AS_JSON, NAME, connected, open_database

ORDER = (
    "new check load preview preregister open pause close status serve simulate votes participants "
    "results prioritise erase researcher backup restore move archive db"
)
"""Every command, in the order of a study's life."""
ELSEWHERE = {
    "new": "commands_design",
    "check": "commands_design",
    "load": "commands_design",
    "preview": "commands_design",
    "preregister": "commands_design",
    "prioritise": "commands_sampling",
    "simulate": "simulate",
    "results": "commands_researchers",
    "researcher": "commands_researchers",
    "backup": "commands_keeping",
    "restore": "commands_keeping",
    "move": "commands_keeping",
    "erase": "commands_leaving",
    "archive": "commands_leaving",
}
"""Commands that have a module of their own, imported only when they are wanted."""


class Commands(click.Group):
    """The group, with commands imported only when they are wanted, and files that fail said in one sentence."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Every command, in the order of a study's life."""
        return ORDER.split()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"study.{ELSEWHERE[cmd_name]}"), cmd_name)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except OSError as error:
            where = error.filename or "A file could not be written"
            raise Refused(f"{where}: {error.strerror}; name another place, or make room there.") from error


COUNTING_S = 120.0
"""For how long votes are counted before a study is paused or closed; a million take half a minute."""


@click.group(cls=Commands)
def cli() -> None:
    """People: load a study, serve it, take its votes out."""


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

    with open_database() as database, database.read() as db:
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

    with open_database() as database, database.read() as db:
        found = counting.one(db, name) if name else counting.all_studies(db)
    if as_json:
        click.echo(json.dumps(found, indent=2))
    else:
        click.echo(counting.as_text(found if isinstance(found, list) else [found]))


@cli.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("votes.csv"), show_default=True,
              help="Where votes.csv is written; design.toml and three tables come beside it.")  # fmt: skip
def votes(name: str, output: Path) -> None:
    """Write votes.csv, with the frozen design, the sessions and the dictionary beside it."""
    from study import leaving

    with open_database() as database:
        written = leaving.votes(database, name, output)
    for path, rows in written.items():
        click.echo(f"Wrote {path} ({rows} rows)" if rows is not None else f"Wrote {path}")


@cli.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), default=Path("participants.csv"), show_default=True,
              help="Where it is written; keep it apart from votes.csv.")  # fmt: skip
def participants(name: str, output: Path) -> None:
    """Write participants.csv: what platforms call each participant, and the completion codes."""
    from study import leaving

    secret_key = settings.secret_key()
    with open_database() as database:
        rows = leaving.people(database, name, output, secret_key)
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
    with open_database(fresh=True) as database:
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
    with connected() as database:
        database.upgrade()
        click.echo(f"{database.name} is at the newest revision.")


@database_commands.command(name="check")
def check_revision() -> None:
    """Say whether the database is at the newest revision."""
    with open_database() as database:
        click.echo(f"{database.name} is at the newest revision.")


def _change_state(name: str, state: str) -> None:
    """The log says how many votes there were; what nobody has looked at yet is counted before the study is locked."""
    from study import loading, watching

    with open_database() as database:
        with database.read() as db:
            study = loading.find(db, name)
        watching.catch_up(database, study, budget_s=COUNTING_S)
        with database.write() as db:
            loading.change_state(db, name, state)


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
