"""A fitted preference model: its file, and pictures in, logits of w out.

The file is safetensors: `weight` (features,) and `bias` (1,) of the head that learned from all labels, `fold_weights`
(folds, features) and `fold_biases` (folds,) of those that cross-validation fitted, double precision; its metadata holds
the card. A source that has labels is given the w of the head that has not seen it.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import safetensors
import safetensors.numpy
import torch
from torch import Tensor, nn

from codec.errors import Refusal
from codec.preference.backbones import Backbone, load
from codec.preference.card import FORMAT, Card
from codec.preference.head import Head
from codec.preference.labels import Floats
from codec.preference.leakage import Fingerprint, alike

KEY = "preference"
UNSEEN = -1
"""The fold of what has no labels: the head that learned from all of them."""


@dataclass(frozen=True)
class Heads:
    """All heads of a file: row 0 learned from all labels, row 1 + k from all but fold k."""

    weights: Floats
    biases: Floats

    @classmethod
    def of(cls, whole: Head, folds: Sequence[Head]) -> "Heads":
        """Of fitted heads."""
        heads = [whole, *folds]
        return cls(np.stack([head.weight for head in heads]), np.array([head.bias for head in heads]))

    def logits(self, features: Floats, fold: int = UNSEEN) -> Floats:
        """Of features (crops, width), by the head that has not seen the fold."""
        return np.asarray(features @ self.weights[fold + 1] + self.biases[fold + 1])


@dataclass(frozen=True)
class Model:
    """A file that was read: its path and SHA-256, card and heads."""

    path: Path
    sha256: str
    card: Card
    heads: Heads

    def fold_of(self, prints: Sequence[Fingerprint]) -> list[int]:
        """For each picture the fold of the source that it is or looks like, `UNSEEN` where it is none of them."""
        trained = [Fingerprint(source.sha256, source.looks) for source in self.card.sources]
        if not prints or not trained:
            return [UNSEEN] * len(prints)
        return [self.card.sources[int(row.argmax())].fold if row.any() else UNSEEN for row in alike(prints, trained)]

    @property
    def trained(self) -> list[Fingerprint]:
        """The sources that it learned from."""
        return [Fingerprint(source.sha256, source.looks) for source in self.card.sources]

    def backbone(self) -> Backbone:
        """The network that it needs, with the very weights that it was fitted on. Raises Refusal where they are not."""
        return load(self.card.backbone, self.card.weights_sha256)


class Weigher(nn.Module):
    """Images to w inside a training loop: frozen, without gradients, on the device that it is brought to."""

    weights: Tensor
    biases: Tensor

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.backbone = model.backbone()
        self.register_buffer("weights", torch.from_numpy(model.heads.weights).float())
        self.register_buffer("biases", torch.from_numpy(model.heads.biases).float())

    @torch.no_grad()
    def forward(self, images: Tensor, fold: Tensor | None = None) -> Tensor:
        """Images (B, 3, H, W) in [0, 1] to w (B,); `fold` (B,) names the fold of each image's source, -1 for none."""
        with torch.autocast(images.device.type, enabled=False):
            features = self.backbone(images.float())
            row = torch.zeros(len(images), dtype=torch.long) if fold is None else fold.long() + 1
            row = row.to(features.device)
            return torch.sigmoid((features * self.weights[row]).sum(1) + self.biases[row])


def packed(heads: Heads, card: Card) -> bytes:
    """The file's bytes; the same heads and card give the same."""
    tensors = {
        "weight": heads.weights[0].copy(),
        "bias": heads.biases[:1].copy(),
        "fold_weights": heads.weights[1:].copy(),
        "fold_biases": heads.biases[1:].copy(),
    }
    return safetensors.numpy.save(tensors, {KEY: msgspec.json.encode(card).decode()})


def read(path: Path) -> Model:
    """Read a model's file.

    Raises:
        Refusal: it is not there, damaged, or something else.
    """
    remedy = "make one with `codec preference fit`"
    try:
        data = path.read_bytes()
        tensors = safetensors.numpy.load(data)
        with safetensors.safe_open(path, "numpy") as file:
            text = (file.metadata() or {}).get(KEY)
    except OSError as failure:
        raise Refusal(f"{path} cannot be read ({failure.strerror}); {remedy}.") from None
    except safetensors.SafetensorError:
        raise Refusal(f"{path} is damaged, or no model of preference; get it again, or {remedy}.") from None
    if text is None:
        raise Refusal(f"{path} is a safetensors file, but no model of preference; {remedy}.")
    try:
        card = msgspec.json.decode(text, type=Card)
    except msgspec.MsgspecError as failure:
        raise Refusal(f"{path} has a card that is not read here ({failure}); {remedy}.") from None
    return Model(path, hashlib.sha256(data).hexdigest(), card, _heads(path, card, tensors))


def _heads(path: Path, card: Card, tensors: dict[str, Floats]) -> Heads:
    shapes = {
        "weight": (card.width,),
        "bias": (1,),
        "fold_weights": (card.folds, card.width),
        "fold_biases": (card.folds,),
    }
    found = {name: tensor.shape for name, tensor in tensors.items()}
    finite = all(tensor.dtype == np.float64 and np.isfinite(tensor).all() for tensor in tensors.values())
    folds = all(source.fold < card.folds for source in card.sources)
    if card.format != FORMAT or found != shapes or not finite or not folds:
        raise Refusal(f"{path} is a model of another kind, or damaged; make one with `codec preference fit`.")
    weights = np.vstack([tensors["weight"][None], tensors["fold_weights"]])
    return Heads(weights, np.concatenate([tensors["bias"], tensors["fold_biases"]]))
