"""The commands before the first participant: write a study, check it, load it, look at it, register it."""

import json
from functools import partial
from pathlib import Path

import click

from study import settings
from study.errors import Refused
from study.options import AS_JSON, FOLDER, open_database, progress


@click.command()
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


@click.command()
@FOLDER
@AS_JSON
def check(folder: Path, as_json: bool) -> None:
    """Read a study folder as `load` would, and say what it would ask of people."""
    from study import checking
    from study.folder import read

    found = checking.summary(read(folder, partial(progress, "Checking")))
    click.echo(json.dumps(found, indent=2) if as_json else checking.as_text(found))


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
    pairs = len(loading.rating_pairs(read_folder.stimuli))
    click.echo(
        f"Loaded {len(read_folder.stimuli)} images and {pairs} pairs as the draft `{study.name}`. "
        f"Open it to participants: manage.py study open {study.name}"
    )
