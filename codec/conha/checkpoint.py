"""A model that files are coded with: one safetensors file of weights, tables, whole-number scales, settings and card.

Nothing in it is computed anew by those who decode. What a decoder needs is rounded to its stored type first, and the
medians, tables and whole numbers are made afterwards, once; `identity` is the SHA-256 of just that part, and the first
8 bytes of it stand in every coded file. Another encoder for the same decoder leaves the identity as it is, and so does
another word on the card.
"""

import copy
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from codec.conha.config import Config, Model
from codec.conha.entropy import LEVELS, HyperPrior, Tables, gaussian_tables, scale_table
from codec.conha.model import Codec
from codec.conha.networks import Encoder, Generator, HyperAnalysis, HyperSynthesis
from codec.conha.scales import WholeScales
from codec.errors import Refusal

FORMAT = "conha-model-1"
NETWORKS: dict[str, type[nn.Module]] = {
    "encoder": Encoder, "generator": Generator, "hyper_analysis": HyperAnalysis, "hyper_means": HyperSynthesis,
}  # fmt: skip
FOR_ENCODING_ONLY = ("encoder.", "hyper_analysis.", "density.")
LIMITS = "It hallucinates: detail may be invented, so it is not for documents, medicine or evidence."
TYPES = {torch.float16: "F16", torch.float32: "F32", torch.int32: "I32", torch.int64: "I64"}

Text = Annotated[str, msgspec.Meta(max_length=2000)]
Count = Annotated[int, msgspec.Meta(ge=0)]


