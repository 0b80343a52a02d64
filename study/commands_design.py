"""The commands before the first participant: write a study, check it, load it, look at it, register it."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from study import settings
from study.errors import Refused
from study.options import AS_JSON, FOLDER, NAME, open_database, progress

if TYPE_CHECKING:
    from study.spec import Kind
    from study.starting import Asked


@click.command()
@FOLDER
@click.option(
    "--kind",
    type=click.Choice(["compare", "label"]),
    default="compare",
    show_default=True,
    help="Compare codecs, or label where invented detail is welcome.",
)
@click.option("--asks-for", type=click.Choice(["prefer", "closer", "both"]), default="prefer", show_default=True,
              help="The question; both: each participant is asked one of the two, drawn by the seed.")  # fmt: skip
def new(folder: Path, kind: "Kind", asks_for: "Asked") -> None:
    """Write a commented study.toml into FOLDER, and consent.md: what an ethics board asks."""
    from study import spec, starting, writing

    path, page = folder / spec.FILE, folder / starting.CONSENT
    if path.exists():
        raise Refused(f"{path} is there already: edit it, or name another folder.")
    folder.mkdir(parents=True, exist_ok=True)
    name = folder.resolve().name
    text, consent = starting.study_toml(name, kind, asks_for), starting.consent(name, kind)
    texts = {path: text} if page.exists() else {path: text, page: consent}
    writing.together({file: partial(_write, said) for file, said in texts.items()})
    for file in texts:
        click.echo(f"Wrote {file}")
    if page not in texts:
        click.echo(f"Kept {page}, which is there already.")


def _write(text: str, file: TextIO) -> None:
    file.write(text)


@click.command()
@FOLDER
@click.option("--against", metavar="NAME", help="Also say what differs from a study that was loaded.")
@AS_JSON
@click.pass_context
def check(context: click.Context, folder: Path, against: str | None, as_json: bool) -> None:
    """Say what would spoil a study folder before anyone is asked, and what it would ask of people.

    Ends with 1 where `load` would refuse the folder.
    """
    from study import checking

    found = checking.check(folder, partial(progress, "Checking"))
    changes = _changes(against, folder) if against and not found.refused else None
    if as_json:
        more = {"against": against, "changes": changes} if against else {}
        click.echo(json.dumps(checking.as_json(found) | more, indent=2))
    else:
        click.echo(checking.as_text(found))
        if changes is not None:
            click.echo("\n".join([f"Against study `{against}`:", *(changes or ["nothing differs."])]))
    context.exit(found.refused)


def _changes(name: str, folder: Path) -> list[str]:
    """What differs in a folder from a study that was loaded."""
    from study import loading, versions
    from study.folder import read

    found = read(folder)
    with open_database() as database, database.read() as db:
        return versions.changes(db, loading.find(db, name), found, found.spec)


@click.command()
@FOLDER
@click.option("--name", help="The study's name, instead of the one in study.toml.")
@click.option("--replace", is_flag=True, help="Put this folder in the place of a draft of the same name.")
@click.option("--follows", metavar="NAME", help="Load it as the next version of this study, named NAME-2 and so on.")
def load(folder: Path, name: str | None, replace: bool, follows: str | None) -> None:
    """Load a study folder as a draft: its design into the database, its images by content into the media folder.

    A study that was opened never changes: with --follows its next version is loaded beside it, and the difference is
    printed. Both may be open, so pause or close the old one when the new one opens.
    """
    from study import loading, versions
    from study.folder import read
    from study.spec import renamed

    read_folder, changes = read(folder, partial(progress, "Checking")), []
    with open_database(fresh=True) as database:
        if follows:
            with database.read() as db:
                before = loading.find(db, follows)
                name = name or versions.next_name(db, before)
                changes = versions.changes(db, before, read_folder, read_folder.spec)
        spec = renamed(read_folder.spec, name) if name else read_folder.spec
        study = loading.load(
            database, read_folder, spec, settings.read().media,
            replace=replace, follows=follows, watch=partial(progress, "Copying"),
        )  # fmt: skip
    if follows:
        click.echo("\n".join([f"Version {study.version} of study `{follows}`:", *changes]))
    pairs = len(loading.rating_pairs(read_folder.stimuli, spec.design.rates))
    click.echo(
        f"Loaded {len(read_folder.stimuli)} images and {pairs} pairs as the draft `{study.name}`. "
        f"Look at it: manage.py study preview {study.name}. "
        f"Open it to participants: manage.py study open {study.name}"
    )
    if follows:
        click.echo(
            f"Study `{follows}` stays as it is: `manage.py study close {follows}`, or `pause`, when this one opens."
        )


@click.command()
@NAME
@click.option("--server", default="http://127.0.0.1:8000", show_default=True, metavar="URL",
              help="Where `manage.py study serve` answers.")  # fmt: skip
def preview(name: str, server: str) -> None:
    """Print a link that opens a study as participants will see it, even a draft; nothing of it counts.

    Each link begins anew, and goes on where it was left, for a week.
    """
    from study import identity, loading

    secret_key = settings.secret_key()
    with open_database() as database, database.read() as db:
        study = loading.find(db, name)
        state, simulated = study.state, study.simulated
    if state == "closed":
        raise Refused(
            f"Study `{name}` is closed, and nothing of it is shown: load its folder again under another name."
        )
    if simulated:
        raise Refused(f"Study `{name}` is a simulation, which no person can walk: preview the study that it copies.")
    click.echo(f"{server.rstrip('/')}/s/{name}?{identity.PREVIEW}={identity.preview_token(secret_key, name)}")


@click.command()
@NAME
@click.option("-o", "--output", type=click.Path(path_type=Path), help="The file to write; printed where there is none.")
def preregister(name: str, output: Path | None) -> None:
    """Print a study's plan for a registry, out of its frozen design, with the digest that proves it."""
    from study import loading, registering, writing

    with open_database() as database, database.read() as db:
        study = loading.find(db, name)
        text, state = registering.text(db, study), study.state
    if output:
        writing.together({output: partial(_write, text)})
        click.echo(f"Wrote {output}")
    else:
        click.echo(text, nl=False)
    if state == "draft":
        click.echo(f"Study `{name}` is a draft: replacing it changes this text and its digest.", err=True)
