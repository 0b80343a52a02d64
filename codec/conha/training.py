"""A training run: its stages, one after another, each step the same few lines.

A run can be stopped at any time, by Ctrl-C or by force, and goes on with `resume` from its last checkpoint to the very
numbers that it would have had: batches and noise follow from the step, and everything else is in the checkpoint.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from codec.conha import batches, checkpoint, data
from codec.conha.batches import FOR_CODEC, FOR_DISCRIMINATOR, Batches
from codec.conha.config import Config
from codec.conha.data import Picture, usable
from codec.conha.processes import Processes
from codec.conha.run_folder import RunFolder, stage_one_of
from codec.conha.steps import Learner, Plan, below, plans
from codec.conha.watching import Watcher
from codec.conha.weighing import Weigher
from codec.errors import Refusal

MODEL = "model.safetensors"


@dataclass(frozen=True)
class Run:
    """What all stages of a run share; `stopping` fills with the signals that asked to stop."""

    folder: RunFolder
    config: Config
    processes: Processes
    pictures: list[Picture]
    stopping: list[int]


def train(config: Config, folder: Path, processes: Processes, *, resume: bool = False) -> Path:
    """Train what a config says, or go on with it, and return the file of the finished model.

    Args:
        config: the settings.
        folder: of the run.
        processes: this one among those that train together.
        resume: go on where the run in `folder` stands.

    Raises:
        Refusal: input is not as it must be, a number is no longer finite, or the run was asked to stop.
    """
    processes.part(config.training.batch)
    _settle(config, processes)
    with ExitStack() as stack:
        kept = RunFolder(folder)
        if processes.first:
            stack.enter_context(kept.claimed())
            kept.begin(config, resume=resume)
        stopping = stack.enter_context(_stop_signals())
        run = Run(kept, config, processes, _pictures(kept, config, processes), stopping)
        for plan in plans(config):
            learner, weigher = _train_stage(run, plan)
        if processes.first:
            kept.write_bytes(MODEL, checkpoint.freeze(learner.exported(), config, _card(run, weigher)))
        processes.wait()
    return folder / MODEL


def _train_stage(run: Run, plan: Plan) -> tuple[Learner, Weigher]:
    """The loop."""
    config, processes, trained = run.config, run.processes, usable(run.pictures, "train")
    steps = plan.settings.steps
    weigher = Weigher(config, plan, processes, trained)
    learner = Learner(config, plan, processes)
    begun, state = _begin(learner, run.folder)
    watcher = Watcher(run.folder, config, plan, run.pictures, begun) if processes.first and begun < steps else None
    if watcher and state:
        watcher.restore(state)
    draws = (FOR_DISCRIMINATOR, FOR_CODEC) if plan.gan else (FOR_CODEC,)
    places = Batches(plan.number, range(begun, steps), draws, processes.part(config.training.batch))
    loaded = batches.load(trained, config, places, processes)

    for step in range(begun, steps):
        judged = learner.discriminate(next(loaded), step) if plan.gan else None
        batch = next(loaded)
        w = weigher(batch, step)
        values = learner.improve(batch, w, step)
        done, stop = step + 1, _any(run.stopping, processes)
        if watcher:
            watcher.see(learner, done, values, judged, w)
            if stop or done % config.training.checkpoint_every == 0 or done == steps:
                run.folder.save(plan.number, done, learner.tensors(), watcher.state())
                run.folder.prune(config.training.keep, {(one.number, one.settings.steps) for one in plans(config)})
        if stop and done < steps:
            raise Refusal(f"Stopped after step {done} of stage {plan.number}, which is kept; go on with --resume.")
    if watcher:
        watcher.close()
        run.folder.note(f"stage {plan.number} finished, {steps} steps")
    processes.wait()
    return learner, weigher


def _begin(learner: Learner, folder: RunFolder) -> tuple[int, dict[str, Any]]:
    """Bring a stage to where the run stands: the steps that are done, and what the watcher knew."""
    plan, config = learner.plan, learner.config
    own = [one for one in folder.checkpoints() if one.stage == plan.number]
    if own:
        learner.restore(own[-1].tensors())
        return own[-1].step, own[-1].state()
    if plan.number == 2 and (config.training.start or config.training.stage1.steps):
        first = stage_one_of(config.training.start or str(folder.path), config)
        learner.start_from(below("codec", first.tensors()))
    return 0, {}


def _pictures(folder: RunFolder, config: Config, processes: Processes) -> list[Picture]:
    """What images.csv lists; the first process writes it, once for the run."""
    file = folder.path / "images.csv"
    if processes.first and not file.exists():
        found = data.look_at(data.find(config.data), config.data.crop, config.data.workers)
        data.refuse_none(found, config.data)
        folder.write(file.name, data.as_csv(found))
        for picture in found:
            if picture.skipped:
                folder.note(f"skipped {picture.file}: {picture.skipped}")
    processes.wait()
    return data.from_csv(file)


def _card(run: Run, weigher: Weigher) -> checkpoint.Card:
    """What somebody should know before using the model."""
    config, stages = run.config, plans(run.config)
    trained = len(usable(run.pictures, "train"))
    device = run.processes.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "processor"
    return checkpoint.Card(
        data=f"{trained} images of {Path(config.data.train).name}, by content in the run's images.csv",
        steps=sum(plan.settings.steps for plan in stages),
        crops=sum(plan.settings.steps * (1 + plan.gan) for plan in stages) * config.training.batch,
        seeds=(config.training.seed,),
        hardware=f"{run.processes.count} x {name}, torch {torch.__version__}",
        w=weigher.told(),
        simulated=weigher.source.simulated,
        licence="not stated",
    )


def _settle(config: Config, processes: Processes) -> None:
    """Reproducible or quick."""
    if processes.device.type == "cuda":
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = not config.training.deterministic
    torch.use_deterministic_algorithms(config.training.deterministic)


def _any(stopping: list[int], processes: Processes) -> bool:
    """Whether some process was asked to stop, the same on all of them."""
    if processes.count == 1:
        return bool(stopping)
    asked = torch.tensor(float(bool(stopping)), device=processes.device)
    return float(processes.mean(asked)) > 0


@contextmanager
def _stop_signals() -> Iterator[list[int]]:
    """The signals that asked to stop, while training: the step at hand is finished and kept first."""
    asked: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        if asked:  # impatience
            raise KeyboardInterrupt
        asked.append(number)

    before = {number: signal.signal(number, remember) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
