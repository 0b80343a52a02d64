"""How different two images look, by pretrained features: LPIPS and DISTS, the only file at their weights.

LPIPS (Zhang et al., "The unreasonable effectiveness of deep features as a perceptual metric", 2018, version 0.1):
features of each layer, normalised at each pixel, squared differences weighed by channel, means over pixels, summed.
DISTS (Ding et al., "Image quality assessment: unifying structure and texture similarity", 2020): means, variances and
covariances of each channel over the whole image, weighed by channel.

The weights of channels come with the packages `lpips` and `DISTS-pytorch`; the features' weights are files as
torchvision names them, below TORCH_HOME, checked by their hash and never fetched from here.
"""

import hashlib
import importlib.util
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.errors import Refusal

EPSILON = 1e-8
"""Inside LPIPS' root: the package has its own outside, and so no gradient where all features are 0 (flat crops)."""


@dataclass(frozen=True)
class Backbone:
    """A network of torchvision's, the layers after which its features are taken, and its published weights."""

    network: str
    taps: tuple[int, ...]
    file: str
    sha256: str  # begins with these digits
    copies: tuple[str, ...] = ()  # other known files, whole


BACKBONES = {
    "alex": Backbone("alexnet", (1, 4, 7, 9, 11), "alexnet-owt-7be5be79.pth", "7be5be79"),
    "vgg": Backbone("vgg16", (3, 8, 15, 22, 29), "vgg16-397923af.pth", "397923af"),
    "squeeze": Backbone(
        "squeezenet1_1",
        (1, 4, 7, 9, 10, 11, 12),
        "squeezenet1_1-b8a52dc0.pth",
        "b8a52dc0",
        # the published weights rounded to half precision
        ("2aa586b2d73c36f468716d4fd1a2dbd44ff26ba4576442f0a751271e36087034",),
    ),
}


