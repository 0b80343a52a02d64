"""`codec train`. Libraries are imported inside, so that help is quick."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from codec.errors import Refusal


@click.command()
@click.argument("config", metavar="CONFIG")
@click.option(
    "--set", "settings", multiple=True, metavar="TABLE.KEY=VALUE", help="Puts a setting over the config's; repeatable."
)
@click.option("-o", "output", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The run's folder.")
@click.option("--resume", is_flag=True, help="Go on with the run in that folder, from its last checkpoint.")
@click.option(
    "--device", default="auto", show_default=True, type=click.Choice(["auto", "cpu", "cuda"]), help="auto: CUDA if any."
)
def train(config: str, settings: tuple[str, ...], output: Path, device: str, *, resume: bool) -> None:
    """Train a codec in two stages, from a folder of images to the file of a model that compresses.

    CONFIG is a TOML file, or the name of a shipped one: conha, conha_fixed, hific, hyperprior, joint, lpips_only,
    smoke. Start it with torchrun --nproc-per-node N manage.py codec train ... to train on N devices.
    """
    from codec.conha import config as configs
    from codec.conha import processes, training

    wanted = configs.read(config, settings)
    with one_sentence(output):
        together = processes.joined(device)
        try:
            model = training.train(wanted, output, together, resume=resume)
        finally:
            together.leave()
    if together.first:
        click.echo(f"The model is {model}; curves, pictures and checkpoints are in {output}.")


@contextmanager
def one_sentence(output: Path) -> Iterator[None]:
    """What the system refuses, and Ctrl-C outside of a step, in one sentence too."""
    import torch

    try:
        yield
    except KeyboardInterrupt:
        raise Refusal("Stopped; the last checkpoint is kept, and --resume goes on from there.") from None
    except torch.OutOfMemoryError:
        remedy = "make training.batch or data.crop smaller, or set training.bf16=true"
        raise Refusal(f"The device has too little memory for these settings; {remedy}.") from None
    except OSError as failure:
        where, reason = failure.filename or output, failure.strerror or failure
        raise Refusal(f"{where} cannot be read or written ({reason}); see to that, and go on with --resume.") from None
