"""One step of training: the discriminator's on a batch of its own, then the codec's.

Everything that changes while training is in a `Learner`: networks, optimisers, and two running means. HiFiC's released
code has an optimiser for the transforms, one for the density of the hyper-latent on the same loss, one for its
quantiles, and one for the discriminator, which takes its step first.
"""

import copy
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Adam

from codec.conha import losses, perceptual
from codec.conha.batches import Batch
from codec.conha.config import Config, Stage
from codec.conha.discriminator import Discriminator
from codec.conha.losses import Terms
from codec.conha.model import Codec
from codec.conha.noise import Noise
from codec.conha.processes import Processes
from codec.errors import Refusal

RECENT = 0.99
"""Of the running means of loss terms, which `constant_total` needs."""
Network = TypeVar("Network", bound=nn.Module)
FROZEN = ("encoder", "hyper_analysis", "hyper_means", "hyper_scales", "hyper_prior")


class Plan(NamedTuple):
    """What one stage of a run does."""

    number: int  # 1 or 2
    settings: Stage
    gan: bool  # has a discriminator
    weighed: bool  # w scales its terms
    frozen: bool  # only the generator learns
    warming: bool  # the rate's controller warms up


class Values(NamedTuple):
    """What a step of the codec looked like, means over the whole batch."""

    bpp: float  # of rounded latents
    noisy_bpp: float
    mse: float
    perceptual: float
    gan: float
    rate_weight: float


class Judged(NamedTuple):
    """What the discriminator made of a batch: its loss, the mean sigmoids, and the share of patches told rightly."""

    loss: float
    real: float
    fake: float
    accuracy: float


def plans(config: Config) -> list[Plan]:
    """The stages of a config, in order."""
    training = config.training
    if training.joint:
        return [Plan(1, training.stage1, training.gan, weighed=True, frozen=False, warming=True)]
    first = Plan(1, training.stage1, gan=False, weighed=False, frozen=False, warming=True)
    second = Plan(2, training.stage2, training.gan, weighed=True, frozen=training.freeze_encoder, warming=False)
    return [plan for plan in (first, second) if plan.settings.steps and not (training.start and plan is first)]


def learning_rate(stage: Stage, step: int, full: float) -> float:
    """A tenth from `decay_at` on, and rising from zero over the first `warmup` steps."""
    rising = min(1.0, (step + 1) / stage.warmup) if stage.warmup else 1.0
    return full * rising * (0.1 if stage.decay_at and step >= stage.decay_at else 1.0)


