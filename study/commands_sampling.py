"""The command that gives an adaptive study its priorities."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from study.options import AS_JSON, NAME, open_database


@click.command()
@NAME
@click.argument("path", metavar="PRIORITIES", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@AS_JSON
def prioritise(name: str, path: Path, as_json: bool) -> None:
    """Let an adaptive study draw by a priorities.csv from now on, in the place of the one before."""
    from study import priorities

    wishes = priorities.read(path)
    with open_database() as database:
        given = priorities.give(database, name, wishes)
    if as_json:
        click.echo(json.dumps({"study": name, **asdict(given)}))
        return
    made_from = f"votes {given.votes_sha256}" if given.votes_sha256 else "votes that it does not name"
    click.echo(
        f"Study `{name}` has priorities for {given.pairs} of its {given.of} pairs, for sessions that begin from now "
        f"on. The file ({given.sha256}) was made from {made_from}."
    )
