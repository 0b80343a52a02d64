"""The commands of the codec room. Libraries are imported inside the commands, so that help is quick."""

import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.conha import commands
from codec.conha.train_command import train
from codec.errors import Refusal
from codec.preference.commands import preference

if TYPE_CHECKING:
    from codec.making import Outcome

CLASSICAL = ("jpeg", "webp", "avif", "jxl")
CODEC_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
HIGHEST_RATE = 24
FOLDER = click.Path(path_type=Path)
Given = tuple[str, str, Path]  # codec, rate and folder of --decoded


@click.group()
def cli() -> None:
    """Images: codecs, bitstreams, stimuli for a study."""


for command in (commands.compress, commands.decompress, commands.models, preference, train):
    cli.add_command(command)


def rate(text: str) -> str:
    """A rate in bits per pixel as conditions spell it: at least two decimals, no more zeros than that."""
    try:
        number = Decimal(text.strip())
    except InvalidOperation:
        number = Decimal("nan")
    if not number.is_finite() or not 0 < number <= HIGHEST_RATE:
        raise click.BadParameter(f"'{text}' is no rate in bits per pixel; write a number above 0, such as 0.50.")
    whole, _, decimals = f"{number:f}".partition(".")
    return f"{int(whole)}.{decimals.rstrip('0').ljust(2, '0')}"


