"""The commands of the analysis room. Libraries are imported inside the commands, so that help is quick."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.metric_commands import metrics
from analysis.options import (
    IN,
    METHODS,
    OVER,
    as_json,
    directions,
    level,
    model_options,
    only,
    primary,
    rating_options,
    screening,
    selected,
)
from analysis.planning_commands import plan, priorities
from analysis.progress import progressing
from analysis.rater_commands import raters
from analysis.release_commands import release
from analysis.repeat_commands import repeat
from analysis.verdict_commands import verdicts

if TYPE_CHECKING:
    from analysis.intervals import Over
    from analysis.rating import Settings

FORMS = ("mucped", "elo", "hific", "pwcmp", "aic3", "arena", "plain", "parquet", "votes")
TARGETS = ("csv", *FORMS[:-1])


@click.group()
def cli() -> None:
    """Tables: ratings, reports and labels from votes."""


for command in (verdicts, raters, metrics, plan, priorities, repeat, release):
    cli.add_command(command)


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


@cli.command()
@click.argument("votes", type=IN)
@click.option("--stimuli", type=IN, help="The study's stimuli.csv: adds bits per pixel and metrics.")
@click.option("--sessions", type=IN, help="The study's sessions.csv: do groups of participants agree?")
@click.option("-o", "--output", "folder", required=True, type=IN, help="The folder to write.")
@click.option("--resample", default="both", show_default=True, type=OVER, help="What the intervals generalise over.")
@primary
@level
@directions
@rating_options
@screening
@only
@as_json
def report(votes: Path, folder: Path, as_json: bool, **options: Any) -> None:
    """Write a report: one HTML page and its tables."""
    from analysis.files import check_folder, parse_plain, read_bytes, write_folder
    from analysis.findings import STEPS, Asked, gather
    from analysis.groups import read_sessions
    from analysis.recorded import recorded
    from analysis.report import FILES, MARK, PAGE, report_files
    from analysis.selection import select
    from analysis.stimuli import read_stimuli
    from analysis.telling import summary, tell
    from analysis.votes import REQUIRED, votes_of

    check_folder(folder, FILES, MARK)
    table = parse_plain(votes, read_bytes(votes), REQUIRED)
    everybody = select(votes_of(table), options["only"])
    asked = Asked(
        options["screen"],
        options["primary"],
        read_stimuli(options["stimuli"]) if options["stimuli"] else None,
        read_sessions(options["sessions"]) if options["sessions"] else None,
        options["lower"],
        options["higher"],
    )
    with progressing("Report", STEPS * len(everybody.rated)) as progress:
        found = gather(everybody, _settings(options, options["resample"]), asked, progress)
    write_folder(folder, report_files(found, recorded(found.selection.rated, asked.sessions, table)), MARK, FILES)
    if as_json:
        said = summary(found.selection, found.scales, ("bradley-terry", "elo"))
        click.echo(json.dumps(said | {"report": str(folder / PAGE)}, indent=1))
        return
    tell(found.selection, found.scales)
    if found.no_metrics and options["stimuli"]:
        click.echo(f"No metrics: {found.no_metrics}.", err=True)
    click.echo(f"Report: {folder / PAGE}")


@cli.command()
@click.argument("votes", type=IN)
@click.option("--method", default="bradley-terry", show_default=True, type=METHODS)
@click.option("--resample", type=OVER, help="What the intervals generalise over.  [default: both; votes for elo]")
@click.option("-o", "--output", type=IN, help="The ratings.csv to write; printed where there is none.")
@model_options
@rating_options
@screening
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
    selection = comparable(selected(votes, options), settings.model)
    with progressing("Elo", len(selection.rated)) as progress:
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
@click.option("-o", "--output", required=True, type=IN, help="The labels.csv to write; regions.csv stands beside.")
@only
def labels(votes: Path, hallucinated: str, faithful: str, output: Path, **options: Any) -> None:
    """Write labels.csv: each crop's share of votes."""
    from analysis.files import write_file
    from analysis.labels import labels_csv, regions_csv, regions_file
    from analysis.telling import tell_left_out

    selection = selected(votes, options)
    text, regions = (make(selection, hallucinated, faithful) for make in (labels_csv, regions_csv))
    beside = regions_file(output) if regions else None
    write_file(output, text, votes)
    tell_left_out(selection)
    click.echo(f"{text.count(chr(10)) - 1} labels: {output}")
    if beside:
        write_file(beside, regions, votes)
        click.echo(f"{regions.count(chr(10)) - 1} regions: {beside}")


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


def _settings(options: dict[str, Any], over: "Over", method: str = "bradley-terry") -> "Settings":
    from dataclasses import replace

    from analysis.elo import PRESETS
    from analysis.rating import ALPHA, Settings

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
        alpha=options.get("alpha", ALPHA),
    )


if __name__ == "__main__":
    cli()
