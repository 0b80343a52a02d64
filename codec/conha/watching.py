"""Looks at a stage while it is trained: the line, the curves, pictures, validation and alarms. It changes nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from codec.conha import alarms, losses
from codec.conha.batches import centre
from codec.conha.config import Config
from codec.conha.curves import Curves, Line, grid, psnr, save_picture
from codec.conha.data import Picture, usable
from codec.conha.run_folder import RunFolder
from codec.conha.steps import Judged, Learner, Plan, Values

SHOWN = 8
VALIDATED = 64


@dataclass
class Seen:
    """Sums since the last point of the curves."""

    steps: int = 0
    sums: dict[str, float] = field(default_factory=dict)

    def add(self, values: dict[str, float]) -> None:
        """One step."""
        self.steps += 1
        for name, value in values.items():
            self.sums[name] = self.sums.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """Of the steps since then; starts anew."""
        found = {name: total / self.steps for name, total in self.sums.items()}
        self.steps, self.sums = 0, {}
        return found


class Watcher:
    """Of one stage, in the process that writes."""

    def __init__(self, run: RunFolder, config: Config, plan: Plan, pictures: Sequence[Picture], begun: int) -> None:
        self.run, self.config, self.plan = run, config, plan
        before = config.training.stage1.steps if plan.number == 2 else 0
        self.curves = Curves(run.path, plan.number, begun, before)
        self.line = Line(plan.number, plan.settings.steps, config.rate.target, begun)
        self.discriminator = alarms.DiscriminatorWatch()
        self.seen = Seen()
        validation = usable(pictures, "val")
        chosen = validation[:VALIDATED] or _spread(usable(pictures, "train"), SHOWN)
        self.pixels, self.validates = centre(chosen, config.data.crop), bool(validation)

    def see(self, learner: Learner, step: int, values: Values, judged: Judged | None, w: Tensor) -> None:
        """After `step` steps of the stage."""
        training, steps = self.config.training, self.plan.settings.steps
        now = {**values._asdict(), "psnr": psnr(values.mse), "w_mean": float(w.mean())}
        if judged is not None:
            now |= {f"d_{name}": value for name, value in judged._asdict().items()}
            self._alarm(step, self.discriminator.see(judged.accuracy))
        if learner.distance is None:
            del now["perceptual"]
        self.seen.add(now)
        logged = step % training.log_every == 0 or step == steps
        self.line.show(step, now, logged=logged)
        if logged:
            extra = {"target": self._target(step), "w_deviation": float(w.std(correction=0))}
            self.curves.add(
                self.plan.number, step, {**self.seen.means(), **extra, "steps_per_second": self.line.speed(step)}
            )
            self.curves.add_w(step, w)
        if step % training.pictures_every == 0 or step == steps:
            self._look(learner, step)

    def state(self) -> dict[str, float]:
        """What a checkpoint keeps."""
        return self.discriminator.state()

    def restore(self, state: dict[str, float]) -> None:
        """Go on from what `state` gave."""
        self.discriminator.restore(state)

    def close(self) -> None:
        """Leave line and curves in order."""
        self.line.end()
        self.curves.close()

    def _look(self, learner: Learner, step: int) -> None:
        """Reconstruct, measure, and show."""
        decoded, bpp = learner.reconstruct(self.pixels)
        ratio = alarms.spectrum_ratio(self.pixels, decoded)
        values = {"spectrum_ratio": ratio}
        if self.validates:
            errors = losses.squared_error(self.pixels, decoded).tolist()
            values |= {"val_bpp": float(bpp.mean()), "val_psnr": sum(map(psnr, errors)) / len(errors)}
            distances = learner.distances(self.pixels, decoded)
            values |= {} if distances is None else {"val_perceptual": float(distances.mean())}
        self.curves.add(self.plan.number, step, values)
        picture = grid(self.pixels[:SHOWN], decoded[:SHOWN])
        save_picture(self.run.path / "pictures" / f"stage{self.plan.number}-{step:08}.png", picture)
        self.curves.add_picture(step, picture)
        self._alarm(step, alarms.spectrum_alarm(ratio) if self.plan.gan else None)

    def _alarm(self, step: int, said: str | None) -> None:
        if said:
            self.line.say(f"Alarm at step {step} of stage {self.plan.number}: {said}. Training goes on.")
            self.run.note(f"alarm: stage {self.plan.number}, step {step}: {said}")

    def _target(self, step: int) -> float:
        rate = self.config.rate
        warming = self.plan.warming and step <= rate.warmup_steps
        return rate.target * (rate.warmup_target if warming else 1)


def _spread(pictures: Sequence[Picture], count: int) -> list[Picture]:
    """So many of them, evenly over the list."""
    places = torch.linspace(0, len(pictures) - 1, min(count, len(pictures))).round().long()
    return [pictures[place] for place in places.tolist()]
