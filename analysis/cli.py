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
    from analysis.rating import Settings
    from analysis.selection import Selection

IN = click.Path(path_type=Path)
OVER = click.Choice(["both", "participants", "sources", "votes"])
ASKED = ("asks_for", "reference", "layout", "view", "study", "config")
MANY_VOTES = 50_000
FORMS = ("mucped", "elo", "hific", "pwcmp", "aic3", "arena", "plain", "parquet", "votes")
TARGETS = ("csv", *FORMS[:-1])


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


def _columns(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    chosen: dict[str, str] = {}
    for text in values:
        name, equals, theirs = text.partition("=")
        if not name or not equals or not theirs:
            raise click.BadParameter(f"'{text}' is not NAME=THEIRS, as in participant=worker.")
        if name in chosen or theirs in chosen.values():
            raise click.BadParameter(f"{text} names a column twice.")
        chosen[name] = theirs
    return chosen


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
    click.option(
        "--preset",
        default="paper",
        show_default=True,
        type=click.Choice(["paper", "mucped22", "arena", "olmocr"]),
        help="Whose settings Elo is replayed with; the options below replace single ones, and all are printed.",
    ),
    click.option("--k", type=Finite(0, 1000, min_open=True), help="Elo's update.  [paper: 32]"),
    click.option("--start", type=Finite(-1e6, 1e6), help="Where Elo begins.  [paper: 1000]"),
    click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Seeds Elo and the bootstrap."),
    click.option(
        "--rounds",
        type=click.IntRange(1, 100_000),
        help="Rounds of Elo, and of the bootstrap where one is asked for.  [paper: 1000]",
    ),
    click.option(
        "--replay",
        type=click.Choice(["resamples", "shuffles"]),
        help="A round of Elo: votes drawn with replacement, or all of them in random order.  [paper: resamples]",
    ),
    click.option(
        "--summary", type=click.Choice(["mean", "median"]), help="Of Elo's rounds, for the rating.  [paper: mean]"
    ),
    click.option(
        "--ridge",
        default=0.0,
        show_default=True,
        type=Finite(0, 1e6),
        help="Pull ratings together (precision of a Gaussian prior on each, in the model's unit). Printed where used.",
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
    from analysis.linking import comparable
    from analysis.rating import rate
    from analysis.report import FILES, MARK, PAGE, report_files
    from analysis.stimuli import measured, read_stimuli
    from analysis.telling import summary, tell

    check_folder(folder, FILES, MARK)
    settings = _settings(options, options["resample"])
    selection = comparable(_select(votes, options), settings.model)
    measures = measured(read_stimuli(stimuli), selection.rated) if stimuli else None
    with _progress("Elo", len(selection.rated)) as progress:
        scales = rate(selection, settings, progress=progress)
    write_folder(folder, report_files(selection, scales, settings, measures), MARK)
    if as_json:
        click.echo(
            json.dumps(summary(selection, scales, ("bradley-terry", "elo")) | {"report": str(folder / PAGE)}, indent=1)
        )
        return
    tell(selection, scales)
    click.echo(f"Report: {folder / PAGE}")


MODEL_OPTIONS = (
    click.option(
        "--interval",
        default="sandwich",
        show_default=True,
        type=click.Choice(["sandwich", "bootstrap"]),
        help="Computed from clustered scores, or from --rounds resamples of what --resample names.",
    ),
    click.option(
        "--covariance",
        type=IN,
        help="A covariance.csv to write beside: how the ratings, or the differences from the anchor, vary together.",
    ),
    click.option("--scale", "unit", type=click.Choice(["elo", "jod"]), help="Elo points (the default), or JOD."),
    click.option(
        "--anchor",
        default="",
        metavar="CONDITION",
        help="Ratings are differences from this one: a condition, or a codec with one condition a rate.",
    ),
    click.option("--side-bias", is_flag=True, help="Let the left side draw the press, by an amount that is estimated."),
    click.option(
        "--ties",
        type=click.Choice(["davidson", "rao-kupper", "glenn-david", "half", "dropped"]),
        help="Votes that are not sure: a model of them, half a win each (which shrinks the scale), or none.  "
        "[default: davidson; glenn-david for thurstone]",
    ),
)
METHODS = click.Choice(["bradley-terry", "thurstone", "elo"])


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is fitted, and how it is told."""
    for option in MODEL_OPTIONS:
        command = option(command)
    return command


@cli.command()
@click.argument("votes", type=IN)
@click.option("--method", default="bradley-terry", show_default=True, type=METHODS)
@click.option("--resample", type=OVER, help="What the intervals generalise over.  [default: both; votes for elo]")
@click.option("-o", "--output", type=IN, help="The ratings.csv to write; printed where there is none.")
@model_options
@rating_options
@only
@as_json
def rate(
    votes: Path,
    method: str,
    resample: "Over | None",
    output: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Write ratings.csv: ratings with intervals."""
    from analysis.covariance import covariance_csv
    from analysis.files import Refusal, write_file
    from analysis.linking import comparable
    from analysis.rating import rate, ratings_csv
    from analysis.telling import summary, tell

    covariance: Path | None = options["covariance"]
    _check_model(method, resample, options)
    if output and covariance and output.resolve() == covariance.resolve():
        raise click.UsageError(f"{output} is named for both tables; give --covariance a file of its own.")
    settings = _settings(options, resample or "both", method)
    selection = comparable(_select(votes, options), settings.model)
    with _progress("Elo", len(selection.rated)) as progress:
        scales = rate(selection, settings, (method,), progress)
    if not any(scale.fit for scale in scales):
        raise Refusal(
            f"{votes} determines no rating: " + "; ".join(f"{scale.name}: {scale.problem}" for scale in scales) + "."
        )
    text = ratings_csv(scales, selection, (method,))
    if covariance:
        write_file(covariance, covariance_csv(scales, selection), votes)
    if output:
        write_file(output, text, votes)
    if as_json:
        click.echo(json.dumps(summary(selection, scales, (method,)), indent=1))
        return
    tell(selection, scales, method)
    if covariance:
        click.echo(f"Covariance: {covariance}", err=not output)
    click.echo(f"Ratings: {output}" if output else text, nl=bool(output))


def _check_model(method: str, resample: str | None, options: dict[str, Any]) -> None:
    """Refuse options that do not go together as wrong usage."""
    from analysis.outcomes import TIES
    from analysis.rating import LINKS

    if method == "elo":
        if resample not in (None, "votes"):
            raise click.UsageError(
                "The paper-comparable Elo resamples votes only; leave --resample out or use bradley-terry."
            )
        given = {f"--{name}": options[name] for name in ("ties", "anchor", "covariance")}
        given |= {"--scale": options["unit"], "--side-bias": options["side_bias"]}
        given["--interval bootstrap"] = options["interval"] == "bootstrap"
        if named := [name for name, value in given.items() if value]:
            raise click.UsageError(
                f"The paper-comparable Elo has no {' and no '.join(named)}; use bradley-terry or thurstone."
            )
        return
    known = TIES[LINKS["thurstone" if method == "thurstone" else "bradley-terry"]]
    if options["ties"] and options["ties"] not in known:
        raise click.UsageError(f"{method} takes --ties {', '.join(known)}; {options['ties']} is of the other method.")
    if options["interval"] == "bootstrap":
        _check_bootstrap(method, resample, options)


def _check_bootstrap(method: str, resample: str | None, options: dict[str, Any]) -> None:
    if resample in (None, "both"):
        raise click.UsageError(
            "A bootstrap resamples one thing: add --resample participants, sources or votes; both at once is the "
            "computed interval's."
        )
    other = {f"--method {method}": method != "bradley-terry", "--side-bias": options["side_bias"]}
    other |= {"--ridge": options["ridge"], "--covariance": options["covariance"]}
    other |= {f"--ties {options['ties']}": options["ties"] not in (None, "davidson", "half")}
    if named := [name for name, value in other.items() if value]:
        raise click.UsageError(f"The bootstrap has no {' and no '.join(named)}; leave --interval out.")


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
    from analysis.telling import tell_left_out

    selection = _select(votes, options)
    text = labels_csv(selection, hallucinated, faithful)
    write_file(output, text, votes)
    tell_left_out(selection)
    click.echo(f"{text.count(chr(10)) - 1} labels: {output}")


@cli.command()
@click.argument("source", metavar="IN", type=IN)
@click.option("--from", "form", required=True, type=click.Choice(FORMS), help="What IN is.")
@click.option(
    "--to", default="csv", show_default=True, type=click.Choice(TARGETS), help="What to write; csv: votes.csv."
)
@click.option("--asks-for", type=click.Choice(["prefer", "closer", "more_different"]), help="What was asked.")
@click.option(
    "--column",
    "columns",
    metavar="NAME=THEIRS",
    multiple=True,
    callback=_columns,
    help="Take the column THEIRS of the file for NAME.",
)
@click.option("-o", "--output", required=True, type=IN, help="The file to write.")
@as_json
def convert(source: Path, form: str, output: Path, as_json: bool, **options: Any) -> None:
    """Convert other tools' votes to votes.csv, and back."""
    from analysis.convert import convert
    from analysis.files import write_file

    options["asks_for"] = options["asks_for"] or ""
    done = convert(source, form, output=output, **options)
    write_file(output, done.data, source)
    if as_json:
        click.echo(json.dumps({"votes": done.votes, "output": str(output), "notes": done.notes}, indent=1))
        return
    for note in done.notes:
        click.echo(f"Note: {note}.", err=True)
    click.echo(f"{done.votes} {'vote' if done.votes == 1 else 'votes'}: {output}")


def _select(votes: Path, options: dict[str, Any]) -> "Selection":
    from analysis.selection import select
    from analysis.votes import read_votes

    return select(read_votes(votes), options["only"])


def _settings(options: dict[str, Any], over: "Over", method: str = "bradley-terry") -> "Settings":
    from dataclasses import replace

    from analysis.elo import PRESETS
    from analysis.rating import Settings

    asked = {name: options[name] for name in ("start", "k", "rounds", "seed", "replay", "summary")}
    given = {name: value for name, value in asked.items() if value is not None}
    return Settings(
        over,
        options["ridge"],
        replace(PRESETS[options["preset"]], **given),
        method="thurstone" if method == "thurstone" else "bradley-terry",
        ties=options.get("ties"),
        side_bias=options.get("side_bias", False),
        anchor=options.get("anchor", ""),
        unit=options.get("unit") or "elo",
        interval=options.get("interval", "sandwich"),
    )


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
