"""A run's folder: its settings, images and curves, and checkpoints from which it goes on.

    RUN/config.json         every setting        RUN/checkpoints/stage1-00000060/tensors.safetensors, state.json
    RUN/images.csv          what was trained on  RUN/curves.csv, RUN/tensorboard/, RUN/pictures/
    RUN/model.safetensors   what compresses      RUN/log.txt  alarms, beginnings and ends

A checkpoint is a folder that appears whole, by a rename, and never changes.
"""

import fcntl
import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import safetensors
import safetensors.torch
from torch import Tensor

from codec.conha import config as configs
from codec.conha.config import Config
from codec.errors import Refusal

CHECKPOINT = re.compile(r"stage([12])-(\d{8})")
MAY_CHANGE = {
    "training": {"checkpoint_every", "pictures_every", "log_every", "keep"},
    "data": {"workers", "cache"},
}


@dataclass(frozen=True)
class Checkpoint:
    """Where a run stood: so many steps of a stage were done."""

    path: Path
    stage: int
    step: int

    def tensors(self) -> dict[str, Tensor]:
        """All tensors, by name.

        Raises:
            Refusal: the file is damaged.
        """
        file = self.path / "tensors.safetensors"
        try:
            return safetensors.torch.load_file(file)
        except (safetensors.SafetensorError, OSError) as failure:
            raise Refusal(f"{file} is damaged ({failure}); remove {self.path}, and an earlier one is used.") from None

    def state(self) -> dict[str, Any]:
        """What is no tensor."""
        try:
            found: dict[str, Any] = json.loads((self.path / "state.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as failure:
            raise Refusal(f"{self.path} is damaged ({failure}); remove it, and an earlier one is used.") from None
        return found


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run, written by one process."""

    path: Path

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Keep other runs out for a while."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Refusal(f"Another run is writing to {self.path}; wait for it, or choose another -o.") from None
            yield

    def begin(self, config: Config, *, resume: bool) -> None:
        """Write the settings, or compare them with those that are there.

        Raises:
            Refusal: the folder holds a run and `resume` is not asked for, or its settings are others.
        """
        file = self.path / "config.json"
        if not file.exists():
            self.write("config.json", configs.to_json(config))
            return
        if not resume:
            raise Refusal(f"{self.path} holds a run; add --resume to go on with it, or choose another -o.")
        for key, before, now in _differences(self.config(), config):
            raise Refusal(f"{self.path} was begun with {key} = {before}, not {now}; leave it, or choose another -o.")
        self.write("config.json", configs.to_json(config))

    def config(self) -> Config:
        """Its settings.

        Raises:
            Refusal: it is no run's folder.
        """
        file = self.path / "config.json"
        if not file.is_file():
            raise Refusal(f"{self.path} is no folder of a run (it has no config.json); name another.")
        return configs.from_json(file.read_text(encoding="utf-8"), str(file))

    def checkpoints(self) -> list[Checkpoint]:
        """From the earliest to the latest."""
        folders = (self.path / "checkpoints").glob("stage*")
        named = [(folder, CHECKPOINT.fullmatch(folder.name)) for folder in folders]
        found = [Checkpoint(folder, int(match[1]), int(match[2])) for folder, match in named if match]
        return sorted(found, key=lambda one: (one.stage, one.step))

    def save(self, stage: int, step: int, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Put a checkpoint there, whole or not at all.

        Raises:
            Refusal: a tensor is not finite: the run went wrong, and earlier checkpoints must not give way to that.
        """
        for name, tensor in tensors.items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise Refusal(f"Training stopped at step {step}, where {name} is not finite; go on with --resume.")
        place = self.path / "checkpoints" / f"stage{stage}-{step:08}"
        part = place.with_name(f".{place.name}")
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        _put(part / "tensors.safetensors", safetensors.torch.save(tensors))
        _put(part / "state.json", json.dumps(state, indent=1).encode())
        shutil.rmtree(place, ignore_errors=True)
        part.replace(place)
        _flush_folder(place.parent)

    def prune(self, keep: int, ends: set[tuple[int, int]]) -> None:
        """Leave the last `keep` checkpoints, and those at the ends of stages (stage, steps)."""
        passing = [one for one in self.checkpoints() if (one.stage, one.step) not in ends]
        for one in passing[:-keep]:
            shutil.rmtree(one.path, ignore_errors=True)

    def write(self, name: str, text: str) -> None:
        """A text file, whole or not at all."""
        self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Any file, whole or not at all."""
        part = self.path / f".{name}"
        _put(part, data)
        part.replace(self.path / name)

    def note(self, text: str) -> None:
        """A line in log.txt, with the time."""
        with (self.path / "log.txt").open("a", encoding="utf-8") as file:
            file.write(f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n")


def stage_one_of(start: str, config: Config) -> Checkpoint:
    """The checkpoint at the end of the first stage of the run in folder `start`.

    Raises:
        Refusal: there is none, or it is of other networks.
    """
    run = RunFolder(Path(start))
    theirs = run.config()
    if theirs.model != config.model:
        raise Refusal(f"`training.start`: the run in {start} has another [model] than this one; make them alike.")
    steps = theirs.training.stage1.steps
    for one in run.checkpoints():
        if (one.stage, one.step) == (1, steps):
            return one
    raise Refusal(f"`training.start`: the run in {start} has not finished its stage 1; finish it with --resume.")


def _differences(before: Config, now: Config) -> Iterator[tuple[str, Any, Any]]:
    """Settings that differ and must not."""
    one, other = (msgspec.to_builtins(config) for config in (before, now))
    for table, values in one.items():
        if not isinstance(values, dict):
            if values != other[table]:
                yield table, values, other[table]
            continue
        for key, value in values.items():
            if value != other[table][key] and key not in MAY_CHANGE.get(table, ()):
                yield f"{table}.{key}", value, other[table][key]


def _put(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _flush_folder(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
