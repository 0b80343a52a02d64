"""Pictures to files and back with a frozen model.

    pixels ──► latent ──► hyper-latent ──round──► symbols ─┬─► streams
                  │                                  ├─► means (networks)              │
                  │                                  └─► tables (whole numbers, CPU)   ├─► streams
                  └─────────── minus means ──round──► symbols ─────────────────────────┘

Everything that the entropy decoder follows is a whole number, so a file decodes to the same symbols on any machine; a
checksum of all symbols says so. Means and pictures are floating-point: on another machine, or with another number of
threads, a value of a picture may be one step of 256 higher or lower, never more symbols wrong.
"""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.conha import entropy, tiles
from codec.conha.bitstream import (
    MOST_PIXELS,
    AnotherModel,
    Damaged,
    Picture,
    TooLarge,
    check_streams,
    pack,
    slices,
    started_crc,
    too_many_pixels,
    unpack,
)
from codec.conha.checkpoint import Frozen
from codec.conha.networks import HYPER_STRIDE, STRIDE, cut
from codec.errors import Refusal

Pixels = NDArray[np.uint8]  # height x width x 3, sRGB
NOT_THE_SAME = (
    "Its symbols are not those that were coded: the file was altered, or the program that decodes it is broken."
)


@dataclass(frozen=True)
class Symbols:
    """What a file holds: whole numbers (1, N, ceil(h / 4), ceil(w / 4)) and (1, C, h, w), int32, on the processor."""

    hyper: Tensor
    latent: Tensor

    def crc(self, started: int) -> int:
        """CRC-32 of all of them as little-endian int32, the hyper-latent's first, channel after channel."""
        crc = started
        for part in (self.hyper, self.latent):
            crc = zlib.crc32(part.contiguous().numpy().astype("<i4", copy=False).data, crc)
        return crc


@dataclass(frozen=True)
class Bits:
    """What the model expects a picture to cost, in bits."""

    hyper: float
    latent: float


def compress(pixels: Pixels, model: Frozen, done: tiles.Done = lambda: None) -> bytes:
    """The file of a picture; where its three channels are equal it is kept as a grey one.

    Raises:
        TooLarge: it has more pixels than are coded.
        Refusal: the network gives numbers that cannot be coded.
    """
    return pack(to_picture(pixels, symbols_of(pixels, model, done), model))


def decompress(data: bytes, model: Frozen, done: tiles.Done = lambda: None) -> Pixels:
    """The picture of a file.

    Raises:
        BadFile: the file cannot be decoded, or not by this model.
    """
    picture = unpack(data)
    return pixels_of(picture, read_symbols(picture, model), model, done)


def to_picture(pixels: Pixels, symbols: Symbols, model: Frozen) -> Picture:
    """Code the symbols of a picture."""
    height, width = pixels.shape[:2]
    indexes = tiles.indexes(model.scales, symbols.hyper, *symbols.latent.shape[-2:])
    grey, mark = bool((pixels == pixels[..., :1]).all()), model.metadata.mark
    return Picture(
        width=width,
        height=height,
        grey=grey,
        model=mark,
        symbols_crc=symbols.crc(started_crc(width, height, grey=grey, model=mark)),
        streams=(
            *_streams(symbols.hyper, _channels(symbols.hyper), model.hyper_tables),
            *_streams(symbols.latent, indexes, model.gaussian_tables),
        ),
    )


@torch.inference_mode()
def symbols_of(pixels: Pixels, model: Frozen, done: tiles.Done = lambda: None) -> Symbols:
    """Encode a picture as far as whole numbers.

    Raises:
        TooLarge, Refusal: as `compress`.
    """
    height, width = pixels.shape[:2]
    if too_many_pixels(width, height):
        raise TooLarge(f"{width} x {height} pixels are too many; up to {MOST_PIXELS // 10**6} million are coded.")
    with _plain_arithmetic(model.device):
        latent = tiles.encode(model.encoder, torch.from_numpy(np.ascontiguousarray(pixels)), model.device, done)
        hyper = _whole(model.hyper_analysis(latent).cpu() - model.medians[:, None, None])
        away = latent - _means(hyper, latent, model)
    return Symbols(hyper, _whole(away.cpu()))


