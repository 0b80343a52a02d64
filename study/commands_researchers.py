"""The commands behind the dashboard: accounts of researchers, and the reports that it shows."""

import json
import sys
from pathlib import Path
from typing import Any

import click

from study.errors import Refused
from study.options import AS_JSON, NAME, open_database

FROM_STDIN = click.option("--password-stdin", "from_stdin", is_flag=True, help="Read the password from the first line "
                          "of the standard input instead of asking for it.")  # fmt: skip


@click.group()
def researcher() -> None:
    """Who may see the dashboard at /researchers: add, list, password, lock."""


@researcher.command()
@NAME
@click.option("--role", type=click.Choice(["owner", "viewer"]), required=True,
              help="An owner starts, pauses and closes studies; a viewer looks.")  # fmt: skip
@FROM_STDIN
def add(name: str, role: str, from_stdin: bool) -> None:
    """Make an account; its password is asked for."""
    from study import researchers

    password = _password(from_stdin=from_stdin)
    with open_database(fresh=True) as database, database.write() as db:
        researchers.add(db, name, role, password)
    click.echo(f"Added {role} `{name}`, who logs in at /researchers/login while `manage.py study serve` runs.")


@researcher.command(name="list")
@AS_JSON
def list_(as_json: bool) -> None:
    """Name every account with its role."""
    from study import researchers

    with open_database() as database, database.read() as db:
        found = researchers.all_of_them(db)
    if as_json:
        rows: list[dict[str, Any]] = [{"name": each.name, "role": each.role, "locked": each.locked} for each in found]
        click.echo(json.dumps(rows, indent=2))
    elif not found:
        click.echo("No researcher has an account: `manage.py study researcher add NAME --role owner` makes one.")
    else:
        click.echo("\n".join(f"{each.name}: {each.role}{', locked' if each.locked else ''}" for each in found))


@researcher.command(name="password")
@NAME
@FROM_STDIN
def password_(name: str, from_stdin: bool) -> None:
    """Give another password, which ends every login of this researcher."""
    from study import researchers

    password = _password(from_stdin=from_stdin)
    with open_database() as database, database.write() as db:
        researchers.set_password(db, name, password)
    click.echo(f"`{name}` has another password, and is logged out everywhere.")


@researcher.command()
@NAME
@click.option("--undo", is_flag=True, help="Let the account in again.")
def lock(name: str, undo: bool) -> None:
    """Keep an account out, at once and until `--undo`."""
    from study import researchers

    with open_database() as database, database.write() as db:
        researchers.lock(db, name, locked=not undo)
    click.echo(f"`{name}` may log in again." if undo else f"`{name}` is locked, and logged out everywhere.")


@click.command()
@NAME
@click.argument("folder", type=click.Path(path_type=Path), required=False, metavar="[REPORT_FOLDER]")
@click.option("--uncover", "deed", flag_value="uncover", help="Show ratings while the study takes votes; asks first.")
@click.option("--cover", "deed", flag_value="cover", help="Cover them again.")
@click.option("--look", "deed", flag_value="look", help="Take the next look that `analysis.looks` foresaw.")
def results(name: str, folder: Path | None, deed: str | None) -> None:
    """Load a report for the dashboard, whose ratings stay covered while the study takes votes."""
    if (folder is None) == (deed is None):
        raise click.UsageError("Name either a REPORT_FOLDER to load, or one of --uncover, --cover and --look.")
    if folder is not None:
        _load(name, folder)
    elif deed == "uncover":
        _uncover(name)
    else:
        _cover_or_look(name, deed == "look")


def _load(name: str, folder: Path) -> None:
    from study import covering, loading
    from study import results as reports

    report = reports.read(folder)
    with open_database() as database:
        with database.write() as db:
            _, remark = reports.store(db, name, report)
        with database.read() as db:
            cover = covering.cover_of(db, loading.find(db, name))
    click.echo(f"Loaded {len(report.files)} files of {folder} into the dashboard of `{name}`.")
    if remark:
        click.echo(remark)
    if not cover.all:
        click.echo(f"Its ratings are covered while {cover.why}.")


def _uncover(name: str) -> None:
    from study import covering

    with open_database() as database:
        click.echo(covering.WHY_NOT)
        typed = click.prompt(
            "Type the study's name to uncover its ratings all the same", default="", show_default=False
        )
        with database.write() as db:
            covering.uncover(db, name, typed)
    click.echo(f"The ratings of `{name}` are uncovered. `study results --cover {name}` covers them again.")


def _cover_or_look(name: str, is_look: bool) -> None:
    from study import covering

    with open_database() as database, database.write() as db:
        if not is_look:
            covering.cover(db, name)
            click.echo(f"The ratings of `{name}` are covered.")
            return
        taken = covering.look(db, name)
    click.echo(f"Look {taken.number} of {taken.of}, at alpha {taken.alpha:.4g}: the dashboard shows the last report.")


def _password(*, from_stdin: bool) -> str:
    """The password, never from the command line itself, which other people on the machine can read."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise Refused("There is no terminal to ask for the password: give it on the standard input, --password-stdin.")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True))
