"""Which crop is the n-th sample of a step, and loading it: every choice follows from the seed and the place alone.

A place is a stage, a step, a draw (each step has a batch for the codec and another one for the discriminator) and a
sample. Scale, position, flip and noise are functions of the seed and the place; so is the image, for each draw goes
through its own orders of all images, one after another. Nothing depends on processes, workers, or what came before, so
variants see equal batches, and a run that is resumed sees those that it would have seen.
"""

import hashlib
import signal
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from codec.conha.config import Config
from codec.conha.data import Picture
from codec.conha.noise import Noise, noise_like
from codec.conha.processes import Processes
from codec.crops import Crop
from codec.errors import Refusal
from codec.pixels import Pixels, read_pixels

FOR_CODEC, FOR_DISCRIMINATOR = 0, 1


class Place(NamedTuple):
    """Where a sample stands in a run."""

    stage: int
    step: int
    draw: int
    sample: int


class Window(NamedTuple):
    """What a training crop shows: a picture, by content and size, and the rectangle of it."""

    source_sha256: str
    width: int
    height: int
    crop: Crop


class Cut(NamedTuple):
    """How a crop is made: the part of the picture `box` (left, top, right, bottom) that it is resampled from."""

    picture: int
    box: tuple[float, float, float, float]
    flip: bool


class Batch(NamedTuple):
    """Crops (B, 3, side, side) of 8 bits, noise for them, and what they show."""

    pixels: Tensor
    noise: Noise
    windows: list[Window]


def numbers(seed: int, *words: object) -> tuple[float, float, float, float]:
    """Four numbers, each evenly spread over [0, 1), that depend on nothing but seed and words: SHA-256 of them."""
    digest = hashlib.sha256(":".join(str(word) for word in (seed, *words)).encode()).digest()
    a, b, c, d = (int.from_bytes(digest[start : start + 8], "big") >> 11 for start in (0, 8, 16, 24))
    return a / 2**53, b / 2**53, c / 2**53, d / 2**53


@lru_cache(maxsize=8)
def order(seed: int, stage: int, draw: int, round_: int, count: int) -> tuple[int, ...]:
    """All of `count` pictures, in the order in which a draw goes through them for the `round_`-th time."""
    return tuple(sorted(range(count), key=lambda index: numbers(seed, "order", stage, draw, round_, index)))


