"""The commands that take a person out, and a whole study: erase, archive."""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from study.errors import Refused
from study.options import AS_JSON, NAME, open_database

if TYPE_CHECKING:
    from sqlalchemy.orm import Session as OrmSession

    from study.erasing import Held, Person
    from study.tracing import Found

AGAIN = "made from votes that held this person; make it again"
ITSELF = "held this person; delete it, or write it again"


@click.command()
@NAME
@click.argument("pseudonym", required=False)
@click.option("--platform", metavar="PARAMETER=VALUE", help="Whose link said this, such as PROLIFIC_PID=5f1e.")
@click.option("--session", type=click.IntRange(1), help="Whose session has this number, such as one who withdrew.")
@click.option("--search", type=click.Path(path_type=Path, exists=True, file_okay=False), multiple=True,
              help="Follow digests through the files below this folder; may be given again.")  # fmt: skip
@click.option("--yes", is_flag=True, help="Do not ask.")
@AS_JSON
def erase(name: str, *, yes: bool, as_json: bool, search: tuple[Path, ...], **who: Any) -> None:
    """Erase a person, and list the exports and the files made from them that held what they gave."""
    from study import erasing

    _check_one(who)
    with open_database() as database:
        with database.read() as db:
            person = _find(db, name, who)
            held = erasing.held(db, person)
        if not person.gone and not yes:
            click.echo(_described(person), err=True)
            click.confirm("Erase this person for good?", abort=True, err=True)
        done = erasing.erase(database, person)
    found = {folder: _searched(folder, held) for folder in search}
    click.echo(
        json.dumps(_as_json(person, held, found, done=done), indent=2) if as_json else _told(person, held, done=done)
    )
    if not as_json:
        _tell_found(found, held)
    for path in (path for traced in found.values() for path in traced.unread):
        click.echo(f"{path} could not be read: look there yourself.", err=True)


def _check_one(who: Mapping[str, Any]) -> None:
    if sum(said is not None for said in who.values()) != 1:
        raise click.UsageError("Name one person: PSEUDONYM, --platform PARAMETER=VALUE or --session NUMBER.")


def _find(db: "OrmSession", name: str, who: Mapping[str, Any]) -> "Person":
    from study import erasing

    if who["session"] is not None:
        return erasing.by_session(db, name, who["session"])
    if who["pseudonym"] is not None:
        return erasing.by_pseudonym(db, name, who["pseudonym"])
    parameter, equals, value = who["platform"].partition("=")
    if not (parameter and equals and value):
        raise Refused("`--platform` is written PARAMETER=VALUE, such as PROLIFIC_PID=5f1e.")
    return erasing.by_platform(db, name, parameter, value)


def _searched(folder: Path, held: "list[Held]") -> "Found":
    from study import tracing

    def watch(number: int) -> None:
        if number % 1000 == 0:
            click.echo(f"Searched {number} files of {folder}", err=True)

    if sys.stderr.isatty():
        click.echo(f"Searching {folder}", err=True)
    return tracing.search(folder, {file.sha256 for file in held}, watch)


def _described(person: "Person") -> str:
    return (
        f"Session {person.session_id} of study `{person.study}`, begun {person.started_at:%Y-%m-%d %H:%M} UTC, "
        f"{person.outcome}, {person.votes} votes."
    )


def _told(person: "Person", held: "list[Held]", *, done: bool) -> str:
    did = "is erased" if done else "had been erased before"
    lines = [f"Session {person.session_id} of study `{person.study}` {did}; its number stays, as `withdrawn`."]
    if not held:
        return f"{lines[0]}\nNo file that held this person left the database."
    lines.append("These held this person; delete them, write them again, and tell whoever got them:")
    for file in held:
        votes = "votes" if file.votes else "no votes"
        lines.append(f"  {file.at:%Y-%m-%d %H:%M} UTC  {file.what}  {file.name}  {file.sha256}  ({votes})")
    if any(file.what == "backup" for file in held):
        lines.append("Whoever restores such a backup must erase the session again.")
    return "\n".join(lines)


def _tell_found(found: "Mapping[Path, Found]", held: "list[Held]") -> None:
    for folder, traced in found.items():
        if not traced.traces:
            click.echo(f"Nothing below {folder} leads back to {'them' if held else 'this person'}.")
        for trace in traced.traces:
            click.echo(f"{trace.path}: {ITSELF if trace.is_it else AGAIN}.")


def _as_json(person: "Person", held: "list[Held]", found: "Mapping[Path, Found]", *, done: bool) -> dict[str, Any]:
    return {
        "study": person.study,
        "session": person.session_id,
        "erased": done,
        "exports": [file._asdict() | {"at": file.at.isoformat()} for file in held],
        "files": [
            {"path": str(trace.path), "sha256": trace.sha256, "is": "export" if trace.is_it else "derived"}
            for traced in found.values()
            for trace in traced.traces
        ],
        "unread": [str(path) for traced in found.values() for path in traced.unread],
    }


@click.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The zip to write.")
@click.option("--report", type=click.Path(path_type=Path), help="A report's folder.  [default: the last one loaded]")
@click.option("--stimuli", type=click.Path(path_type=Path, exists=True, dir_okay=False),
              help="The study's stimuli.csv, where the report used it.")  # fmt: skip
@click.option("--images", is_flag=True, help="Pack every image, too.")
def archive(name: str, output: Path, *, report: Path | None, stimuli: Path | None, images: bool) -> None:
    """Pack a closed study into one zip, from which anybody makes its report again."""
    from study import archiving, repeating, settings, storage

    if output.exists() and not output.is_file():
        raise Refused(f"{output} is no plain file, so nothing can be written there: name a file, such as study.zip.")
    packed = repeating.read_report(report) if report else None
    with open_database() as database:
        members = archiving.write(
            database,
            name,
            output,
            packed,
            stimuli=stimuli.read_bytes() if stimuli else None,
            store=storage.at(settings.read().media) if images else None,
        )
    click.echo(f"Wrote {output} ({len(members)} files). Its README.md says how to make the report again.")
    if not any(member.startswith(f"{repeating.REPORT}/") for member in members):
        click.echo("No report is in it: name one with `--report`, or load one with `study results`.", err=True)
