"""The commands `plan` and `priorities`: how many votes, and which pairs next."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from analysis.options import IN, OVER, Finite, as_json, only, selected

if TYPE_CHECKING:
    from analysis.needed import Wish

PLAN_OPTIONS = (
    click.option("--bonferroni", is_flag=True, help="Let all pairs of a rate share the level."),
    click.option("--level", default=0.05, show_default=True, type=Finite(1e-9, 0.5), help="Two-sided, of each test."),
    click.option("--power", default=0.8, show_default=True, type=Finite(0.5, 0.999), help="Chance to tell it."),
    click.option(
        "--source-spread", default=80.0, show_default=True, type=Finite(0, 2000), help="Sd from image to image, Elo."
    ),
    click.option(
        "--participant-spread",
        default=80.0,
        show_default=True,
        type=Finite(0, 2000),
        help="Sd of a condition's rating from person to person, Elo; used where votes do not tell it.",
    ),
    click.option("--sources", type=click.IntRange(1), help="Images.  [default: those of the votes, or 30]"),
    click.option("--participants", type=click.IntRange(1), help="People.  [default: those of the votes, or 40]"),
    click.option(
        "--difference",
        default=50.0,
        show_default=True,
        type=Finite(0, 2000, min_open=True),
        help="What is to be told, in Elo points.",
    ),
)


def plan_options(command: Any) -> Any:
    """Add the options that say what is wished."""
    for option in PLAN_OPTIONS:
        command = option(command)
    return command


@click.command()
@click.argument("votes", type=IN, required=False)
@click.option("--conditions", type=click.IntRange(2, 10_000), help="Without VOTES: conditions at each rate.")
@click.option("--rates", type=click.IntRange(1, 1000), help="Without VOTES: rates.  [default: 1]")
@plan_options
@click.option("--resample", default="both", show_default=True, type=OVER, help="What the results shall speak for.")
@click.option("-o", "--output", type=IN, help="With VOTES: the needed.csv to write; printed where there is none.")
@only
@as_json
def plan(votes: Path | None, output: Path | None, as_json: bool, **options: Any) -> None:
    """Say how many votes a study needs, or with VOTES how many each of its pairs still needs (needed.csv)."""
    from analysis.needed import Wish

    names = "difference level power bonferroni participants sources participant_spread source_spread".split()
    wish = Wish(**{name: options[name] for name in names})
    given = [f"--{name}" for name in ("conditions", "rates") if options[name]]
    if votes is None:
        if not options["conditions"] or output or options["only"]:
            raise click.UsageError("Name a votes.csv, or say --conditions without --output and --only.")
        _plan_anew(wish, as_json, options)
    elif given:
        raise click.UsageError(f"{' and '.join(given)} follow from VOTES; leave them out.")
    else:
        _plan_from(votes, wish, output, as_json, options)


def _plan_anew(wish: "Wish", as_json: bool, options: dict[str, Any]) -> None:
    from analysis.study_plan import record, study_plan, told

    found = study_plan(wish, options["conditions"], options["rates"] or 1, options["resample"])
    if as_json:
        click.echo(json.dumps(record(found), indent=1))
        return
    for line in told(found):
        click.echo(line)


def _plan_from(votes: Path, wish: "Wish", output: Path | None, as_json: bool, options: dict[str, Any]) -> None:
    from analysis.files import write_file
    from analysis.linking import comparable
    from analysis.needed import needed_csv, needed_rows, told
    from analysis.rating import Settings, rate
    from analysis.telling import tell

    selection = comparable(selected(votes, options))
    scales = rate(selection, Settings(over=options["resample"]), ("bradley-terry",))
    text = needed_csv(scales, selection, wish)
    if output:
        write_file(output, text, votes)
    if as_json:
        click.echo(json.dumps([dict(row) for row in needed_rows(scales, wish)], indent=1))
        return
    tell(selection, scales)
    for line in told(scales, wish):
        click.echo(line, err=True)
    click.echo(f"Needed: {output}" if output else text, nl=bool(output))


@click.command()
@click.argument("votes", type=IN)
@click.option("--all", "every", is_flag=True, help="Every pair, not only those of the spanning tree.")
@click.option(
    "--prior",
    default=300.0,
    show_default=True,
    type=Finite(1, 1e5),
    help="Sd of a rating before any vote, in Elo points.",
)
@click.option("-o", "--output", required=True, type=IN, help="The priorities.csv to write.")
@only
def priorities(votes: Path, every: bool, prior: float, output: Path, **options: Any) -> None:
    """Write priorities.csv: the pairs whose next votes say the most, and which keep all conditions linked."""
    from analysis.counts import count
    from analysis.files import write_file
    from analysis.linking import comparable
    from analysis.models import Model
    from analysis.priorities import gains, priorities_csv
    from analysis.telling import tell_left_out

    selection = comparable(selected(votes, options), Model(ties="half", ridge=1.0))
    found = [gains(counts, prior=prior) for counts in count(selection.rated)]
    text = priorities_csv(found, selection, every=every)
    write_file(output, text, votes)
    tell_left_out(selection)
    click.echo(f"Ratings have a prior: a standard deviation of {prior:g} Elo points before any vote.", err=True)
    click.echo(f"{text.count(chr(10)) - 1} pairs: {output}")
