"""How long pictures take, and how much memory: `python -m tests.benchmarks.codec speed` (or `memory --megapixels 12`).

Weights are random, brought to the spread of latents that some 0.3 bits per pixel have, which is all that time and
memory depend on. `speed` codes 512 x 768 pixels on one thread; contenders take turns, and medians are shown of the
seconds that the processor worked, so that other load counts little.

- *networks* is everything in floating point; *coding* is whole numbers: tables of all latents, range coding, checksums.
- *plain* is the same network as its layers are usually written: memory in planes (NCHW), the channel norm as mean,
  variance and division. Only its networks are timed, on the whole picture.
- *CompressAI* is its MeanScaleHyperprior, N = 192, M = 320 (17.6 million parameters), with its own range coding.

`memory` codes a picture of so many megapixels in a process of its own and shows its peak, the model included.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from codec.conha import bitstream, checkpoint, coding, config
from codec.conha.layers import NORM_EPSILON, ChannelNorm
from codec.conha.model import Codec
from codec.conha.networks import pad_to_stride

HOUSE = Path(__file__).resolve().parents[2]
MODELS = {"base 24": config.Model(base=24, latent=96, hyper=96, blocks=3), "full size": config.Model()}
SPREAD = 0.45
CARD = checkpoint.Card(
    data="none", steps=0, crops=0, seeds=(0,), hardware="any", w="one", simulated=False, licence="CC0-1.0"
)
Times = dict[str, float]
Pixels = NDArray[np.uint8]


def photo(height: int, width: int) -> Pixels:
    """Noise with the spectrum of photographs, repeated where it is large."""
    side = 1024
    noise = np.random.default_rng(0)
    rows, columns = np.fft.fftfreq(side)[:, None], np.fft.fftfreq(side)
    falloff = 1 / np.maximum(np.hypot(rows, columns), 1 / side)
    planes = [np.fft.ifft2(np.fft.fft2(noise.normal(size=(side, side))) * falloff).real for _ in range(3)]
    tile = np.stack([(plane - plane.mean()) / plane.std() for plane in planes], -1) * 45 + 128
    repeats = (-(-height // side), -(-width // side), 1)
    return np.tile(tile.clip(0, 255).astype(np.uint8), repeats)[:height, :width]


def frozen(model: config.Model) -> checkpoint.Frozen:
    """A random model whose latents spread as a trained one's."""
    torch.manual_seed(0)
    codec = Codec(model).eval()
    with torch.no_grad():
        pixels = torch.from_numpy(photo(256, 256)).permute(2, 0, 1)[None] / 255
        codec.encoder.trunk.weight *= SPREAD / codec.encoder(pixels).std((2, 3)).mean()
        latent = codec.encoder(pixels)
        codec.hyper_analysis.layers[-1].weight *= SPREAD / codec.hyper_analysis(latent).std((2, 3)).mean()
        codec.hyper_means.last.bias += latent.mean((0, 2, 3))
        codec.hyper_scales.last.bias += SPREAD
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        path.write_bytes(checkpoint.freeze(codec, config.Config(model=model), CARD))
        del codec
        return checkpoint.load(path)


def ours(model: checkpoint.Frozen, pixels: Pixels) -> Times:
    """One picture there and back, in its four parts."""
    clock = [time.process_time()]
    symbols = coding.symbols_of(pixels, model)
    clock.append(time.process_time())
    data = bitstream.pack(coding.to_picture(pixels, symbols, model))
    clock.append(time.process_time())
    picture = bitstream.unpack(data)
    read = coding.read_symbols(picture, model)
    clock.append(time.process_time())
    coding.pixels_of(picture, read, model)
    clock.append(time.process_time())
    names = ("encode: networks", "encode: coding", "decode: coding", "decode: networks")
    found = dict(zip(names, np.diff(clock).tolist(), strict=True))
    return found | {"bpp": 8 * len(data) / (pixels.shape[0] * pixels.shape[1])}


