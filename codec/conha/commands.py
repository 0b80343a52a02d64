"""`codec compress`, `codec decompress` and `codec models`. Libraries are imported inside, so that help is quick."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from codec.errors import Refusal

if TYPE_CHECKING:
    from codec.conha.checkpoint import Frozen
    from codec.conha.installed import Installed

FILE = click.Path(path_type=Path, dir_okay=False)
DEVICE = click.option(
    "--device",
    default="cpu",
    show_default=True,
    help="Where the networks run: cpu, cuda, cuda:1; symbols are the same.",
)
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")


@click.command()
@click.argument("picture", metavar="IN", type=FILE)
@click.argument("output", metavar="OUT.cnha", type=FILE)
@click.option("--model", "name", required=True, metavar="NAME_OR_PATH", help="As `codec models` lists it, or a file.")
@DEVICE
@AS_JSON
def compress(picture: Path, output: Path, name: str, device: str, *, as_json: bool) -> None:
    """Code a picture with a trained model, into a file that decodes to the same symbols anywhere.

    IN is any picture that this program reads; what it cannot code as it is (transparency, deep colour) it refuses.
    Models are looked for in the folder that $CONHA_MODELS names, and in codec/conha/weights.
    """
    from codec.conha import coding, installed
    from codec.folder import write
    from codec.pixels import read_pixels

    began = time.monotonic()
    with one_sentence(picture):
        pixels = read_pixels(picture)
        model = _loaded(installed.find(name), device)
        height, width = pixels.shape[:2]
        with _bar(width, height, "Encoding") as done:
            data = coding.compress(pixels, model, done)
    with one_sentence(output):
        write(output, data)
    told = {
        "file": str(output), "bytes": len(data), "width": width, "height": height,
        "bpp": 8 * len(data) / (width * height), "model": model.metadata.identity,
        "seconds": round(time.monotonic() - began, 2),
    }  # fmt: skip
    _tell(told, "{file}: {bytes} bytes for {width} x {height} pixels, {bpp:.4f} bpp ({seconds} s).", as_json=as_json)


@click.command()
@click.argument("coded", metavar="IN.cnha", type=FILE)
@click.argument("output", metavar="OUT.png", type=FILE)
@click.option("--model", "name", metavar="NAME_OR_PATH", help="Where it is not the installed one that IN names.")
@DEVICE
@AS_JSON
def decompress(coded: Path, output: Path, name: str | None, device: str, *, as_json: bool) -> None:
    """Decode a .cnha file to a PNG; its model is found by the identity that the file names.

    Models are looked for in the folder that $CONHA_MODELS names, and in codec/conha/weights.
    """
    from codec.conha import bitstream, coding, installed
    from codec.folder import write

    began = time.monotonic()
    if output.suffix.lower() != ".png":
        raise click.BadParameter(f"{output} is no .png; that is the one format written here.", param_hint="OUT.png")
    with one_sentence(coded):
        picture = bitstream.read(coded)
        model = _loaded(installed.find(name) if name else installed.find_by_mark(picture.model), device)
        symbols = coding.read_symbols(picture, model)
        with _bar(picture.width, picture.height, "Decoding") as done:
            pixels = coding.pixels_of(picture, symbols, model, done)
    with one_sentence(output):
        write(output, _png(pixels, grey=picture.grey))
    told = {
        "file": str(output), "width": picture.width, "height": picture.height, "grey": picture.grey,
        "model": model.metadata.identity, "seconds": round(time.monotonic() - began, 2),
    }  # fmt: skip
    _tell(told, "{file}: {width} x {height} pixels ({seconds} s).", as_json=as_json)


@click.command()
@AS_JSON
def models(*, as_json: bool) -> None:
    """List the installed models: where each is, and its card.

    They are NAME.safetensors files in the folder that $CONHA_MODELS names, and in codec/conha/weights.
    """
    from codec.conha.installed import SHIPPED, VARIABLE, installed

    found = [_described(model) for model in installed()]
    if as_json:
        click.echo(json.dumps(found, indent=1))
    elif not found:
        click.echo(f"No model is installed: put NAME.safetensors into {SHIPPED}, or into the folder ${VARIABLE} names.")
    else:
        click.echo("\n\n".join("\n".join(_lines(model)) for model in found))


@contextmanager
def one_sentence(path: Path) -> Iterator[None]:
    """What goes wrong with a file, with its name before it; and Ctrl-C."""
    from codec.conha.bitstream import BadFile

    try:
        yield
    except BadFile as bad:
        raise type(bad)(f"{path}: {bad.message}") from None
    except KeyboardInterrupt:
        raise Refusal("Stopped; nothing was written.") from None
    except (MemoryError, RuntimeError) as failure:
        if isinstance(failure, RuntimeError) and "memory" not in str(failure).lower():
            raise  # torch has no other name for lacking memory
        raise Refusal(f"{path} needs more memory than there is; cut it or make it smaller.") from None
    except OSError as failure:
        reason = failure.strerror or failure
        raise Refusal(f"{path} cannot be read or written ({reason}); see to that and run again.") from None


def _loaded(path: Path, device: str) -> "Frozen":
    import torch

    from codec.conha.checkpoint import load

    try:
        return load(path).to(torch.device(device))
    except (RuntimeError, AssertionError) as failure:  # torch says what it is asked for and lacks in either way
        reason = str(failure).splitlines()[0].rstrip(".")
        raise Refusal(f"The device '{device}' cannot be used ({reason}); choose another --device.") from None


@contextmanager
def _bar(width: int, height: int, doing: str) -> Iterator[Callable[[], object]]:
    """A bar on a terminal where a picture has several tiles."""
    from codec.conha import tiles
    from codec.conha.networks import STRIDE

    count = tiles.count(-(-height // STRIDE), -(-width // STRIDE))
    stream = click.get_text_stream("stderr")
    if count == 1 or not stream.isatty():
        yield lambda: None
        return
    with click.progressbar(length=count, label=doing, file=stream) as bar:
        yield lambda: bar.update(1)


def _png(pixels: Any, *, grey: bool) -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if grey else pixels).save(file, "PNG")
    return file.getvalue()


def _described(model: "Installed") -> dict[str, Any]:
    import msgspec

    if model.metadata is None:
        return {"name": model.name, "path": str(model.path), "fault": model.fault}
    metadata = model.metadata
    return {
        "name": model.name, "path": str(model.path), "identity": metadata.identity, "config": metadata.config.name,
        "widths": msgspec.to_builtins(metadata.config.model), "card": msgspec.to_builtins(metadata.card),
    }  # fmt: skip


def _lines(model: dict[str, Any]) -> Iterator[str]:
    yield f"{model['name']}  {model['path']}"
    for key, value in model.items():
        if isinstance(value, dict):
            yield from (f"  {name}: {_words(each)}" for name, each in value.items())
        elif key not in {"name", "path"}:
            yield f"  {key}: {value}"


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(str(each) for each in value)
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _tell(told: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    click.echo(json.dumps(told) if as_json else sentence.format(**told))