class Card(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What somebody should know before using a model."""

    data: Text  # what it was trained on
    steps: Count
    crops: Count  # seen in training
    seeds: tuple[int, ...]
    hardware: Text
    w: Text  # where the preference came from: "one", a constant, a model with its labels, ...
    simulated: bool  # whether votes behind w were cast by no person
    licence: Text
    limits: Text = LIMITS


class Metadata(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file says of itself beside its tensors."""

    format: str
    identity: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    config: Config
    card: Card

    @property
    def mark(self) -> bytes:
        """What coded files name the model by."""
        return bytes.fromhex(self.identity)[:8]


@dataclass(frozen=True)
class Frozen:
    """A loaded model: networks in single precision without gradients, and what the coder needs."""

    metadata: Metadata
    encoder: Encoder
    generator: Generator
    hyper_analysis: HyperAnalysis
    hyper_means: HyperSynthesis
    density: HyperPrior
    medians: Tensor  # (N,)
    scales: WholeScales
    hyper_tables: Tables
    gaussian_tables: Tables

    def to(self, device: str | torch.device) -> "Frozen":
        """Bring the networks to a device; medians, tables and scales stay on the processor."""
        for network in (self.encoder, self.generator, self.hyper_analysis, self.hyper_means):
            network.to(device)
        return self

    @property
    def device(self) -> torch.device:
        """Where the networks are."""
        return next(self.generator.parameters()).device


def freeze(codec: Codec, config: Config, card: Card, *, half: bool = True) -> bytes:
    """The file of a trained codec, its weights in half or in single precision. The codec stays as it is.

    Raises:
        Refusal: a weight is no finite number, or too large for half precision.
    """
    tensors = _rounded(codec, torch.float16 if half else torch.float32)
    metadata = Metadata(FORMAT, identity(config.model, tensors), config, card)
    _refuse_not_finite(tensors, "The codec")
    text = {"conha": msgspec.json.encode(metadata).decode()}  # one entry: the order of several would be random
    return safetensors.torch.save(tensors, text)


def identity(model: Model, tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of what decides decoding: widths and depths, then each tensor's name, type, shape and bytes, by name."""
    digest = hashlib.sha256(msgspec.json.encode(model) + b"\n")
    for name in sorted(tensors):
        if not name.startswith(FOR_ENCODING_ONLY):
            tensor = tensors[name]
            shape = ",".join(str(size) for size in tensor.shape)
            digest.update(f"{name} {TYPES[tensor.dtype]} {shape}\n".encode())
            digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def read_metadata(path: Path) -> Metadata:
    """What a model's file says of itself, without its tensors.

    Raises:
        Refusal: it is no such file.
    """
    with _opened(path) as file:
        return _metadata(file.metadata(), path)


def load(path: Path) -> Frozen:
    """A model, with every tensor's name, type and shape checked before it is read, and its identity afterwards.

    Raises:
        Refusal: it is no such file, or not as it was written.
    """
    with _opened(path) as file:
        metadata = _metadata(file.metadata(), path)
        _refuse_shapes(file, metadata.config.model, path)
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    if identity(metadata.config.model, tensors) != metadata.identity:
        raise Refusal(f"{path} is not as it was written (its identity differs); get it again.")
    _refuse_not_finite(tensors, str(path))
    return _assembled(metadata, tensors)


def _rounded(codec: Codec, kind: torch.dtype) -> dict[str, Tensor]:
    """All tensors of the file: weights first, then what follows from the hyper-latent's density."""
    tensors = {
        f"{name}.{key}": parameter.detach().cpu().to(kind).contiguous()
        for name in NETWORKS
        for key, parameter in getattr(codec, name).named_parameters()
    }
    prior = copy.deepcopy(codec.hyper_prior).cpu()
    tables, medians = prior.tables(), prior.medians.detach().clone()  # in this order: tables put the medians right
    tensors |= {name: tensor.detach().clone() for name, tensor in _density(prior).items()}
    tensors["medians"] = medians
    scales = WholeScales.rounded(codec.hyper_scales, medians, scale_table())
    parts: dict[str, WholeScales | Tables] = {
        "scales": scales,
        "hyper_tables": tables,
        "gaussian_tables": gaussian_tables(),
    }
    return tensors | {f"{name}.{key}": value for name, part in parts.items() for key, value in part.tensors().items()}


def _density(prior: HyperPrior) -> dict[str, Tensor]:
    """The density's own parameters, by their names in the file; its quantiles only serve to make tables."""
    return {name: value for name, value in prior.named_parameters() if not name.endswith("quantiles")}


def _opened(path: Path) -> Any:
    try:
        return safetensors.safe_open(path, framework="pt")
    except FileNotFoundError:
        raise Refusal(f"{path} does not exist; `codec models` lists what is installed.") from None
    except (safetensors.SafetensorError, OSError) as failure:
        reason = " ".join(str(failure).split())
        raise Refusal(f"{path} is no whole safetensors file ({reason}); get it again.") from None


def _metadata(found: dict[str, str] | None, path: Path) -> Metadata:
    try:
        metadata = msgspec.json.decode((found or {}).get("conha", ""), type=Metadata)
    except (msgspec.MsgspecError, UnicodeEncodeError) as failure:
        raise Refusal(f"{path} is no model of this codec, or of another version ({failure}); choose another.") from None
    if metadata.format != FORMAT:
        raise Refusal(f"{path} is of the format {metadata.format}, and this program reads {FORMAT}.")
    return metadata


def _expected(model: Model, kind: str) -> dict[str, tuple[str, list[int | None]]]:
    """Type and shape of every tensor; None is any length."""
    with torch.device("meta"):
        networks = {name: network(model) for name, network in NETWORKS.items()}
    found: dict[str, tuple[str, list[int | None]]] = {
        f"{name}.{key}": (kind, list(value.shape))
        for name, network in networks.items()
        for key, value in network.named_parameters()
    }
    found |= {name: ("F32", list(value.shape)) for name, value in _density(HyperPrior(model.hyper)).items()}
    found["medians"] = ("F32", [model.hyper])
    for name, rows in (("hyper_tables", model.hyper), ("gaussian_tables", LEVELS)):
        found |= {f"{name}.frequencies": ("I32", [None])}
        found |= {f"{name}.{key}": ("I32", [rows]) for key in ("symbols", "offset")}
    found |= {"scales.offsets": ("I64", [model.hyper]), "scales.thresholds": ("I64", [LEVELS - 1])}
    for layer in WholeScales.NAMES:
        weight = networks["hyper_means"].get_parameter(f"{layer}.weight")
        bias = networks["hyper_means"].get_parameter(f"{layer}.bias")
        found[f"scales.{layer}.weight"] = ("I32", list(weight.shape))
        found[f"scales.{layer}.bias"] = ("I64", list(bias.shape))
        found[f"scales.{layer}.shift"] = ("I64", [])
    return found


def _refuse_shapes(file: Any, model: Model, path: Path) -> None:
    names = set(file.keys())
    some = "generator.head.1.weight"
    kind = file.get_slice(some).get_dtype() if some in names else "F32"
    expected = _expected(model, kind if kind in {"F16", "F32"} else "F32")
    for name in sorted(names ^ set(expected)):
        what = "lacks" if name in expected else "has an unknown tensor"
        raise Refusal(f"{path} {what} `{name}`, so it does not fit its own settings; get it again.")
    for name, (of_type, shape) in expected.items():
        tensor = file.get_slice(name)
        there = tensor.get_shape()
        fits = len(there) == len(shape) and all(b in (None, a) for a, b in zip(there, shape, strict=True))
        if tensor.get_dtype() != of_type or not fits:
            said = f"is {tensor.get_dtype()} {there} and not {of_type} {shape}"
            raise Refusal(f"{path}: the tensor `{name}` {said}; get it again.")


def _refuse_not_finite(tensors: Mapping[str, Tensor], where: str) -> None:
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise Refusal(f"{where} has a weight in `{name}` that is not finite, or too large for half precision.")


def _assembled(metadata: Metadata, tensors: Mapping[str, Tensor]) -> Frozen:
    networks: dict[str, Any] = {}
    for name, kind in NETWORKS.items():
        with torch.device("meta"):
            network = kind(metadata.config.model)
        state = {key: value.float() for key, value in _below(name, tensors).items()}
        network.load_state_dict(state, assign=True)
        networks[name] = network.eval().requires_grad_(requires_grad=False).to(memory_format=torch.channels_last)
    prior = HyperPrior(metadata.config.model.hyper)
    for name, parameter in _density(prior).items():
        parameter.data.copy_(tensors[name])
    return Frozen(
        metadata=metadata,
        density=prior.eval().requires_grad_(requires_grad=False),
        medians=tensors["medians"],
        scales=WholeScales.from_tensors(_below("scales", tensors)),
        hyper_tables=Tables.from_tensors(_below("hyper_tables", tensors)),
        gaussian_tables=Tables.from_tensors(_below("gaussian_tables", tensors)),
        **networks,
    )


def _below(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name[len(prefix) + 1 :]: value for name, value in tensors.items() if name.startswith(f"{prefix}.")}
