"""What a run shows of itself: curves for TensorBoard and as a table, reconstructions, and a line on the terminal."""

import csv
import math
import shutil
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import click
import numpy as np
from PIL import Image
from torch import Tensor

COLUMNS = (
    "stage", "step", "bpp", "target", "noisy_bpp", "rate_weight", "mse", "psnr", "perceptual", "gan",
    "w_mean", "w_deviation", "d_loss", "d_real", "d_fake", "d_accuracy",
    "val_bpp", "val_psnr", "val_perceptual", "spectrum_ratio", "steps_per_second",
)  # fmt: skip


class Curves:
    """curves.csv and TensorBoard's files of a run."""

    def __init__(self, run: Path, stage: int, step: int, before: int) -> None:
        """Go on at a step of a stage; rows of later ones, which an interrupted run left, are dropped.

        Args:
            run: its folder.
            stage: from where on.
            step: of the stage.
            before: steps of earlier stages: TensorBoard counts all of them.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of libraries that TensorBoard brings along
            from torch.utils.tensorboard import SummaryWriter
        self.path, self.before = run / "curves.csv", before
        rows = [row for row in _rows(self.path) if (int(row["stage"]), int(row["step"])) <= (stage, step)]
        with self.path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        self.board: Any = SummaryWriter(str(run / "tensorboard"), purge_step=before + step + 1)

    def add(self, stage: int, step: int, values: dict[str, float]) -> None:
        """A point of each curve."""
        with self.path.open("a", encoding="utf-8", newline="") as file:
            shown = {name: f"{value:.6g}" for name, value in values.items()}
            csv.DictWriter(file, COLUMNS, lineterminator="\n").writerow({"stage": stage, "step": step, **shown})
        for name, value in values.items():
            self.board.add_scalar(name, value, self.before + step)

    def add_w(self, step: int, w: Tensor) -> None:
        """A histogram of w, as it scaled the terms."""
        self.board.add_histogram("w", w.float().cpu().numpy(), self.before + step)

    def add_picture(self, step: int, grid: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        """Originals over reconstructions."""
        self.board.add_image("reconstructions", grid, self.before + step, dataformats="HWC")

    def close(self) -> None:
        """Write what is left."""
        self.board.close()


def grid(pixels: Tensor, decoded: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Originals (n, 3, h, w) in a row, and decoded images below them, as 8 bits (2 h, n w, 3)."""
    rows = [images.permute(2, 0, 3, 1).flatten(1, 2) for images in (pixels, decoded)]
    return np.concatenate([(row.clamp(0, 1) * 255).round().byte().numpy() for row in rows])


def save_picture(path: Path, picture: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    """A PNG, whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    part = path.with_name(f".{path.name}")
    Image.fromarray(picture).save(part, "PNG")
    part.replace(path)


def psnr(mse: float) -> float:
    """dB of a mean squared error of values in 0..255."""
    return 10 * math.log10(255**2 / mse) if mse > 0 else math.inf


class Line:
    """One line that keeps up on a terminal, or a line now and then; on standard error."""

    def __init__(self, stage: int, steps: int, target: float, begun: int) -> None:
        self.stage, self.steps, self.target, self.begun = stage, steps, target, begun
        self.terminal, self.since, self.shown = sys.stderr.isatty(), time.monotonic(), 0.0

    def speed(self, step: int) -> float:
        """Steps a second since this process began."""
        return (step - self.begun) / max(time.monotonic() - self.since, 1e-9)

    def show(self, step: int, values: dict[str, float], *, logged: bool) -> None:
        """Tell how it goes after `step` steps: on a terminal five times a second, otherwise where a step is logged."""
        now = time.monotonic()
        if not logged and not (self.terminal and now - self.shown > 0.2):
            return
        self.shown = now
        text = self._text(step, values)
        if self.terminal:
            width = shutil.get_terminal_size().columns
            click.echo(f"\r{text[: width - 1]:<{width - 1}}", nl=False, err=True)
        else:
            click.echo(text, err=True)

    def say(self, text: str) -> None:
        """A line of its own."""
        click.echo(f"\n{text}" if self.terminal else text, err=True)

    def end(self) -> None:
        """Leave the line as it is."""
        if self.terminal:
            click.echo("", err=True)

    def _text(self, step: int, values: dict[str, float]) -> str:
        done = step / self.steps
        parts = [
            f"stage {self.stage} [{'#' * int(20 * done):<20}] {step}/{self.steps}",
            f"{values['bpp']:.3f} bpp (to {self.target:g})",
            f"MSE {values['mse']:.1f} ({values['psnr']:.1f} dB)",
        ]
        if "d_real" in values:
            parts.append(f"D {values['d_real']:.2f} real {values['d_fake']:.2f} fake")
        speed = self.speed(step)
        parts.append(f"{speed:.2f} steps/s, {_duration((self.steps - step) / speed)} left")
        return "  ".join(parts)


def _rows(path: Path) -> list[dict[str, str]]:
    """Whole rows of an earlier process; a last line that was cut off is left out."""
    if not path.exists():
        return []
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    whole = [line for line in lines if line.endswith("\n")]
    return list(csv.DictReader(whole))


def _duration(seconds: float) -> str:
    minutes, hours = seconds / 60, seconds / 3600
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} min" if hours < 2 else f"{hours:.1f} h"
