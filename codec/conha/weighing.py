"""w of each training crop as it scales the loss: out of its source, changed by the control, bent by the map."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import Tensor

from codec.conha import batches, losses, preference_source
from codec.conha.batches import FOR_CODEC, Batch, Place, Window
from codec.conha.config import Config, Preference
from codec.conha.data import Picture
from codec.conha.processes import Processes
from codec.conha.steps import Plan

MEASURED = 4096
"""Crops over which the mean of w is taken: the first ones that the stage sees."""


class Weigher:
    """Of one stage. Where the stage is not weighed, w is 1."""

    def __init__(self, config: Config, plan: Plan, processes: Processes, pictures: Sequence[Picture]) -> None:
        """Open the source.

        Raises:
            Refusal: as `preference_source.opened`.
        """
        self.config, self.plan, self.processes = config, plan, processes
        asked = config.preference if plan.weighed else Preference()
        self.source, self.preference = preference_source.opened(asked, pictures, lambda: self._first(pictures))

    def __call__(self, batch: Batch, step: int) -> Tensor:
        """w of this process' crops (b,)."""
        training = self.config.training
        own = self.source(batch.windows, batch.pixels.float() / 255).to(self.processes.device)
        of_all = self.processes.gathered(own)
        changed = preference_source.controlled(of_all, self.preference, training.seed, self.plan.number, step)
        part = self.processes.part(training.batch)
        return losses.mapped(changed[part.start : part.stop], self.preference)

    def told(self) -> str:
        """Where w comes from, for a model's card."""
        asked = self.config.preference
        if not self.plan.weighed or asked.w == "one":
            said = "1 for every image"
        elif asked.w in {"constant", "mean"}:
            of = f" (mean of {Path(asked.path).name})" if asked.w == "mean" else ""
            said = f"{self.preference.value:.4f} for every image{of}"
        else:
            said = f"{asked.w} of {Path(asked.path).name}"
        said += f", {asked.control}" if asked.control != "none" else ""
        return said + (f", map {asked.map}" if asked.map != "identity" else "")

    def _first(self, pictures: Sequence[Picture]) -> Iterator[Window]:
        batch = self.config.training.batch
        for nth in range(MEASURED):
            place = Place(self.plan.number, nth // batch, FOR_CODEC, nth % batch)
            yield batches.window(place, pictures, self.config)