class Learner:
    """Networks, optimisers and running means of one stage, on one process' device."""

    def __init__(self, config: Config, plan: Plan, processes: Processes) -> None:
        self.config, self.plan, self.processes = config, plan, processes
        device = processes.device
        torch.manual_seed(config.training.seed * 2 + plan.number)  # of the first weights; nothing else is drawn from it
        self.codec = _placed(Codec(config.model), device)
        self.discriminator = _placed(Discriminator(config.model, config.discriminator), device) if plan.gan else None
        name = config.loss.perceptual
        self.distance = None if name == "none" else _placed(perceptual.distance(name), device).eval()
        self.mean_generator = copy.deepcopy(self.codec.generator) if config.training.ema else None
        self.usual = torch.zeros(3, dtype=torch.float64)
        if plan.frozen:
            for part in FROZEN:
                getattr(self.codec, part).requires_grad_(requires_grad=False)
        self.optimisers = dict(self._optimisers())
        if config.training.compile:
            self._compile()

    def start_from(self, tensors: dict[str, Tensor]) -> None:
        """Take over the codec of an earlier stage; optimisers stay fresh."""
        self.codec.load_state_dict(tensors)
        if self.mean_generator is not None:
            self.mean_generator.load_state_dict(self.codec.generator.state_dict())

    def discriminate(self, batch: Batch, step: int) -> Judged:
        """The discriminator's step, on what the codec makes of a batch of its own."""
        assert self.discriminator is not None  # noqa: S101 - asked for by those stages only that have one
        pixels, noise = self._brought(batch)
        with torch.no_grad(), self._autocast():
            output = self.codec(pixels, noise)
        with self._autocast():
            real, fake = self.discriminator.both(pixels, output.pixels.float(), output.latent)
        loss = losses.discriminator_loss(real, fake)
        self._descend(loss, {"discriminator": self.config.training.discriminator_learning_rate}, step)
        with torch.no_grad():
            right = ((real > 0).float().mean() + (fake < 0).float().mean()) / 2
            seen = torch.stack([loss, real.float().sigmoid().mean(), fake.float().sigmoid().mean(), right])
        judged = Judged(*self.processes.mean(seen.detach()).tolist())
        _refuse_not_finite(judged._asdict(), step)
        return judged

    def improve(self, batch: Batch, w: Tensor, step: int) -> Values:
        """The codec's step; w (B,) is mapped already."""
        pixels, noise = self._brought(batch)
        with self._autocast():
            output = self.codec(pixels, noise)
            decoded = output.pixels.float()
            terms = self._terms(pixels, decoded, output.latent)
        parts = (output.coded_bpp, output.noisy_bpp, *terms)
        means = self.processes.mean(torch.stack([part.detach().mean().float() for part in parts])).tolist()
        weight = self._rate_weight(step, means[0])
        values = Values(means[0], means[1], means[2], means[3], means[4], weight)
        _refuse_not_finite(values._asdict(), step)
        weighed = losses.distortion(terms, w.to(pixels), self.config.loss, self._usual(means[2:]))
        loss = (weight * output.noisy_bpp + weighed).mean()
        settings = self.plan.settings
        rates = {"transforms": settings.learning_rate, "density": settings.learning_rate}
        self._descend(loss, {name: rate for name, rate in rates.items() if name in self.optimisers}, step)
        if "quantiles" in self.optimisers:
            auxiliary = self.codec.hyper_prior.auxiliary_loss()
            self._descend(auxiliary, {"quantiles": self.config.training.auxiliary_learning_rate}, step)
        self._follow()
        return values

    @torch.no_grad()
    def reconstruct(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Decoded pixels (n, 3, H, W) in [0, 1] and bits per pixel (n,), image by image, on the processor."""
        found = []
        for image in pixels:
            decoded, bpp = self.codec.reconstruct(self._on_device(image[None]), self.mean_generator)
            found.append((decoded.clamp(0, 1).float().cpu(), bpp.cpu()))
        return torch.cat([decoded for decoded, _ in found]), torch.cat([bpp for _, bpp in found])

    @torch.no_grad()
    def distances(self, pixels: Tensor, decoded: Tensor) -> Tensor | None:
        """The perceptual distance of each image (n,), where the loss has one."""
        if self.distance is None:
            return None
        pairs = zip(pixels, decoded, strict=True)
        return torch.cat([self.distance(*(self._on_device(one[None]) for one in pair)).cpu() for pair in pairs])

    def exported(self) -> Codec:
        """The codec with the generator that is evaluated."""
        found = copy.deepcopy(self.codec).cpu().to(memory_format=torch.contiguous_format)
        if self.mean_generator is not None:
            found.generator.load_state_dict(self.mean_generator.state_dict())
        return found

    def tensors(self) -> dict[str, Tensor]:
        """All that a run needs to go on from here, by name."""
        found = {
            f"{part}.{name}": value
            for part, network in self._networks()
            for name, value in network.state_dict().items()
        }
        found["usual"] = self.usual
        for name, optimiser in self.optimisers.items():
            for index, state in optimiser.state_dict()["state"].items():
                found |= {f"optimiser.{name}.{index}.{key}": value for key, value in state.items()}
        return {name: value.detach().cpu().contiguous() for name, value in found.items()}

    def restore(self, tensors: dict[str, Tensor]) -> None:
        """Go on from what `tensors` gave."""
        for part, network in self._networks():
            network.load_state_dict(below(part, tensors))
        self.usual = tensors["usual"]
        for name, optimiser in self.optimisers.items():
            _restore(optimiser, below(f"optimiser.{name}", tensors))

    def _networks(self) -> Iterator[tuple[str, nn.Module]]:
        yield "codec", self.codec
        if self.discriminator is not None:
            yield "discriminator", self.discriminator
        if self.mean_generator is not None:
            yield "mean_generator", self.mean_generator

    def _optimisers(self) -> Iterator[tuple[str, Adam]]:
        groups: dict[str, list[nn.Parameter]] = {"transforms": [], "density": [], "quantiles": []}
        for name, parameter in self.codec.named_parameters():
            if parameter.requires_grad:
                in_prior = "density" if name.startswith("hyper_prior.") else "transforms"
                groups["quantiles" if name.endswith("quantiles") else in_prior].append(parameter)
        if self.discriminator is not None:
            groups["discriminator"] = list(self.discriminator.parameters())
        fused = self.processes.device.type == "cuda" and not self.config.training.deterministic
        yield from ((name, Adam(group, fused=fused)) for name, group in groups.items() if group)

    def _descend(self, loss: Tensor, rates: dict[str, float], step: int) -> None:
        """A step of the optimisers named in `rates`; the gradients of everything else stay as they are: none."""
        optimisers = [self.optimisers[name] for name in rates]
        parameters = [one for optimiser in optimisers for group in optimiser.param_groups for one in group["params"]]
        for optimiser in optimisers:
            optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        self.processes.average_gradients(parameters)
        if self.config.training.clip and "quantiles" not in rates:
            nn.utils.clip_grad_norm_(parameters, self.config.training.clip)
        for optimiser, full in zip(optimisers, rates.values(), strict=True):
            optimiser.param_groups[0]["lr"] = learning_rate(self.plan.settings, step, full)
            optimiser.step()

    def _terms(self, pixels: Tensor, decoded: Tensor, latent: Tensor) -> Terms:
        mse = losses.squared_error(pixels, decoded)
        distance = torch.zeros_like(mse) if self.distance is None else self.distance(pixels, decoded)
        return Terms(mse, distance, self._realism(decoded, latent) if self.discriminator else torch.zeros_like(mse))

    def _realism(self, decoded: Tensor, latent: Tensor) -> Tensor:
        """The GAN term (B,), through a discriminator that gathers no gradients meanwhile."""
        assert self.discriminator is not None  # noqa: S101 - asked for above
        self.discriminator.requires_grad_(requires_grad=False)
        try:
            return losses.realism(self.discriminator(decoded, latent))
        finally:
            self.discriminator.requires_grad_(requires_grad=True)

    def _rate_weight(self, step: int, bpp: float) -> float:
        rate = self.config.rate
        return losses.rate_weight(rate, step if self.plan.warming else rate.warmup_steps, bpp)

    def _usual(self, terms: list[float]) -> Terms:
        """Running means of the terms, brought up to date."""
        now = torch.tensor(terms, dtype=torch.float64)
        self.usual = RECENT * self.usual + (1 - RECENT) * now if self.usual.any() else now
        return Terms(*self.usual.float().to(self.processes.device))

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the mean generator follow the learning one."""
        if self.mean_generator is None:
            return
        for mean, now in zip(self.mean_generator.parameters(), self.codec.generator.parameters(), strict=True):
            mean.lerp_(now, 1 - self.config.training.ema)

    def _brought(self, batch: Batch) -> tuple[Tensor, Noise]:
        device = self.processes.device
        noise = Noise(*(part.to(device, non_blocking=True) for part in batch.noise))
        return self._on_device(batch.pixels).float() / 255, noise

    def _on_device(self, images: Tensor) -> Tensor:
        return images.to(self.processes.device, non_blocking=True, memory_format=torch.channels_last)

    def _autocast(self) -> AbstractContextManager[None]:
        return torch.autocast(self.processes.device.type, torch.bfloat16, enabled=self.config.training.bf16)

    def _compile(self) -> None:
        for network in (self.codec.encoder, self.codec.generator, self.distance, self.discriminator):
            if network is not None:
                network.compile()


def below(prefix: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors whose names begin with a prefix and a dot, without those."""
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}


def _placed(network: Network, device: torch.device) -> Network:
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network


def _restore(optimiser: Adam, tensors: dict[str, Tensor]) -> None:
    """Put an optimiser's state back, laid out in memory as its parameters are, so that sums round alike."""
    parameters = optimiser.param_groups[0]["params"]
    state: dict[int, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        index, key = name.split(".")
        parameter = parameters[int(index)]
        laid = value if key == "step" else torch.empty_like(parameter).copy_(value)
        state.setdefault(int(index), {})[key] = laid
    whole = optimiser.state_dict()
    optimiser.load_state_dict({**whole, "state": state})


def _refuse_not_finite(values: dict[str, float], step: int) -> None:
    for name, value in values.items():
        if not abs(value) < float("inf"):
            remedy = "go on from the last checkpoint with --resume and a lower learning rate, or training.clip=1.0"
            raise Refusal(f"Training stopped at step {step}, where {name} is {value}; {remedy}.")
