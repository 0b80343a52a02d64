"""The command `verdicts`: which condition is better than which, and whether the model may say so."""

import json
from pathlib import Path
from typing import Any

import click

from analysis.options import IN, OVER, as_json, level, only, primary, screening, selected
from analysis.progress import progressing


@click.command()
@click.argument("votes", type=IN)
@click.option("--method", default="bradley-terry", show_default=True, type=click.Choice(["bradley-terry", "thurstone"]))
@click.option("--resample", default="both", show_default=True, type=OVER, help="What the verdicts generalise over.")
@primary
@level
@click.option("--stimuli", type=IN, help="The study's stimuli.csv: real bits per pixel in place of the rates.")
@click.option("--sessions", type=IN, help="The study's sessions.csv: do groups of participants agree?")
@click.option("--scale", "unit", type=click.Choice(["elo", "jod"]), help="Elo points (the default), or JOD.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds what is drawn.")
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@screening
@only
@as_json
def verdicts(votes: Path, method: str, folder: Path, as_json: bool, **options: Any) -> None:
    """Write who beats whom, ranks, parts, and whether the model is true."""
    from analysis.files import check_folder, write_folder
    from analysis.groups import read_sessions
    from analysis.judgement import judge
    from analysis.rating import Settings
    from analysis.stimuli import measured, read_stimuli
    from analysis.telling import tell
    from analysis.verdict_tables import FILES, MARK, record, verdict_files

    check_folder(folder, FILES, MARK)
    settings = Settings(
        options["resample"],
        method="thurstone" if method == "thurstone" else "bradley-terry",
        unit=options["unit"] or "elo",
        alpha=options["alpha"],
    )
    selection = selected(votes, options)
    with progressing("Verdicts", 4 * len(selection.rated)) as progress:
        found = judge(
            selection,
            settings,
            primary=options["primary"],
            measures=measured(read_stimuli(options["stimuli"]), selection.rated) if options["stimuli"] else None,
            sessions=read_sessions(options["sessions"]) if options["sessions"] else None,
            seed=options["seed"],
            done=progress,
        )
    write_folder(folder, verdict_files(found, selection), MARK)
    if as_json:
        click.echo(json.dumps(record(found, selection) | {"verdicts": str(folder)}, indent=1))
        return
    tell(selection, found.scales, method)
    for sentence in found.told():
        click.echo(f"{sentence}.", err=True)
    click.echo(f"Verdicts: {folder}")
