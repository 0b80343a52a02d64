"""The scale branch in whole numbers: the same scales, hence the same decoded symbols, wherever it runs.

The entropy decoder needs, for every latent, the very table that the encoder used. A scale that differs in its last bit
may fall on another table, and one wrong table makes garbage of all symbols after it. Floating-point sums depend on
their order, so on threads, libraries and devices; sums of whole numbers do not. So the trained hyper-synthesis of the
scales is rounded to whole numbers once, after training, and everything it computes is a whole number below 2^53,
which float64 holds exactly whatever the order. Idea: Balle, Johnston, Minnen, "Integer networks for data compression
with latent-variable models", 2019.

Fixed point: an activation a stands for a / 2^ACTIVATION_BITS, a weight of a layer for w / 2^shift; products are brought
back by adding half and flooring. Activations are held below 2^MAGNITUDE_BITS.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from codec.conha.networks import HyperSynthesis
from codec.errors import Refusal

ACTIVATION_BITS = 10  # after the point: steps of 0.001, where a table's scales are 13% apart
MAGNITUDE_BITS = 20  # activations stay below 2^20 steps, which is 1024
WEIGHT_BITS = 14  # the largest weight of a layer has so many bits
MOST_SHIFT = 24
EXACT = 2**53  # below it float64 holds every whole number


@dataclass(frozen=True)
class Layer:
    """A layer's whole numbers, in float64: weight as in the network, bias (out,) at the scale of the sums."""

    weight: Tensor
    bias: Tensor
    shift: int

    def check(self, name: str) -> None:
        """Be silent where no sum that the layer can meet reaches 2^53.

        Raises:
            Refusal: one can, or a number is not whole.
        """
        taps = self.weight.abs()
        outputs = 0 if name == "last" else 1  # a deconvolution's weight has its outputs second
        most = taps.sum([dimension for dimension in range(4) if dimension != outputs]) * 2**MAGNITUDE_BITS
        most = most + self.bias.abs() + 2**self.shift
        whole = all(bool(torch.all(numbers == numbers.floor())) for numbers in (self.weight, self.bias))
        if not whole or not bool(torch.all(most < EXACT)):
            raise Refusal(f"The checkpoint's scale branch (layer `{name}`) is not exact in 64 bits; export it again.")


class WholeScales:
    """The hyper-synthesis of scales in whole numbers.

    `thresholds` (levels - 1,) rise: a latent whose number exceeds k of them has the k-th table.
    """

    NAMES = ("first", "second", "last")

    def __init__(self, layers: dict[str, Layer], offsets: Tensor, thresholds: Tensor) -> None:
        self.layers, self.offsets, self.thresholds = layers, offsets, thresholds
        for name, layer in layers.items():
            layer.check(name)

    @property
    def channels(self) -> int:
        """Of the latent."""
        return len(self.layers["last"].bias)

    @classmethod
    def rounded(cls, network: HyperSynthesis, medians: Tensor, table: Iterable[float]) -> "WholeScales":
        """Round a trained network; `medians` (N,) are those of the hyper-latent, `table` the scales of the coder."""
        layers = {name: _rounded(getattr(network, name)) for name in cls.NAMES}
        offsets = torch.round(medians.detach().double().cpu() * 2**ACTIVATION_BITS)
        thresholds = [math.floor(scale * 2**ACTIVATION_BITS) for scale in list(table)[:-1]]
        return cls(layers, offsets, torch.tensor(thresholds, dtype=torch.float64))

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "WholeScales":
        """What `tensors` gave, as a checkpoint keeps it.

        Raises:
            Refusal: the numbers could not be computed with exactly.
        """
        layers = {
            name: Layer(
                tensors[f"{name}.weight"].double(), tensors[f"{name}.bias"].double(), int(tensors[f"{name}.shift"])
            )
            for name in cls.NAMES
        }
        thresholds = tensors["thresholds"].double()
        if not bool(torch.all(thresholds.diff() > 0)) or any(
            not 0 <= each.shift <= MOST_SHIFT for each in layers.values()
        ):
            raise Refusal("The checkpoint's scale branch is not whole; get it again, or export it again.")
        return cls(layers, tensors["offsets"].double(), thresholds)

    def tensors(self) -> dict[str, Tensor]:
        """All numbers, as integers of 32 and 64 bits."""
        found = {"offsets": self.offsets.to(torch.int64), "thresholds": self.thresholds.to(torch.int64)}
        for name, layer in self.layers.items():
            found[f"{name}.weight"] = layer.weight.to(torch.int32)
            found[f"{name}.bias"] = layer.bias.to(torch.int64)
            found[f"{name}.shift"] = torch.tensor(layer.shift)
        return found

    def indexes(self, symbols: Tensor, height: int, width: int) -> Tensor:
        """The table of every latent: (1, N, h, w) whole symbols of the hyper-latent to (1, C, height, width) int32.

        Always on the processor, in one go; 0.2 s for 512 x 768 pixels at HiFiC's widths.
        """
        numbers = self._numbers(symbols.cpu().double())[..., :height, :width].contiguous()
        found: Tensor = torch.bucketize(numbers, self.thresholds, out_int32=True)
        return found

    def scales(self, symbols: Tensor, height: int, width: int) -> Tensor:
        """The same branch as plain scales, float64, before any bound: what the indexes were found from."""
        numbers = self._numbers(symbols.cpu().double())
        return numbers[..., :height, :width] / (1 << ACTIVATION_BITS)

    def _numbers(self, symbols: Tensor) -> Tensor:
        found = symbols * 2**ACTIVATION_BITS + self.offsets[:, None, None]
        found = _held(found)
        for name in ("first", "second"):
            found = _held(torch.relu(_brought_back(self._deconvolved(name, found), self.layers[name].shift)))
        last = self.layers["last"]
        sums: Tensor = functional.conv2d(found, last.weight, last.bias, padding=last.weight.shape[-1] // 2)
        return _brought_back(sums, last.shift)

    def _deconvolved(self, name: str, numbers: Tensor) -> Tensor:
        layer = self.layers[name]
        before = (layer.weight.shape[-1] - 2) // 2
        whole: Tensor = functional.conv_transpose2d(numbers, layer.weight, layer.bias, 2, before)
        return whole[..., : 2 * numbers.shape[-2], : 2 * numbers.shape[-1]]


def _rounded(layer: torch.nn.Module) -> Layer:
    weight, bias = (getattr(layer, name).detach().double().cpu() for name in ("weight", "bias"))
    largest = float(weight.abs().max())
    # As many bits behind the point as leave the largest weight WEIGHT_BITS in all.
    shift = WEIGHT_BITS - (math.floor(math.log2(largest)) + 1 if largest > 0 else 0)
    shift = max(0, min(shift, MOST_SHIFT))
    return Layer(torch.round(weight * 2**shift), torch.round(bias * 2 ** (shift + ACTIVATION_BITS)), shift)


def _brought_back(sums: Tensor, shift: int) -> Tensor:
    """Divide by 2^shift, rounding halves up: exact, for dividing by a power of two only moves the exponent."""
    return torch.floor((sums + 2 ** (shift - 1)) / 2**shift) if shift else sums


def _held(numbers: Tensor) -> Tensor:
    """Within the magnitude that the sums were proved for."""
    most = 2**MAGNITUDE_BITS - 1
    return numbers.clamp(-most, most)
