"""Likelihoods, probability tables and range coding: the only file that touches CompressAI.

The hyper-latent has a learned density a channel (Balle et al., "Variational image compression with a scale
hyperprior", 2018); a latent is Gaussian with mean and scale, convolved with a unit interval, its scale out of a table
(Minnen, Balle, Toderici, 2018). CompressAI's coder is a 64-bit rANS with 16-bit probabilities; a value outside a table
is coded as an escape and four-bit groups.
"""

import math
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from codec.conha.bitstream import FEWEST
from codec.errors import Refusal

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of libraries that CompressAI brings along and nothing here uses
    from compressai import ans
    from compressai.entropy_models import EntropyBottleneck, GaussianConditional

LEAST_SCALE, LARGEST_SCALE, LEVELS = 0.11, 256.0, 64
LEAST_LIKELIHOOD = 1e-9
ONE = 2**16
"""Probability one, as the coder counts."""
BAD_TABLES = "The checkpoint's tables of probabilities are not whole; get it again, or export it again."
LARGEST_SYMBOL = 2**26
"""From 2^27 on the coder never ends: it counts an escape's four-bit groups by shifts of 32 bits and more."""


def scale_table() -> list[float]:
    """The 64 scales that are coded with, evenly spaced in their logarithm from 0.11 to 256."""
    low, high = math.log(LEAST_SCALE), math.log(LARGEST_SCALE)
    return [math.exp(low + (high - low) * level / (LEVELS - 1)) for level in range(LEVELS)]


@dataclass(frozen=True)
class Tables:
    """Quantised cumulative probabilities as the coder takes them: row i counts for index i.

    `cdf` (rows, longest) int32, each row from 0 to 2^16 and then zeros; `length` (rows,) entries of a row that count;
    `offset` (rows,) the value of its first symbol. The last symbol of a row is the escape.
    """

    cdf: Tensor
    length: Tensor
    offset: Tensor

    def tensors(self) -> dict[str, Tensor]:
        """By name, as a checkpoint keeps them: `frequencies` of all symbols, row after row; `symbols` a row."""
        rows = [row[:length].diff() for row, length in zip(self.cdf, self.length.tolist(), strict=True)]
        return {"frequencies": torch.cat(rows), "symbols": self.length - 1, "offset": self.offset}

    @classmethod
    def from_tensors(cls, tensors: dict[str, Tensor]) -> "Tables":
        """What `tensors` gave: int32, one dimension each.

        Raises:
            Refusal: a coder could not work with them.
        """
        frequencies, symbols, offset = (tensors[name] for name in ("frequencies", "symbols", "offset"))
        whole = len(symbols) == len(offset) > 0 and int(symbols.min()) >= 2
        if not whole or int(symbols.long().sum()) != len(frequencies) or int(frequencies.min()) < 1:
            raise Refusal(BAD_TABLES)
        rows = [functional.pad(row.long().cumsum(0), (1, 0)) for row in torch.split(frequencies, symbols.tolist())]
        if any(int(row[-1]) != ONE for row in rows):
            raise Refusal(BAD_TABLES)
        return cls(nn.utils.rnn.pad_sequence(rows, batch_first=True).int(), symbols + 1, offset)

    @cached_property
    def lists(self) -> tuple[list[list[int]], list[int], list[int]]:
        """As the coder's functions take them."""
        lengths = self.length.tolist()
        rows = [row[:length].tolist() for row, length in zip(self.cdf, lengths, strict=True)]
        return rows, lengths, self.offset.tolist()


