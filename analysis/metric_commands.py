"""The command `metrics`: what computed metrics are worth beside people."""

import json
from pathlib import Path
from typing import Any

import click

from analysis.options import IN, OVER, as_json, directions, only, screening, selected
from analysis.progress import progressing


@click.command()
@click.argument("votes", type=IN)
@click.option("--stimuli", required=True, type=IN, help="The study's stimuli.csv, with the metrics as columns.")
@directions
@click.option("--resample", default="both", show_default=True, type=OVER, help="What the intervals generalise over.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds folds and bootstrap.")
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@screening
@only
@as_json
def metrics(votes: Path, stimuli: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Write how far metrics, alone and combined, agree with the votes."""
    from analysis.files import check_folder, write_folder
    from analysis.metric_tables import FILES, MARK, metric_files, record
    from analysis.metric_values import measure
    from analysis.metrics import metric_agreement, told
    from analysis.stimuli import read_stimuli
    from analysis.telling import tell_left_out

    lower, higher = options["lower"], options["higher"]
    if both := set(lower) & set(higher):
        raise click.UsageError(f"{min(both)} is named with --lower and with --higher; keep one of them.")
    check_folder(folder, FILES, MARK)
    selection, table = selected(votes, options), read_stimuli(stimuli)
    with progressing("Metrics", selection.total) as progress:
        found = metric_agreement(
            selection,
            lambda rated: measure(table, rated, lower, higher),
            over=options["resample"],
            seed=options["seed"],
            done=progress,
        )
    write_folder(folder, metric_files(found, table.sha256), MARK)
    if as_json:
        click.echo(json.dumps(record(found) | {"folder": str(folder)}, indent=1))
        return
    tell_left_out(found.selection)
    if found.unused:
        names = ", ".join(found.unused)
        click.echo(f"Not used: {names}; name a metric with --lower or --higher, whichever is better.", err=True)
    click.echo(told(found))
    click.echo(f"Metrics: {folder / MARK}")