@torch.inference_mode()
def pixels_of(picture: Picture, symbols: Symbols, model: Frozen, done: tiles.Done = lambda: None) -> Pixels:
    """Decode a picture from its whole numbers; a grey one has three equal channels, the mean of those decoded."""
    with _plain_arithmetic(model.device):
        latent = _latent(symbols, model)
        found = tiles.decode(model.generator, latent, picture.height, picture.width, grey=picture.grey, done=done)
    return found.numpy()


def read_symbols(picture: Picture, model: Frozen) -> Symbols:
    """Decode the streams of a picture.

    Raises:
        AnotherModel, Damaged: they are not this model's, or not what was coded.
    """
    if picture.model != model.metadata.mark:
        coded, here = picture.model.hex(), model.metadata.mark.hex()
        raise AnotherModel(f"It was coded with the model {coded}, and this is {here}.")
    height, width = (-(-side // STRIDE) for side in (picture.height, picture.width))
    sizes = model.metadata.config.model
    hyper_shape = (1, sizes.hyper, -(-height // HYPER_STRIDE), -(-width // HYPER_STRIDE))
    shape = (1, sizes.latent, height, width)
    of_hyper, of_latent = (slices(int(np.prod(each))) for each in (hyper_shape, shape))
    check_streams(picture, [*of_hyper, *of_latent])
    first, rest = picture.streams[: len(of_hyper)], picture.streams[len(of_hyper) :]
    hyper = _decoded(first, _channels(torch.empty(hyper_shape, dtype=torch.int32)), model.hyper_tables)
    latent = _decoded(rest, tiles.indexes(model.scales, hyper, height, width), model.gaussian_tables)
    symbols = Symbols(hyper, latent)
    started = started_crc(picture.width, picture.height, grey=picture.grey, model=picture.model)
    if symbols.crc(started) != picture.symbols_crc:
        raise Damaged(NOT_THE_SAME)
    return symbols


@torch.inference_mode()
def bits_of(symbols: Symbols, model: Frozen) -> Bits:
    """What the model's densities say that these symbols cost."""
    hyper = model.density.bits(symbols.hyper + model.medians[:, None, None]).sum(dtype=torch.float64)
    scales = model.scales.scales(symbols.hyper, *symbols.latent.shape[-2:])
    values = symbols.latent.float()
    latent = entropy.gaussian_bits(values, torch.zeros_like(values), scales).sum(dtype=torch.float64)
    return Bits(float(hyper), float(latent))


@contextmanager
def _plain_arithmetic(device: torch.device) -> Iterator[None]:
    """Single precision is single precision: no TF32, no autocast, and the same algorithm for the same shape."""
    exact = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    with exact, torch.autocast(device.type, enabled=False):
        yield


def _means(hyper: Tensor, latent: Tensor, model: Frozen) -> Tensor:
    values = (hyper + model.medians[:, None, None]).to(model.device)
    return cut(model.hyper_means(values.contiguous(memory_format=torch.channels_last)), latent)


def _latent(symbols: Symbols, model: Frozen) -> Tensor:
    away = symbols.latent.to(model.device, torch.float32)
    return away + _means(symbols.hyper, away, model)


def _whole(values: Tensor) -> Tensor:
    """The nearest whole numbers, halves up, int32."""
    largest = float(values.abs().max())
    if not largest <= entropy.LARGEST_SYMBOL - 1:  # NaN is refused as well
        raise Refusal(f"The model gives numbers that cannot be coded (up to {largest:.0f}); it is not a trained one.")
    return torch.floor(values + 0.5).to(torch.int32)


def _channels(hyper: Tensor) -> Tensor:
    """The table of each symbol of the hyper-latent: its channel's."""
    return torch.arange(hyper.shape[1], dtype=torch.int32)[:, None, None].expand(hyper.shape)


def _streams(symbols: Tensor, indexes: Tensor, tables: entropy.Tables) -> list[bytes]:
    sizes = slices(symbols.numel())
    parts = zip(*(torch.split(numbers.flatten(), sizes) for numbers in (symbols, indexes)), strict=True)
    return [entropy.encode(part, index, tables) for part, index in parts]


def _decoded(streams: tuple[bytes, ...], indexes: Tensor, tables: entropy.Tables) -> Tensor:
    parts = zip(streams, torch.split(indexes.flatten(), slices(indexes.numel())), strict=True)
    return torch.cat([entropy.decode(stream, index, tables) for stream, index in parts]).reshape(indexes.shape)
