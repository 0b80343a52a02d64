"""The command `release`: labels with their counts as a data set."""

from pathlib import Path

import click

from analysis.options import IN


@click.command()
@click.argument("labels", type=IN)
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@click.option("--licence", required=True, metavar="SPDX", help="Under which the labels are given away, as CC-BY-4.0.")
@click.option("--consent", required=True, metavar="SENTENCE", help="Of the consent, by which participants allowed it.")
@click.option("--design", type=IN, help="The frozen study, design.toml: its consent must have the sentence.")
@click.option("--simulated", is_flag=True, help="Say that no person voted; refused without it where that is so.")
def release(labels: Path, folder: Path, *, licence: str, consent: str, design: Path | None, simulated: bool) -> None:
    """Check labels with counts and write them as a data set: table, data card, datapackage.json."""
    from analysis.files import Refusal, check_folder, write_folder
    from analysis.release import FILES, MARK, read_labels, release_files
    from analysis.release import consent as allowed

    check_folder(folder, FILES, MARK)
    read = read_labels(labels)
    if read.simulated and not simulated:
        raise Refusal(
            f"{labels} was made from simulated votes, which are no data of people; say so with `--simulated`."
        )
    if simulated and not read.simulated:
        raise Refusal(f"{labels} was made from people's votes; leave `--simulated` out.")
    write_folder(folder, release_files(read, licence, allowed(read, design, consent)), MARK)
    click.echo(f"Released {len(read.table)} labels of {read.total('votes')} votes: {folder}")
