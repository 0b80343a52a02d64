"""`codec preference fit | weigh | card`. Libraries are imported inside the commands, so that help is quick."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from codec.errors import Refusal

if TYPE_CHECKING:
    from codec.preference.backbones import Backbone
    from codec.preference.evaluation import Row
    from codec.preference.fitting import Fit, Held

PATH = click.Path(path_type=Path)
CACHE = click.option("--cache", type=PATH, metavar="DIR", help="Where features are kept.  [default: ~/.cache/conha]")
DEVICE = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, ...")
SHOWN = ("model", "statistics", "constant")


@click.group()
def preference() -> None:
    """Learn from votes where people prefer hallucination, and weigh pictures by it."""


def _margins(_context: click.Context, _parameter: click.Parameter, text: str | None) -> tuple[int, ...] | None:
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(",") if part.strip() not in ("", "none"))
    except ValueError:
        raise click.BadParameter(f"'{text}' is no list of whole numbers, such as -64,0,128.") from None


@preference.command()
@click.argument("labels", type=PATH, metavar="LABELS.csv")
@click.option("--sources", required=True, type=PATH, metavar="DIR", help="The pictures that were labelled.")
@click.option("--backbone", default="resnet50", show_default=True, help="torchvision's, or timm/NAME.")
@click.option("-o", "output", required=True, type=PATH, metavar="MODEL", help="The model to write.")
@click.option("--context", default=0, show_default=True, help="Pixels that are seen beyond a crop on every side.")
@click.option("--margins", callback=_margins, help="Further contexts to evaluate, or none.  [default: -w/4,0,w/2]")
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2, 50), help="Of sources.")
@click.option("--rounds", default=1000, show_default=True, type=click.IntRange(100, 100_000), help="Of the bootstrap.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0), help="Everything drawn follows from it.")
@click.option("--test", "test_labels", type=PATH, metavar="LABELS.csv", help="Labels of other sources to check on.")
@click.option("--test-sources", type=PATH, metavar="DIR", help="The pictures of --test.")
@click.option("--allow-leak", is_flag=True, help="Check on sources that were learned from as well; rows say leak = 1.")
@CACHE
@DEVICE
@click.option("--json", "as_json", is_flag=True, help="Print the card as JSON.")
def fit(labels: Path, sources: Path, backbone: str, output: Path, **options: object) -> None:
    """Fit a model to labels.csv, evaluate it on sources that it has not seen, and write both.

    Beside MODEL stand MODEL.evaluation.csv and MODEL.evaluation.html, a page with drawings and the surest and most
    mistaken crops.
    """
    from codec.folder import write
    from codec.preference.evaluation import Settings, table
    from codec.preference.features import default_cache
    from codec.preference.fitting import Given
    from codec.preference.fitting import fit as fitted
    from codec.preference.page import page

    held = _held(options)
    with _one_sentence():
        settings = Settings(*(_int(options[name]) for name in ("folds", "rounds", "seed")))
        cache = options["cache"] or default_cache()
        given = Given(
            _placed(backbone, str(options["device"])), Path(str(cache)), _int(options["context"]),
            options["margins"], settings,  # type: ignore[arg-type]
        )  # fmt: skip
        found = fitted(labels, sources, given, held)
        written = {"": found.model, ".evaluation.csv": table(found.rows), ".evaluation.html": page(found).encode()}
        output.parent.mkdir(parents=True, exist_ok=True)
        for suffix, data in written.items():
            write(output.with_name(output.name + suffix), data)
    click.echo(_json(found) if options["as_json"] else _told(found, output))


@preference.command()
@click.argument("model", type=PATH, metavar="MODEL")
@click.argument("folder", type=PATH, metavar="DIR")
@click.option("-o", "output", required=True, type=PATH, metavar="weights.csv", help="The table to write.")
@click.option("--crop-size", type=click.IntRange(32), help="Pixels a side of the grid.  [default: as labelled]")
@click.option("--whole", is_flag=True, help="One row a picture, of the whole of it, instead of a grid of crops.")
@CACHE
@DEVICE
def weigh(
    model: Path, folder: Path, output: Path, crop_size: int | None, cache: Path | None, **options: object
) -> None:
    """Write w of all pictures in a folder: of a grid of crops that covers each, or of whole pictures.

    Pictures that the model learned from, or that look like them, get the w of a head that has not seen them.
    """
    from codec.folder import write
    from codec.preference.features import Frozen, default_cache
    from codec.preference.model import UNSEEN, read
    from codec.preference.weigh import table
    from codec.preference.weigh import weigh as weighed

    if options["whole"] and crop_size:
        raise click.UsageError("--whole has no grid, so give no --crop-size.")
    with _one_sentence():
        found = read(model)
        backbone = found.backbone().to(_device(str(options["device"])))
        side = None if options["whole"] else crop_size or min(found.card.crop_width, found.card.crop_height)
        weights = weighed(found, Frozen(backbone, found.card.margin), folder, side, cache or default_cache())
        write(output, table(weights, found))
    pictures, known = (
        len({row.source for row in rows}) for rows in (weights, [r for r in weights if r.fold != UNSEEN])
    )
    mean = sum(row.w for row in weights) / len(weights)
    spread = (sum((row.w - mean) ** 2 for row in weights) / len(weights)) ** 0.5
    seen = f" {known} pictures have labels; their w is of heads that have not seen them." if known else ""
    marked = " SIMULATED: no person cast the votes behind them." if found.card.simulated else ""
    told = f"{len(weights)} weights of {pictures} pictures: {output}."
    click.echo(f"{told} Mean w {mean:.3f}, standard deviation {spread:.3f}.{seen}{marked}")


@preference.command()
@click.argument("model", type=PATH, metavar="MODEL")
@click.option("--json", "as_json", is_flag=True, help="Print the whole card as JSON, its sources included.")
def card(model: Path, as_json: bool) -> None:
    """Say what a model was made from, how good it is, and what it is not."""
    import msgspec

    from codec.preference.card import described
    from codec.preference.model import read

    found = read(model)
    text = msgspec.json.format(msgspec.json.encode(found.card)).decode() if as_json else described(found.card)
    click.echo(text)


def _held(options: dict[str, object]) -> "Held | None":
    from codec.preference.fitting import Held

    labels, sources = options["test_labels"], options["test_sources"]
    if not labels and not sources:
        return None
    if not (isinstance(labels, Path) and isinstance(sources, Path)):
        raise click.UsageError("--test and --test-sources belong together; give both.")
    return Held(labels, sources, allow_leak=bool(options["allow_leak"]))


def _placed(name: str, device: str) -> "Backbone":
    from codec.preference.backbones import load

    return load(name).to(_device(device))


def _device(name: str) -> str:
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError):
        raise Refusal(f"There is no device '{name}' here; leave --device out, or name another.") from None
    return name


def _int(value: object) -> int:
    assert isinstance(value, int)  # noqa: S101  click has seen to it
    return value


def _json(found: "Fit") -> str:
    import msgspec

    return json.dumps(msgspec.to_builtins(found.card), indent=1)


def _told(found: "Fit", output: Path) -> str:
    from codec.preference.page import sentence

    lines = ["SIMULATED: no person cast these votes.", ""] if found.card.simulated else []
    lines += [*_lines(found.rows, "cross_validation"), *_lines(found.rows, "cross_validation_difference")]
    lines += [*_lines(found.rows, "yardstick"), *_lines(found.rows, "size_and_context"), *_lines(found.rows, "test")]
    names = ", ".join(output.name + suffix for suffix in ("", ".evaluation.csv", ".evaluation.html"))
    return "\n".join([*lines, "", sentence(found.evaluation), f"Written to {output.parent}: {names}."])


def _lines(rows: "list[Row]", evaluation: str) -> Iterator[str]:
    """A line a predictor and margin, its measures side by side."""
    from codec.preference.card import interval

    of: dict[str, list[str]] = {}
    for row in rows:
        if row.evaluation == evaluation and not row.tag:
            margin = f" {int(row.margin):+d}" if evaluation == "size_and_context" else ""
            told = f"{row.measure} {interval(row.value, row.low, row.high)}"
            of.setdefault(f"{evaluation} {row.predictor}{margin}", []).append(told)
    for name, measures in of.items():
        yield f"{name}: {', '.join(measures)}"


@contextmanager
def _one_sentence() -> Iterator[None]:
    """Ctrl-C, and what the system refuses, in one sentence too."""
    try:
        yield
    except KeyboardInterrupt:
        raise Refusal("Stopped; features that were measured are kept, and the same command uses them.") from None
    except OSError as failure:
        what = failure.filename or "A file"
        raise Refusal(f"{what} cannot be read or written ({failure.strerror or failure}); see to that.") from None
