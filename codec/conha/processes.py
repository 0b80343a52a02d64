"""The processes that train together, one a device, as torchrun starts them; or this one alone."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn

from codec.errors import Refusal

PATIENCE = timedelta(hours=6)
"""How long a process waits for the others: the first one looks at all images before training begins."""


@dataclass(frozen=True)
class Processes:
    """Which of how many, and on what device. Each takes an equal, consecutive part of every batch."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether it is the one that writes."""
        return self.rank == 0

    def part(self, batch: int) -> range:
        """This process' samples of a batch.

        Raises:
            Refusal: the batch cannot be shared equally.
        """
        if batch % self.count:
            raise Refusal(f"`training.batch` is {batch}, which {self.count} processes cannot share; set a multiple.")
        share = batch // self.count
        return range(self.rank * share, (self.rank + 1) * share)

    def mean(self, values: Tensor) -> Tensor:
        """The mean over processes, the same on all of them."""
        if self.count == 1:
            return values
        summed = values.clone()
        distributed.all_reduce(summed)
        return summed / self.count

    def gathered(self, values: Tensor) -> Tensor:
        """All processes' parts (b,) in the order of the samples (B,)."""
        if self.count == 1:
            return values
        parts = [torch.empty_like(values) for _ in range(self.count)]
        distributed.all_gather(parts, values.contiguous())
        return torch.cat(parts)

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Make each gradient the mean over processes, in one exchange of all numbers."""
        if self.count == 1:
            return
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = self.mean(torch.cat([gradient.reshape(-1) for gradient in gradients]))
        for gradient, mean in zip(gradients, torch.split(flat, [torch.numel(one) for one in gradients]), strict=True):
            gradient.copy_(mean.view_as(gradient))

    def wait(self) -> None:
        """Until all processes are here."""
        if self.count > 1:
            distributed.barrier()

    def leave(self) -> None:
        """Take leave of the others."""
        if self.count > 1:
            distributed.destroy_process_group()


def joined(device: str) -> Processes:
    """This process among those that torchrun started; `device` is cpu, cuda, or auto.

    Raises:
        Refusal: cuda is asked for and not there.
    """
    if device == "cuda" and not torch.cuda.is_available():
        raise Refusal("There is no CUDA device here (or torch was built without it); leave out --device cuda.")
    kind = "cuda" if device == "cuda" or (device == "auto" and torch.cuda.is_available()) else "cpu"
    count = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    local = torch.device(kind, int(os.environ.get("LOCAL_RANK", "0"))) if kind == "cuda" else torch.device(kind)
    if kind == "cuda":
        torch.cuda.set_device(local)
    if count > 1:
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo", timeout=PATIENCE)
    return Processes(rank, count, local)