class Distance(nn.Module, ABC):
    """Images (B, 3, H, W) with values in [0, 1], original and decoded, to their distance (B,), 0 where equal.

    `name` goes into every result. Nothing in it is learned. Under autocast only the features follow it.
    """

    name: str

    def forward(self, pixels: Tensor, decoded: Tensor) -> Tensor:
        """The distance; its gradient reaches the decoded images only, and is finite for any two images."""
        with torch.no_grad():
            of_pixels = self.features(pixels)
        pairs = zip(of_pixels, self.features(decoded), strict=True)
        with torch.autocast(pixels.device.type, enabled=False):
            return self.compare([(one.float(), other.float()) for one, other in pairs])

    @abstractmethod
    def features(self, images: Tensor) -> list[Tensor]:
        """Of each layer, (B, C, h, w)."""

    @abstractmethod
    def compare(self, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Each layer's features of originals and decoded images to the distance (B,)."""


class Lpips(Distance):
    """LPIPS on a stack of layers; `heads` weigh the channels of the layers named by `taps`."""

    shift: Tensor
    scale: Tensor

    def __init__(self, name: str, layers: nn.Sequential, taps: tuple[int, ...], heads: list[Tensor]) -> None:
        super().__init__()
        self.name, self.taps = name, taps
        self.layers = layers[: taps[-1] + 1]
        self.register_buffer("shift", torch.tensor([-0.030, -0.088, -0.188])[:, None, None], persistent=False)
        self.register_buffer("scale", torch.tensor([0.458, 0.448, 0.450])[:, None, None], persistent=False)
        for place, head in enumerate(heads):
            self.register_buffer(f"head{place}", head.reshape(-1, 1, 1), persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """After the layers of `taps`; images are brought to [-1, 1] and to the features' training statistics."""
        found = []
        passed = (2 * images - 1 - self.shift) / self.scale
        for place, layer in enumerate(self.layers):
            passed = layer(passed)
            if place in self.taps:
                found.append(passed)
        return found

    def compare(self, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
        """Sum over layers of the mean over pixels of weighed squared differences."""
        total = torch.zeros((), device=layers[0][0].device)
        for place, (originals, decoded) in enumerate(layers):
            squares = (_unit(originals) - _unit(decoded)).square()
            total = total + (squares * self.get_buffer(f"head{place}")).sum(1).mean((1, 2))
        return total


class Dists(Distance):
    """DISTS on VGG-16, whose maximum pooling gives way to a Hann-windowed root of squares; pixels are a layer too."""

    name = "dists"
    alpha: Tensor
    beta: Tensor
    window: Tensor
    mean: Tensor
    deviation: Tensor

    def __init__(self, layers: nn.Sequential, alpha: Tensor, beta: Tensor) -> None:
        super().__init__()
        self.taps = BACKBONES["vgg"].taps
        self.layers = layers[: self.taps[-1] + 1]
        whole = alpha.sum() + beta.sum()
        self.register_buffer("alpha", (alpha / whole).reshape(-1), persistent=False)
        self.register_buffer("beta", (beta / whole).reshape(-1), persistent=False)
        hann = torch.tensor(np.hanning(5)[1:-1], dtype=torch.float32)
        self.register_buffer("window", torch.outer(hann, hann) / hann.sum() ** 2, persistent=False)
        self.register_buffer("mean", torch.tensor([0.485, 0.456, 0.406])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor([0.229, 0.224, 0.225])[:, None, None], persistent=False)

    def features(self, images: Tensor) -> list[Tensor]:
        """The pixels themselves, and the last features before each pooling."""
        found = [images]
        passed = (images - self.mean) / self.deviation
        for place, layer in enumerate(self.layers):
            passed = self._pooled(passed) if isinstance(layer, nn.MaxPool2d) else layer(passed)
            if place in self.taps:
                found.append(passed)
        return found

    def compare(self, layers: list[tuple[Tensor, Tensor]]) -> Tensor:
        """One less the weighed similarity of means (alpha) and of structure (beta)."""
        similarity, widths = torch.zeros((), device=layers[0][0].device), [one.shape[1] for one, _ in layers]
        weights = zip(torch.split(self.alpha, widths), torch.split(self.beta, widths), strict=True)
        for (one, other), (alpha, beta) in zip(layers, weights, strict=True):
            means = one.mean((2, 3)), other.mean((2, 3))
            away = [part - mean[..., None, None] for part, mean in zip((one, other), means, strict=True)]
            spread = sum(part.square().mean((2, 3)) for part in away)
            together = (away[0] * away[1]).mean((2, 3))
            texture = (2 * means[0] * means[1] + 1e-6) / (means[0].square() + means[1].square() + 1e-6)
            structure = (2 * together + 1e-6) / (spread + 1e-6)
            similarity = similarity + (alpha * texture + beta * structure).sum(1)
        return 1 - similarity

    def _pooled(self, features: Tensor) -> Tensor:
        channels = features.shape[1]
        window = self.window.to(features.dtype).expand(channels, 1, 3, 3)
        return (functional.conv2d(features.square(), window, stride=2, padding=1, groups=channels) + 1e-12).sqrt()


def distance(name: str) -> Distance:
    """The distance of a config's `loss.perceptual`, on the processor, in evaluation mode.

    `lpips_random` has untrained features and is no metric: it exists for tests, and its name says so in every result.

    Raises:
        Refusal: a file of weights is not there, or is not the published one.
    """
    if name == "lpips_random":
        found: Distance = _random()
    elif name == "dists":
        weights = _package_file("DISTS_pytorch", "weights.pt")
        found = Dists(_layers("vgg", name), weights["alpha"], weights["beta"])
    else:
        backbone = name.removeprefix("lpips_")
        heads = _package_file("lpips", f"weights/v0.1/{backbone}.pth")
        found = Lpips(
            name,
            _layers(backbone, name),
            BACKBONES[backbone].taps,
            [heads[f"lin{n}.model.1.weight"] for n in range(len(heads))],
        )
    return found.requires_grad_(requires_grad=False).eval()


def _unit(features: Tensor) -> Tensor:
    return features / (features.square().sum(1, keepdim=True) + EPSILON).sqrt()


def _layers(backbone: str, metric: str) -> nn.Sequential:
    """Torchvision's features with their published weights."""
    import torchvision.models

    published = BACKBONES[backbone]
    tensors = _published(published, metric)
    with torch.device("meta"):  # VGG's other layers are large, and not needed
        layers: nn.Sequential = getattr(torchvision.models, published.network)(weights=None).features
    weights = {name.removeprefix("features."): weight for name, weight in tensors.items() if "features." in name}
    layers.load_state_dict(weights, assign=True)
    for layer in layers.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False  # it would write over features that are compared later
    return layers


def _published(backbone: Backbone, metric: str) -> dict[str, Tensor]:
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    path = folder / backbone.file
    source = f"https://download.pytorch.org/models/{backbone.file}"
    if not path.is_file():
        raise Refusal(
            f"`{metric}` needs {backbone.file}, which is not in {folder}; get it from {source} and put it there,"
            f" or name the folder above hub/checkpoints in TORCH_HOME, or set loss.perceptual to another metric."
        )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    if not sha256.startswith(backbone.sha256) and sha256 not in backbone.copies:
        raise Refusal(f"{path} is not the published file (its SHA-256 begins with {sha256[:8]}); get it from {source}.")
    return _tensors(path)


def _package_file(package: str, file: str) -> dict[str, Tensor]:
    """A small file of weights out of an installed package, without importing that."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise Refusal(f"The package {package.replace('_', '-')} is not installed; install codec/requirements.txt.")
    return _tensors(Path(spec.origin).parent / file)


def _tensors(path: Path) -> dict[str, Tensor]:
    found: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    return {name: tensor.detach() for name, tensor in found.items()}


def _random() -> Lpips:
    """Three small layers with weights drawn once and for all."""
    generator = torch.Generator().manual_seed(0)
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 8), (8, 12), (12, 16)):
        layer = nn.Conv2d(inputs, outputs, 3, stride=2, padding=1)
        layer.weight.data = torch.randn(layer.weight.shape, generator=generator) * (2 / (9 * inputs)) ** 0.5
        layer.bias = None
        layers += [layer, nn.ReLU()]
    heads = [torch.rand(width, generator=generator) for width in (8, 12, 16)]
    return Lpips("lpips_random", nn.Sequential(*layers), (1, 3, 5), heads)