class HyperPrior(nn.Module):
    """The learned density of the hyper-latent: one a channel, factorised."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.density = EntropyBottleneck(channels)

    @property
    def medians(self) -> Tensor:
        """(N,), around which the hyper-latent is rounded."""
        quantiles: Tensor = self.density.quantiles
        return quantiles[:, 0, 1]

    def bits(self, hyper: Tensor) -> Tensor:
        """Bits of each value: (B, N, h, w) to the same. In full precision whatever the autocast around it."""
        with torch.autocast(hyper.device.type, enabled=False):
            batch, channels, height, width = hyper.shape
            values = hyper.float().permute(1, 0, 2, 3).reshape(channels, 1, -1)
            likelihood, _, _ = self.density._likelihood(values)  # the public way adds noise of its own
            bounded = self.density.likelihood_lower_bound(likelihood)
            return -torch.log2(bounded).reshape(channels, batch, height, width).permute(1, 0, 2, 3)

    def auxiliary_loss(self) -> Tensor:
        """How far the quantiles are from where the density puts them; its gradient reaches nothing else."""
        loss: Tensor = self.density.loss()
        return loss

    @torch.no_grad()
    def tables(self) -> Tables:
        """Tables of the density as it is now, made on the processor."""
        on, density = self.density.quantiles.device, self.density.cpu()
        density.update(force=True, update_quantiles=True)
        found = _tables(density)
        density.to(on)
        return found


def gaussian_bits(values: Tensor, means: Tensor, scales: Tensor) -> Tensor:
    """Bits of each latent under its Gaussian over a unit interval; the scale is bounded below by 0.11.

    The bound passes the gradient where it would raise a scale that lies under it, as in the released code.
    """
    with torch.autocast(values.device.type, enabled=False):
        bounded = _at_least(scales.float(), LEAST_SCALE)
        away = (values.float() - means.float()).abs()
        upper, lower = ((edge - away) / bounded for edge in (0.5, -0.5))
        likelihood = _normal(upper) - _normal(lower)
        return -torch.log2(_at_least(likelihood, LEAST_LIKELIHOOD))


def gaussian_tables() -> Tables:
    """Tables of the 64 scales. They go into the checkpoint: no decoder computes them anew."""
    conditional = GaussianConditional(None)
    conditional.update_scale_table(scale_table(), force=True)
    return _tables(conditional)


def encode(symbols: Tensor, indexes: Tensor, tables: Tables) -> bytes:
    """Whole numbers (n,) to bytes, each with the table of its index (n,).

    Raises:
        ValueError: a number is beyond what the coder can take, which no trained network comes near.
    """
    largest = int(symbols.long().abs().max()) if len(symbols) else 0
    if largest > LARGEST_SYMBOL:
        raise ValueError(f"a latent of {largest} cannot be coded: the network is not a trained one")
    few = FEWEST - len(symbols)
    if few > 0:  # the coder writes past its own buffer where there are hardly any; decoding stops before these
        symbols, indexes = (torch.cat((numbers, numbers.new_zeros(few))) for numbers in (symbols, indexes))
    coded: bytes = ans.RansEncoder().encode_with_indexes(symbols.tolist(), indexes.tolist(), *tables.lists)
    return coded


def decode(coded: bytes, indexes: Tensor, tables: Tables) -> Tensor:
    """Bytes to whole numbers (n,) int32.

    The coder knows no end and reads on behind `coded`, so it only ever sees a buffer as long as it can possibly use.
    Whatever the bytes are, so many numbers come out; whether they are the right ones only a checksum tells.
    """
    padded = coded.ljust(most_bytes(len(coded), len(indexes)), b"\0")
    numbers = ans.RansDecoder().decode_with_indexes(padded, indexes.tolist(), *tables.lists)
    return torch.tensor(numbers, dtype=torch.int32)


def most_bytes(coded: int, symbols: int) -> int:
    """How many bytes the decoder can use up at most for `symbols` numbers, of which `coded` are given and then zeros.

    The state starts with 8 bytes. A number takes at most 4 bytes from the stream to renew the state, and, where it is
    an escape, four-bit groups: first groups that count (each 15 means that another one follows), whose sum says how
    many groups the value has. A group of 4 bits taken out of the given bytes can so ask for 15 further groups: all of
    them together for 15 times the given bytes, on top of those. Behind them the state is renewed with zeros, so after
    16 groups in a row only zeros are read and counting ends: a number asks for at most 16 groups that count and
    16 x 15 groups of value there, which is 128 bytes, plus its 4. The last word of 4 bytes may be begun only.
    """
    return 8 + 16 * coded + symbols * (4 + 128) + 4


def _tables(entropy: EntropyBottleneck | GaussianConditional) -> Tables:
    return Tables(*(getattr(entropy, f"_{name}").int().clone() for name in ("quantized_cdf", "cdf_length", "offset")))


def _normal(values: Tensor) -> Tensor:
    """The standard normal's distribution function, precise in its lower tail."""
    return 0.5 * torch.erfc(-(2**-0.5) * values)


class _Bound(torch.autograd.Function):
    """max(values, bound) whose gradient is kept where it leads back above the bound."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, bound: float) -> Tensor:
        ctx.save_for_backward(values)
        ctx.bound = bound
        return values.clamp(min=bound)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (values,) = ctx.saved_tensors
        return gradient * ((values >= ctx.bound) | (gradient < 0)), None


def _at_least(values: Tensor, bound: float) -> Tensor:
    bounded: Tensor = _Bound.apply(values, bound)
    return bounded