def cut(place: Place, pictures: Sequence[Picture], config: Config) -> Cut:
    """Which picture a sample is of, and which part of it.

    The picture is scaled at random, but never below the crop's size, and the crop lies anywhere in the scaled one.
    """
    seed, data = config.training.seed, config.data
    nth = place.step * config.training.batch + place.sample
    index = order(seed, place.stage, place.draw, nth // len(pictures), len(pictures))[nth % len(pictures)]
    sized, across, down, turned = numbers(seed, "crop", *place)
    width, height = pictures[index].width, pictures[index].height
    scale = max(data.scale_low + sized * (data.scale_high - data.scale_low), data.crop / min(width, height))
    left, right = _stretch(width, scale, data.crop, across)
    top, bottom = _stretch(height, scale, data.crop, down)
    return Cut(index, (left, top, right, bottom), data.flip and turned < 0.5)


def window(place: Place, pictures: Sequence[Picture], config: Config) -> Window:
    """What a sample shows, in whole pixels of the picture."""
    index, box, _ = cut(place, pictures, config)
    left, top, right, bottom = (round(edge) for edge in box)
    one = pictures[index]
    return Window(one.source_sha256, one.width, one.height, Crop(left, top, right - left, bottom - top))


def crop_of(pixels: Pixels, how: Cut, side: int) -> Pixels:
    """The crop, resampled (bicubic, with antialiasing; pixels around the box take part) and flipped."""
    scaled = Image.fromarray(pixels).resize((side, side), Image.Resampling.BICUBIC, how.box)
    made: Pixels = np.asarray(scaled)
    return made[:, ::-1] if how.flip else made


class Crops(Dataset[tuple[Tensor, Window, Place]]):
    """Crops by place. Decoded pictures are kept up to `data.cache` MiB in each process that loads."""

    def __init__(self, pictures: Sequence[Picture], config: Config) -> None:
        self.pictures, self.config = pictures, config
        self.decoded: OrderedDict[int, Pixels] = OrderedDict()

    def __getitem__(self, place: Place) -> tuple[Tensor, Window, Place]:
        """One crop (3, side, side), 8 bits."""
        how = cut(place, self.pictures, self.config)
        made = crop_of(self._picture(how.picture), how, self.config.data.crop)
        return torch.from_numpy(made.copy()).permute(2, 0, 1), window(place, self.pictures, self.config), place

    def batch(self, samples: list[tuple[Tensor, Window, Place]]) -> Batch:
        """Samples side by side, with noise from a generator for each."""
        config, side = self.config, self.config.data.crop
        generators = [noise_generator(config.training.seed, place) for _, _, place in samples]
        noise = noise_like(config.model, len(samples), side, generators)
        return Batch(torch.stack([pixels for pixels, _, _ in samples]), noise, [shown for _, shown, _ in samples])

    def _picture(self, index: int) -> Pixels:
        if index not in self.decoded:
            self.decoded[index] = read_pixels(self.pictures[index].file)
            while sum(pixels.nbytes for pixels in self.decoded.values()) > self.config.data.cache * 2**20:
                pixels = self.decoded.popitem(last=False)[1]
                if not self.decoded:
                    return pixels
        self.decoded.move_to_end(index)
        return self.decoded[index]


def noise_generator(seed: int, place: Place) -> torch.Generator:
    """What a sample's noise is drawn from."""
    return torch.Generator().manual_seed(int(numbers(seed, "noise", *place)[0] * 2**53))


class Batches:
    """The places of this process' batches, from a step on: of each step first the discriminator's, if there is one."""

    def __init__(self, stage: int, steps: range, draws: Sequence[int], samples: range) -> None:
        self.stage, self.steps, self.draws, self.samples = stage, steps, draws, samples

    def __iter__(self) -> Iterator[list[Place]]:
        for step in self.steps:
            for draw in self.draws:
                yield [Place(self.stage, step, draw, sample) for sample in self.samples]

    def __len__(self) -> int:
        return len(self.steps) * len(self.draws)


def load(pictures: Sequence[Picture], config: Config, places: Batches, processes: Processes) -> Iterator[Batch]:
    """The batches of `places`, loaded ahead by `data.workers` processes, or by this one as they are asked for.

    Raises:
        Refusal: a picture is no longer what it was, or a process that loads them died.
    """
    crops, data = Crops(pictures, config), config.data
    ahead: dict[str, Any] = {"multiprocessing_context": "spawn", "prefetch_factor": 4} if data.workers else {}
    loader = DataLoader(
        crops,
        batch_sampler=places,
        num_workers=data.workers,
        collate_fn=crops.batch,
        pin_memory=processes.device.type == "cuda",
        worker_init_fn=_leave_interrupts_to_the_parent,
        generator=torch.Generator(),
        **ahead,
    )
    try:
        yield from loader
    except Refusal as refused:  # of a loading process, with its traceback around the sentence
        last = refused.message.strip().splitlines()[-1]
        raise Refusal(last.removeprefix("codec.errors.Refusal: ")) from None
    except RuntimeError as failure:
        if "DataLoader worker" not in str(failure):
            raise
        raise Refusal("A process that loads images died, perhaps for want of memory; lower data.cache.") from None


def centre(pictures: Sequence[Picture], side: int) -> Tensor:
    """The middle of each picture, unscaled: (n, 3, side, side) in [0, 1], for pictures beside the curves."""
    cuts = []
    for picture in pictures:
        top, left = (picture.height - side) // 2, (picture.width - side) // 2
        cuts.append(torch.from_numpy(read_pixels(picture.file)[top : top + side, left : left + side].copy()))
    return torch.stack(cuts).permute(0, 3, 1, 2) / 255


def _stretch(length: int, scale: float, side: int, at: float) -> tuple[float, float]:
    """Where a crop begins and ends in a picture of `length` that is scaled to a whole number of pixels."""
    scaled = max(round(length * scale), side)
    start = int(at * (scaled - side + 1))
    return start * length / scaled, (start + side) * length / scaled


def _leave_interrupts_to_the_parent(_worker: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