class NaiveNorm(nn.Module):
    """The channel norm as it is usually written."""

    def __init__(self, norm: ChannelNorm) -> None:
        super().__init__()
        self.gain, self.shift = norm.gain.reshape(-1, 1, 1), norm.shift.reshape(-1, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        mean, variance = features.mean(1, keepdim=True), features.var(1, keepdim=True)
        return self.gain * (features - mean) * torch.rsqrt(variance + NORM_EPSILON) + self.shift


def plain(model: checkpoint.Frozen) -> checkpoint.Frozen:
    """The same networks in planes and with naive norms; they give the same but for rounding."""
    for network in (model.encoder, model.generator, model.hyper_analysis, model.hyper_means):
        network.to(memory_format=torch.contiguous_format)
        for parent in list(network.modules()):
            for name, child in list(parent.named_children()):
                if isinstance(child, ChannelNorm):
                    setattr(parent, name, NaiveNorm(child))
    return model


@torch.inference_mode()
def plain_times(model: checkpoint.Frozen, pixels: Pixels) -> Times:
    values = pad_to_stride(torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255).contiguous()
    clock = [time.process_time()]
    latent = model.encoder(values)
    hyper = torch.round(model.hyper_analysis(latent))
    model.hyper_means(hyper)
    clock.append(time.process_time())
    model.hyper_means(hyper)
    model.generator(latent)
    clock.append(time.process_time())
    return dict(zip(("encode: networks", "decode: networks"), np.diff(clock).tolist(), strict=True))


def compressai_times(model: Any, pixels: Pixels) -> Times:
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    with torch.inference_mode():
        clock = [time.process_time()]
        coded = model.compress(values)
        clock.append(time.process_time())
        model.decompress(coded["strings"], coded["shape"])
        clock.append(time.process_time())
        latent = model.g_a(values)
        model.h_s(torch.round(model.h_a(latent)))
        clock.append(time.process_time())
        model.h_s(torch.round(model.h_a(latent)))
        middle = time.process_time()
        model.g_s(latent)
        clock.append(time.process_time())
    encode, decode, networks, _ = np.diff(clock).tolist()
    generator = clock[-1] - middle
    return {
        "encode: networks": networks, "encode: coding": max(0.0, encode - networks),
        "decode: networks": generator, "decode: coding": max(0.0, decode - generator),
    }  # fmt: skip


def compressai() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from compressai.models import MeanScaleHyperprior
    torch.manual_seed(0)
    model = MeanScaleHyperprior(192, 320).eval()
    model.update(force=True)
    return model


def speed(runs: int, names: list[str]) -> None:
    """Print a table."""
    torch.set_num_threads(1)
    pixels = photo(512, 768)
    contenders: dict[str, Callable[[], Times]] = {}
    for name in names:
        model, other = frozen(MODELS[name]), plain(frozen(MODELS[name]))
        contenders[f"ConHa, {name}"] = lambda model=model: ours(model, pixels)  # type: ignore[misc]
        contenders[f"plain, {name}"] = lambda other=other: plain_times(other, pixels)  # type: ignore[misc]
    peer = compressai()
    contenders["CompressAI"] = lambda: compressai_times(peer, pixels)
    found: dict[str, list[Times]] = {name: [] for name in contenders}
    for run in range(runs + 1):
        for name, contender in contenders.items():
            times = contender()
            if run:  # the first one warms up
                found[name].append(times)
    columns = ("encode: networks", "encode: coding", "decode: coding", "decode: networks")
    print(f"| seconds | {' | '.join(columns)} | coding's share: encode, decode | bpp |")
    print(f"|---|{'---:|' * (len(columns) + 2)}")
    for name, all_times in found.items():
        medians = {
            key: statistics.median(times[key] for times in all_times)
            for key in (*columns, "bpp")
            if key in all_times[0]
        }
        cells = [f"{medians[key]:.3f}" if key in medians else "" for key in columns]
        shares = ", ".join(
            f"{medians[f'{way}: coding'] / (medians[f'{way}: coding'] + medians[f'{way}: networks']):.0%}"
            for way in ("encode", "decode")
            if f"{way}: coding" in medians
        )
        print(f"| {name} | {' | '.join(cells)} | {shares} | {medians.get('bpp', 0) or '':.4} |")


def memory(name: str, megapixels: float) -> None:
    """Print the peak of one process that encodes, and of one that decodes."""
    with tempfile.TemporaryDirectory() as folder:
        file = str(Path(folder) / "picture.cnha")
        for way in ("encode", "decode"):
            words = [sys.executable, "-m", "tests.benchmarks.codec", "one", name, str(megapixels), way, file]
            done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False)
            print(done.stdout.strip() if not done.returncode else f"{way} failed: {done.stderr[-300:]}")


def one(name: str, megapixels: float, way: str, file: Path) -> None:
    """Encode or decode one picture in this process, and print the peak."""
    height = round((megapixels * 1e6 * 2 / 3) ** 0.5)
    model = frozen(MODELS[name])
    pixels = photo(height, height * 3 // 2) if way == "encode" else None
    before, began = _peak(), time.perf_counter()
    if pixels is not None:
        file.write_bytes(coding.compress(pixels, model))
    else:
        coding.decompress(file.read_bytes(), model)
    seconds = time.perf_counter() - began
    print(json.dumps({
        "model": name, "megapixels": megapixels, "way": way, "peak_gb": round(_peak(), 2),
        "before_gb": round(before, 2), "seconds": round(seconds, 1),
    }), flush=True)  # fmt: skip


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    of_speed = commands.add_parser("speed")
    of_speed.add_argument("--runs", type=int, default=5)
    of_speed.add_argument("--models", nargs="+", choices=list(MODELS), default=list(MODELS))
    of_memory = commands.add_parser("memory")
    of_memory.add_argument("--model", choices=list(MODELS), default="base 24")
    of_memory.add_argument("--megapixels", type=float, default=12)
    of_one = commands.add_parser("one")
    for argument, kind in (("name", str), ("megapixels", float), ("way", str), ("file", Path)):
        of_one.add_argument(argument, type=kind)
    wanted = parser.parse_args()
    if wanted.command == "speed":
        speed(wanted.runs, wanted.models)
    elif wanted.command == "memory":
        memory(wanted.model, wanted.megapixels)
    else:
        one(wanted.name, wanted.megapixels, wanted.way, wanted.file)


if __name__ == "__main__":
    main()
