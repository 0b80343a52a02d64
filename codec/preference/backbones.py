"""Pretrained networks that turn a crop into features: the only file at torchvision's and timm's backbones.

A backbone's last feature map, averaged over the crop. Nothing is resized: how fine a texture is on the screen is part
of what people judged. Weights are files below TORCH_HOME whose names end in the first eight digits of their SHA-256,
as torchvision names them; they are checked, read as plain tensors, and never fetched from here.
"""

import hashlib
import importlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from codec.errors import Refusal, listing

TORCHVISION = (
    *("resnet50", "resnet18", "resnet34", "resnet101", "squeezenet1_1", "squeezenet1_0", "mobilenet_v3_small"),
    *("mobilenet_v3_large", "efficientnet_b0", "convnext_tiny", "alexnet", "vgg16"),
)
UNTRAINED = "+untrained"
"""Ends the name of a backbone with weights drawn by a seed: for tests and comparisons, and said in every result."""
COPIES = {
    # the published squeezenet1_1, rounded to half precision
    "squeezenet1_1-b8a52dc0.pth": ("2aa586b2d73c36f468716d4fd1a2dbd44ff26ba4576442f0a751271e36087034",),
}
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NEEDS_TIMM = "install timm with pip install -r codec/requirements-timm.txt"


@dataclass(frozen=True)
class Weights:
    """A checked file of weights; `file` and `sha256` are empty for untrained ones."""

    file: str
    sha256: str


class Backbone(nn.Module):
    """Images (B, 3, H, W) with values in [0, 1] to features (B, `width`); in evaluation mode, without gradients."""

    mean: Tensor
    deviation: Tensor

    def __init__(self, name: str, network: nn.Module, weights: Weights, normal: tuple[Any, Any] = IMAGENET) -> None:
        super().__init__()
        self.name, self.network, self.weights = name, network, weights
        self.register_buffer("mean", torch.tensor(normal[0])[:, None, None], persistent=False)
        self.register_buffer("deviation", torch.tensor(normal[1])[:, None, None], persistent=False)
        self.requires_grad_(requires_grad=False).eval()
        with torch.no_grad():
            self.width = self(torch.zeros(1, 3, 64, 64)).shape[1]

    def forward(self, images: Tensor) -> Tensor:
        """Means over the crop of the last feature map."""
        found: Tensor = self.network((images - self.mean) / self.deviation)
        return found.mean((2, 3)) if found.ndim == 4 else found

    @property
    def parameters_count(self) -> int:
        """How many numbers it has learned."""
        return sum(parameter.numel() for parameter in self.network.parameters())

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.mean.device


def load(name: str, sha256: str | None = None) -> Backbone:
    """The backbone of a name: torchvision's, `timm/NAME`, either with `+untrained` behind it.

    `sha256`: a fitted model's weights; others are refused, since its head would not fit them.

    Raises:
        Refusal: no such backbone, a file of weights is missing or another one, timm is not installed.
    """
    plain = name.removesuffix(UNTRAINED)
    trained = name == plain
    build = _timm if plain.startswith("timm/") else _torchvision
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        found = build(name, plain, trained=trained)
    if sha256 is not None and found.weights.sha256 != sha256:
        raise Refusal(
            f"The model was fitted on {name} with weights of SHA-256 {sha256[:16]}..., but {found.weights.file} has"
            f" {found.weights.sha256[:16]}...; put the same file there."
        )
    return found


def _torchvision(name: str, plain: str, *, trained: bool) -> Backbone:
    if plain not in TORCHVISION:
        raise Refusal(f"'{name}' is no backbone here; choose from {', '.join(TORCHVISION)}, or timm/NAME.")
    import torchvision.models

    network = torchvision.models.get_model(plain, weights=None)
    weights = Weights("", "")
    if trained:
        urls = [str(entry.value.url) for entry in torchvision.models.get_model_weights(plain)]
        path, weights = _published(plain, [url.rpartition("/")[2] for url in urls], f"from {' or '.join(urls)}")
        _fill(network, _tensors(path), path)
    return Backbone(name, _features(network), weights)


def _features(network: Any) -> nn.Module:
    """The network up to its last feature map."""
    if hasattr(network, "features"):
        features: nn.Module = network.features
        return features
    names = ("conv1", "bn1", "relu", "maxpool", "layer1", "layer2", "layer3", "layer4")  # a ResNet
    return nn.Sequential(*(getattr(network, part) for part in names))


def _timm(name: str, plain: str, *, trained: bool) -> Backbone:
    try:
        timm = importlib.import_module("timm")
    except ImportError:
        raise Refusal(f"The backbone '{name}' needs timm; {NEEDS_TIMM}, or choose one of torchvision's.") from None
    short = plain.removeprefix("timm/")
    if not timm.is_model(short):
        near = listing(timm.list_models(f"*{short.partition('.')[0][:8]}*"))
        raise Refusal(f"timm knows no model '{short}'{f'; it has {near}' if near else ''}.")
    network = timm.create_model(short, pretrained=False, num_classes=0)
    weights, normal = Weights("", ""), timm.data.resolve_data_config({}, model=network)
    if trained:
        named = re.compile(rf"{re.escape(short)}-[0-9a-f]{{8}}\.(safetensors|pth)")
        files = [path.name for path in sorted(_folder().glob(f"{short}-*")) if named.fullmatch(path.name)]
        get = f"as {short}-DIGITS.safetensors, DIGITS being the first eight of its SHA-256, from its timm page"
        path, weights = _published(short, files or [f"{short}-DIGITS.safetensors"], get)
        tensors = {part: value for part, value in _tensors(path).items() if part in network.state_dict()}
        _fill(network, tensors, path)
    return Backbone(name, network, weights, (normal["mean"], normal["std"]))


def _folder() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _published(backbone: str, files: list[str], get: str) -> tuple[Path, Weights]:
    """The newest published file that is there, checked."""
    there = [_folder() / file for file in reversed(files) if (_folder() / file).is_file()]
    if not there:
        raise Refusal(
            f"The backbone {backbone} needs {' or '.join(files)} in {_folder()}; get it {get} and put it there, or name"
            f" the folder above hub/checkpoints in TORCH_HOME."
        )
    path = there[0]
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    digits = path.stem.rpartition("-")[2]
    if not sha256.startswith(digits) and sha256 not in COPIES.get(path.name, ()):
        raise Refusal(f"{path} is not what its name says (its SHA-256 begins with {sha256[:8]}); get it {get}.")
    return path, Weights(path.name, sha256)


def _tensors(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        return load_file(path)
    found: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return found


def _fill(network: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    try:
        network.load_state_dict(tensors)
    except RuntimeError as failure:
        raise Refusal(f"{path} does not hold this network's weights ({str(failure).splitlines()[0]}).") from None