def _rates(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[str, ...]:
    rates = tuple(rate(part) for part in text.split(","))
    if len(set(rates)) < len(rates):
        raise click.BadParameter("a rate is named twice; name each one once.")
    return rates


def _codecs(_context: click.Context, _parameter: click.Parameter, text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    unknown = [name for name in names if name not in CLASSICAL]
    if unknown or len(set(names)) < len(names):
        what = f"'{unknown[0]}' is no codec here" if unknown else "a codec is named twice"
        raise click.BadParameter(f"{what}; choose from {', '.join(CLASSICAL)}.")
    return names


def _decoded(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[Given, ...]:
    parts = []
    for text in values:
        condition, equals, folder = text.partition("=")
        name, at, bpp = condition.partition("@")
        if not (equals and at and folder and CODEC_NAME.fullmatch(name)):
            raise click.BadParameter(f"'{text}' is not NAME@RATE=FOLDER, such as mine@0.30=decoded.")
        if name in (*CLASSICAL, "reference", "catch"):
            raise click.BadParameter(f"the name '{name}' is taken; choose another.")
        parts.append((name, rate(bpp), Path(folder)))
    if len({part[:2] for part in parts}) < len(parts):
        raise click.BadParameter("a codec is given twice at a rate; give each one once.")
    return tuple(parts)


@cli.command()
@click.option("--sources", required=True, type=FOLDER, metavar="DIR", help="A folder of photographs; subfolders too.")
@click.option("--codecs", default=",".join(CLASSICAL), show_default=True, callback=_codecs, help="Classical codecs.")
@click.option("--rates", required=True, callback=_rates, help="Targets in bits per pixel, such as 0.30,0.50.")
@click.option("--crops", default=2, show_default=True, type=click.IntRange(1, 100), help="Crops a photograph, at most.")
@click.option("--crop-size", default=256, show_default=True, type=click.IntRange(32, 4096), help="Pixels a side.")
@click.option(
    "--context",
    default=0,
    show_default=True,
    type=click.IntRange(0, 4096),
    metavar="PIXELS",
    help='Surroundings to show on each side of a crop, for a study with view = "context"; 0 is none.',
)
@click.option("--seed", default=1, show_default=True, help="Seeds the choice of crops.")
@click.option("-o", "output", required=True, type=FOLDER, metavar="STUDY_FOLDER", help="The study folder to make.")
@click.option("--tags", type=FOLDER, metavar="TAGS.csv", help="Columns source (or file) and tag.")
@click.option(
    "--tolerance",
    default=0.05,
    show_default=True,
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="How far from its target a file's bits per pixel may be, as a share of it.",
)
@click.option(
    "--decoded",
    multiple=True,
    callback=_decoded,
    metavar="NAME@RATE=DIR",
    help="Any codec's decoded images, named like the sources, beside their bitstreams or bytes.csv.",
)
@click.option("--jobs", default=2, show_default=True, type=click.IntRange(1, 256), help="Photographs at a time.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def stimuli(sources: Path, output: Path, tags: Path | None, jobs: int, **settings: Any) -> None:
    """Turn a folder of photographs into a study folder: crops of every codec's files at matched rates.

    Each codec's file of each photograph is searched to the target bits per pixel of that photograph. A rate that some
    codec misses is left out for all codecs on that photograph, and listed in skipped.csv. An interrupted run goes on
    where it was when the same command is given again.
    """
    from codec.decoded import find_decoded
    from codec.making import make_study_folder
    from codec.sources import find_sources
    from codec.stimuli import Plan

    began = time.monotonic()
    as_json, decoded = settings.pop("as_json"), settings.pop("decoded")
    with one_sentence():
        _refuse_bad_combination(settings, sources, output, decoded)
        found = find_sources(sources, tags)
        names = [source.name for source in found]
        folders = tuple(find_decoded(name, bpp, folder, names) for name, bpp, folder in decoded)
        outcome = make_study_folder(found, Plan(**settings, decoded=folders), output, jobs)
    _tell(output, outcome, time.monotonic() - began, as_json=as_json)


@cli.command()
@click.option("-o", "output", required=True, type=FOLDER, metavar="DIR", help="Where to put them.")
def photographs(output: Path) -> None:
    """Copy a few free photographs, which come with scikit-image, into a folder to try things on."""
    from codec.photographs import copy_photographs

    with one_sentence():
        paths = copy_photographs(output)
    click.echo(f"{len(paths)} photographs and LICENCES.txt are in {output}.")


@contextmanager
def one_sentence() -> Iterator[None]:
    """Ctrl-C, and what the system refuses (a full disk, a folder that may not be written to), in one sentence too."""
    try:
        yield
    except KeyboardInterrupt:
        raise Refusal("Stopped; what is finished is kept, and the same command goes on from there.") from None
    except OSError as failure:
        where, reason = failure.filename or "The study folder", failure.strerror or failure
        raise Refusal(f"{where} cannot be read or written ({reason}); see to that and run again.") from None


def _refuse_bad_combination(settings: dict[str, Any], sources: Path, output: Path, decoded: tuple[Given, ...]) -> None:
    if not settings["codecs"] and not decoded:
        raise click.UsageError("Name at least one codec, by --codecs or --decoded.")
    for name, bpp, _ in decoded:
        if bpp not in settings["rates"]:
            raise click.UsageError(f"--decoded {name}@{bpp}: {bpp} is not one of --rates; add it there.")
    if output.resolve().is_relative_to(sources.resolve()):
        raise Refusal(f"{output} lies inside {sources} and would become photographs; choose another -o.")


def _tell(output: Path, outcome: "Outcome | None", seconds: float, *, as_json: bool) -> None:
    """Say what was written where, and what was left out."""
    if as_json:
        click.echo(json.dumps(_summary(output, outcome, seconds), indent=1))
        return
    if outcome is None:
        click.echo(f"{output} is finished already, with these settings and photographs.")
        return
    if outcome.done_before:
        click.echo(f"{outcome.done_before} photographs had been finished by an earlier run.")
    for row in outcome.skipped:
        click.echo(f"Left out: {row.source} at {row.rate} bpp, because {row.reason}.")
    counts = _summary(output, outcome, seconds)
    click.echo(
        f"{counts['stimuli']} stimuli of {counts['crops']} crops of {counts['sources']} photographs are in {output}"
        f" ({seconds:.0f} s)."
    )


def _summary(output: Path, outcome: "Outcome | None", seconds: float) -> dict[str, Any]:
    if outcome is None:
        return {"folder": str(output), "made": False}
    rows = outcome.stimuli
    return {
        "folder": str(output),
        "made": True,
        "sources": len({row.source for row in rows}),
        "crops": sum(row.condition == "reference" for row in rows),
        "stimuli": sum(row.condition not in ("reference", "catch") for row in rows),
        "done_before": outcome.done_before,
        "skipped": [{"source": row.source, "rate": row.rate, "codec": row.codec} for row in outcome.skipped],
        "seconds": round(seconds, 1),
    }
