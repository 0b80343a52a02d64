"""The commands before the first participant: write a study, check it, load it, look at it, register it."""

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from study import settings
from study.errors import Refused
from study.options import AS_JSON, FOLDER, open_database, progress

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
@AS_JSON
@click.pass_context
def check(context: click.Context, folder: Path, as_json: bool) -> None:
    """Say what would spoil a study folder before anyone is asked, and what it would ask of people.

    Ends with 1 where `load` would refuse the folder.
    """
    from study import checking

    found = checking.check(folder, partial(progress, "Checking"))
    click.echo(json.dumps(checking.as_json(found), indent=2) if as_json else checking.as_text(found))
    context.exit(found.refused)


@click.command()
@FOLDER
@click.option("--name", help="The study's name, instead of the one in study.toml.")
@click.option("--replace", is_flag=True, help="Put this folder in the place of a draft of the same name.")
def load(folder: Path, name: str | None, replace: bool) -> None:
    """Load a study folder as a draft: its design into the database, its images by content into the media folder."""
    from study import loading
    from study.folder import read
    from study.spec import renamed

    read_folder = read(folder, partial(progress, "Checking"))
    spec = renamed(read_folder.spec, name) if name else read_folder.spec
    with open_database(fresh=True) as database:
        study = loading.load(
            database, read_folder, spec, settings.read().media, replace=replace, watch=partial(progress, "Copying")
        )
    pairs = len(loading.rating_pairs(read_folder.stimuli, spec.design.rates))
    click.echo(
        f"Loaded {len(read_folder.stimuli)} images and {pairs} pairs as the draft `{study.name}`. "
        f"Open it to participants: manage.py study open {study.name}"
    )
