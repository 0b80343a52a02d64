"""The commands of the analysis room. Libraries are imported inside the commands, so that help is quick."""

import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analysis.intervals import Over
    from analysis.rating import Row, Scale, Settings
    from analysis.selection import Selection

IN = click.Path(path_type=Path)
OVER = click.Choice(["both", "participants", "sources", "votes"])
ASKED = ("asks_for", "reference", "layout", "view", "study", "config")
MANY_VOTES = 50_000


@click.group()
def cli() -> None:
    """Tables: ratings, reports and labels from votes."""


def _only(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for text in values:
        column, equals, value = text.partition("=")
        if column not in ASKED or not equals:
            raise click.BadParameter(f"'{text}' is not COLUMN=VALUE with COLUMN one of {', '.join(ASKED)}.")
        if chosen.setdefault(column, value) != value:
            raise click.BadParameter(f"{column} is chosen twice.")
    return chosen


only = click.option(
    "--only",
    metavar="COLUMN=VALUE",
    multiple=True,
    callback=_only,
    help=f"Use only the votes with this value. Votes with different {', '.join(ASKED)} are never pooled.",
)
as_json = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


class Finite(click.FloatRange):
    """A number in a range; neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail as wrong usage."""
        result = float(super().convert(value, param, ctx))
        if not math.isfinite(result):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return result


RATING_OPTIONS = (
    click.option("--k", default=32.0, show_default=True, type=Finite(0, 1000, min_open=True), help="Elo's update."),
    click.option("--start", default=1000.0, show_default=True, type=Finite(-1e6, 1e6), help="Where Elo begins."),
    click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds the resampling of Elo."),
    click.option(
        "--rounds",
        default=1000,
        show_default=True,
        type=click.IntRange(1, 100_000),
        help="Resamples of Elo. Bradley-Terry's intervals are computed, not drawn: --rounds and --seed do nothing.",
    ),
    click.option(
        "--ridge",
        default=0.0,
        show_default=True,
        type=Finite(0, 1e6),
        help="Pull ratings together (precision of a Gaussian prior on each, natural-log units). Printed wherever used.",
    ),
)


def rating_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say how ratings are made."""
    for option in RATING_OPTIONS:
        command = option(command)
    return command


@cli.command()
@click.argument("votes", type=IN)
@click.option("--stimuli", type=IN, help="The study's stimuli.csv: adds bits per pixel and metrics.")
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@click.option("--resample", default="both", show_default=True, type=OVER, help="What the intervals generalise over.")
@rating_options
@only
@as_json
def report(votes: Path, stimuli: Path | None, folder: Path, as_json: bool, **options: Any) -> None:
    """Write a report: one HTML page and its tables."""
    from analysis.files import check_folder, write_folder
    from analysis.rating import comparable, rate
    from analysis.report import FILES, MARK, PAGE, report_files
    from analysis.stimuli import measured, read_stimuli

    check_folder(folder, FILES, MARK)
    selection, settings = comparable(_select(votes, options), options["ridge"]), _settings(options, options["resample"])
    measures = measured(read_stimuli(stimuli), selection.rated) if stimuli else None
    with _progress("Elo", len(selection.rated)) as progress:
        scales = rate(selection, settings, progress=progress)
    write_folder(folder, report_files(selection, scales, settings, measures), MARK)
    if as_json:
        click.echo(
            json.dumps(_summary(selection, scales, ("bradley-terry", "elo")) | {"report": str(folder / PAGE)}, indent=1)
        )
        return
    _tell(selection, scales)
    click.echo(f"Report: {folder / PAGE}")


@cli.command()
@click.argument("votes", type=IN)
@click.option("--method", default="bradley-terry", show_default=True, type=click.Choice(["bradley-terry", "elo"]))
@click.option("--resample", type=OVER, help="What the intervals generalise over.  [default: both; votes for elo]")
@click.option("-o", "--output", type=IN, help="The ratings.csv to write; printed where there is none.")
@rating_options
@only
@as_json
def rate(votes: Path, method: str, resample: "Over | None", output: Path | None, as_json: bool, **options: Any) -> None:
    """Write ratings.csv: ratings with intervals."""
    from analysis.files import Refusal, write_file
    from analysis.rating import comparable, rate, ratings_csv

    if method == "elo" and resample not in (None, "votes"):
        raise click.UsageError(
            "The paper-comparable Elo resamples votes only; leave --resample out or use bradley-terry."
        )
    selection = comparable(_select(votes, options), options["ridge"])
    with _progress("Elo", len(selection.rated)) as progress:
        scales = rate(selection, _settings(options, resample or "both"), (method,), progress)
    if not any(scale.fit for scale in scales):
        raise Refusal(
            f"{votes} determines no rating: " + "; ".join(f"{scale.name}: {scale.problem}" for scale in scales) + "."
        )
    text = ratings_csv(scales, selection, (method,))
    if output:
        write_file(output, text, votes)
    if as_json:
        click.echo(json.dumps(_summary(selection, scales, (method,)), indent=1))
        return
    _tell(selection, scales, method)
    click.echo(f"Ratings: {output}" if output else text, nl=bool(output))


@cli.command()
@click.argument("votes", type=IN)
@click.option("--hallucinated", required=True, metavar="CONDITION", help="The condition that invents detail.")
@click.option("--faithful", required=True, metavar="CONDITION", help="The condition that does not.")
@click.option("-o", "--output", required=True, type=IN, help="The labels.csv to write.")
@only
def labels(votes: Path, hallucinated: str, faithful: str, output: Path, **options: Any) -> None:
    """Write labels.csv: each crop's share of votes."""
    from analysis.files import write_file
    from analysis.labels import labels_csv

    selection = _select(votes, options)
    text = labels_csv(selection, hallucinated, faithful)
    write_file(output, text, votes)
    _tell_left_out(selection)
    click.echo(f"{text.count(chr(10)) - 1} labels: {output}")


@cli.command()
@click.argument("source", metavar="IN", type=IN)
@click.option("--from", "form", required=True, type=click.Choice(["hific", "plain"]), help="What the file is.")
@click.option("--asks-for", type=click.Choice(["prefer", "closer", "more_different"]), help="What was asked.")
@click.option("-o", "--output", required=True, type=IN, help="The votes.csv to write.")
def convert(source: Path, form: str, asks_for: str | None, output: Path) -> None:
    """Convert another tool's votes to votes.csv."""
    from analysis.convert import converted
    from analysis.files import write_file

    text = converted(source, form, asks_for or "")
    write_file(output, text, source)
    click.echo(f"Votes: {output}")


def _select(votes: Path, options: dict[str, Any]) -> "Selection":
    from analysis.selection import select
    from analysis.votes import read_votes

    return select(read_votes(votes), options["only"])


def _settings(options: dict[str, Any], over: "Over") -> "Settings":
    from analysis.elo import EloSettings
    from analysis.rating import Settings

    elo = EloSettings(options["start"], options["k"], options["rounds"], options["seed"])
    return Settings(over, options["ridge"], elo)


def _tell(selection: "Selection", scales: "tuple[Scale, ...]", method: str = "bradley-terry") -> None:
    """Say on standard error what the ratings leave out and to what their intervals do not reach."""
    _tell_left_out(selection)
    for scale in scales:
        if scale.problem:
            click.echo(f"Not rated, {scale.name}: {scale.problem}.", err=True)
        elif method != "elo":
            for said in _about_intervals(scale):
                click.echo(f"{scale.name}: {said}.", err=True)
    if method == "elo":
        click.echo(
            "Low and high hold 95% of the resamples of votes: update noise of Elo, no confidence interval.", err=True
        )


def _about_intervals(scale: "Scale") -> Iterator[str]:
    """Give what is to know about the Bradley-Terry ratings of a scale and their intervals."""
    from analysis.intervals import FEW_DEGREES, REACH

    if scale.fit and scale.fit.ridge:
        yield f"ratings are pulled together by a ridge of {scale.fit.ridge:g}"
    if scale.reason:
        told = "no intervals" if scale.over == "none" else f"intervals speak for {REACH[scale.over]}"
        yield f"{told}: {scale.reason}"
    if scale.uncertainty and scale.uncertainty.degrees < FEW_DEGREES:
        degrees = scale.uncertainty.degrees
        noun = "degree" if degrees == 1 else "degrees"
        yield f"t has {degrees} {noun} of freedom only, so the intervals are wide, and rough"
    if scale.alone:
        yield scale.alone


def _tell_left_out(selection: "Selection") -> None:
    if selection.rated.simulated:
        click.echo("SIMULATED: no person cast these votes.", err=True)
    for left_out in selection.left_out:
        noun = "vote" if left_out.votes == 1 else "votes"
        click.echo(f"Left out: {left_out.votes} {noun} ({left_out.reason}).", err=True)


def _summary(selection: "Selection", scales: "tuple[Scale, ...]", methods: tuple[str, ...]) -> dict[str, object]:
    from analysis.rating import rating_rows

    return {
        "simulated": selection.rated.simulated,
        "votes": selection.total,
        "rated_votes": len(selection.rated),
        "left_out": [{"reason": left_out.reason, "votes": left_out.votes} for left_out in selection.left_out],
        "not_rated": [{"scale": scale.name, "problem": scale.problem} for scale in scales if scale.problem],
        "ratings": [_numbers(row) for row in rating_rows(scales, selection, methods)],
        "votes_sha256": selection.rated.sha256,
    }


def _numbers(row: "Row") -> dict[str, object]:
    """Return a row of ratings.csv with numbers for their text, and null for an empty cell."""
    texts = ("rate", "rating", "low", "high")
    return {name: (float(str(cell)) if cell else None) if name in texts else cell for name, cell in row.items()}


@contextmanager
def _progress(label: str, votes: int) -> Iterator[Callable[[int], None]]:
    """Give a function to call with votes done: a bar on a terminal, a line each tenth elsewhere, silence for few."""
    if votes < MANY_VOTES:
        yield lambda _: None
    elif sys.stderr.isatty():
        with click.progressbar(length=votes, label=label, file=sys.stderr) as bar:
            yield bar.update
    else:
        done = 0

        def line(more: int) -> None:
            nonlocal done
            if 10 * (done + more) // votes > 10 * done // votes:
                click.echo(f"{label}: {100 * (done + more) // votes}%", err=True)
            done += more

        yield line


if __name__ == "__main__":
    cli()
