"""Options that several commands of the analysis room share. Nothing heavy is imported here: help is quick."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from analysis.selection import Selection

IN = click.Path(path_type=Path)
OVER = click.Choice(["both", "participants", "sources", "votes"])
METHODS = click.Choice(["bradley-terry", "thurstone", "elo"])
ASKED = ("asks_for", "reference", "layout", "view", "study", "config")
LOWER_HELP = "A metric of which lower is better; LPIPS, DISTS are known."
RULES = ("catch_accuracy", "identical_side", "repeats", "time", "flips", "likelihood")


class Finite(click.FloatRange):
    """A number in a range; neither NaN nor infinite."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Return the number, or fail as wrong usage."""
        result = float(super().convert(value, param, ctx))
        if not math.isfinite(result):
            self.fail(f"{value} is not a finite number.", param, ctx)
        return result


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


def _rules(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> dict[str, float]:
    chosen: dict[str, float] = {}
    for text in values:
        name, equals, limit = text.partition("=")
        if name not in RULES or not equals:
            raise click.BadParameter(f"'{text}' is not RULE=LIMIT with RULE one of {', '.join(RULES)}.")
        if name in chosen:
            raise click.BadParameter(f"{name} is chosen twice.")
        chosen[name] = Finite(0).convert(limit, _parameter, _context)
    return chosen


screening = click.option(
    "--screen",
    metavar="RULE=LIMIT",
    multiple=True,
    callback=_rules,
    help=f"Leave out participants who fail this rule: {', '.join(RULES)}. A limit itself passes.",
)


def _pairs(
    _context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    chosen = []
    for text in values:
        names = text.split(",")
        if len(names) != 2 or not all(names) or names[0] == names[1]:
            raise click.BadParameter(f"'{text}' is not A,B with two different conditions or codecs.")
        chosen.append((names[0], names[1]))
    return tuple(chosen)


primary = click.option(
    "--primary",
    metavar="A,B",
    multiple=True,
    callback=_pairs,
    help="A pair named before the votes were seen, conditions or codecs: these are the confirmatory family.",
)


level = click.option(
    "--alpha",
    default=0.05,
    show_default=True,
    type=Finite(1e-9, 0.5),
    help="Level of verdicts and ranks, of each family; of several looks at the votes each has its share of it.",
)


def directions(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say which end of a metric is better."""
    for name, known in (("higher", "One of which higher is; PSNR and MS-SSIM are known."), ("lower", LOWER_HELP)):
        command = click.option(f"--{name}", metavar="NAME", multiple=True, help=known)(command)
    return command


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


def model_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is fitted, and how it is told."""
    for option in MODEL_OPTIONS:
        command = option(command)
    return command


def selected(votes: Path, options: dict[str, Any]) -> "Selection":
    """Read the votes of a file and choose the rated ones, without the participants whom `screen` leaves out."""
    from analysis.selection import select
    from analysis.votes import read_votes

    selection = select(read_votes(votes), options["only"])
    if not options.get("screen"):
        return selection
    from analysis.screening import screen

    return screen(selection, options["screen"]).kept
