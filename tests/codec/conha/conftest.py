"""Tiny frozen models, random but fit to be coded with: each latent's scale is near what its channel needs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from codec.conha import checkpoint, config
from codec.conha.model import Codec

CARD = checkpoint.Card(
    data="none: random weights",
    steps=0,
    crops=0,
    seeds=(0,),
    hardware="any",
    w="one",
    simulated=False,
    licence="CC0-1.0",
)


def spread(numbers: torch.Tensor) -> torch.Tensor:
    """The mean over channels of each one's standard deviation."""
    return numbers.std((0, 2, 3)).mean()


def random_codec(seed: int = 0, base: int = 2, blocks: int = 0) -> tuple[Codec, config.Config]:
    """A codec whose latents spread by several steps, and whose scales know by how many."""
    torch.manual_seed(seed)
    settings = config.Config(name="tiny", model=config.Model(base=base, latent=2 * base, hyper=2 * base, blocks=blocks))
    codec = Codec(settings.model).eval()
    with torch.no_grad():
        pixels = torch.rand(1, 3, 256, 256)
        codec.encoder.trunk.weight *= 4 / spread(codec.encoder(pixels))
        latent = codec.encoder(pixels)
        codec.hyper_analysis.layers[-1].weight *= 4 / spread(codec.hyper_analysis(latent))
        hyper = codec.hyper_analysis(latent)
        for network, to in ((codec.hyper_scales, latent.std((0, 2, 3))), (codec.hyper_means, latent.mean((0, 2, 3)))):
            network.last.weight *= 0.5 / spread(network(hyper))
            network.last.bias += to - network(hyper).mean((0, 2, 3))
    return codec, settings


def frozen(folder: Path, seed: int = 0, **widths: int) -> checkpoint.Frozen:
    codec, settings = random_codec(seed, **widths)
    path = folder / f"tiny{seed}.safetensors"
    path.write_bytes(checkpoint.freeze(codec, settings, CARD))
    return checkpoint.load(path)


@pytest.fixture(scope="session")
def folder_of_models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def model(folder_of_models: Path) -> checkpoint.Frozen:
    return frozen(folder_of_models)


@pytest.fixture(scope="session")
def other_model(folder_of_models: Path) -> checkpoint.Frozen:
    return frozen(folder_of_models, seed=1)


@pytest.fixture(scope="session")
def noise() -> Callable[..., NDArray[np.uint8]]:
    def make(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)

    return make
