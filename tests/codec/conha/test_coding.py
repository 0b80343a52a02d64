"""Pictures there and back: any size, exactly what a direct pass gives, and the same symbols everywhere."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.conha import bitstream, coding, tiles
from codec.conha.checkpoint import Frozen, load
from codec.errors import Refusal
from tests.codec.conha.conftest import frozen

Noise = Callable[..., NDArray[np.uint8]]
HOUSE = Path(__file__).resolve().parents[3]


@settings(deadline=None, max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(height=st.integers(1, 100), width=st.integers(1, 100), seed=st.integers(0, 9))
def test_a_file_is_the_direct_pass(model: Frozen, noise: Noise, height: int, width: int, seed: int) -> None:
    pixels = noise(height, width, seed)
    data = coding.compress(pixels, model)
    symbols = coding.symbols_of(pixels, model)
    picture = bitstream.unpack(data)
    back = coding.read_symbols(picture, model)
    assert torch.equal(back.hyper, symbols.hyper)
    assert torch.equal(back.latent, symbols.latent)
    decoded = coding.decompress(data, model)
    assert decoded.shape == pixels.shape
    assert np.array_equal(decoded, coding.pixels_of(picture, symbols, model))


def test_several_tiles_and_slices_make_one_picture(
    model: Frozen, noise: Noise, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = noise(210, 150)
    one = coding.decompress(coding.compress(pixels, model), model)
    monkeypatch.setattr(bitstream, "SLICE", 100)
    data = coding.compress(pixels, model)
    assert len(bitstream.unpack(data).streams) == 1 + 6  # 4 x 4 x 3 and 4 x 14 x 10 symbols
    assert np.array_equal(coding.decompress(data, model), one)
    monkeypatch.setattr(tiles, "TILE", 4)
    seen: list[int] = []
    tiled = coding.decompress(coding.compress(pixels, model, done=lambda: seen.append(1)), model)
    assert len(seen) == tiles.count(14, 10) == 12
    assert np.abs(tiled.astype(int) - one).max() <= 1
    assert np.mean(tiled != one) < 0.01


def test_a_grey_picture_comes_back_grey(model: Frozen, noise: Noise) -> None:
    grey = np.repeat(noise(40, 30)[..., :1], 3, axis=2)
    data = coding.compress(grey, model)
    assert bitstream.unpack(data).grey
    decoded = coding.decompress(data, model)
    assert (decoded == decoded[..., :1]).all()


def test_a_file_is_as_long_as_the_model_says(model: Frozen, noise: Noise) -> None:
    pixels = noise(1000, 1000)
    hyper = coding.symbols_of(pixels, model).hyper
    scales = model.scales.scales(hyper, 63, 63).clamp(min=0.11)  # latents as the model expects them
    latent = torch.round(torch.from_numpy(np.random.default_rng(0).normal(size=scales.shape)) * scales).int()
    symbols = coding.Symbols(hyper, latent)
    picture = coding.to_picture(pixels, symbols, model)
    bits, payload = coding.bits_of(symbols, model), sum(len(stream) for stream in picture.streams)
    assert payload == pytest.approx((bits.hyper + bits.latent) / 8, rel=0.01)
    assert len(bitstream.pack(picture)) == payload + bitstream.overhead(len(picture.streams))


def test_another_model_is_named(model: Frozen, other_model: Frozen, noise: Noise) -> None:
    data = coding.compress(noise(20, 20), model)
    with pytest.raises(bitstream.AnotherModel, match=model.metadata.mark.hex()):
        coding.decompress(data, other_model)


def test_payloads_that_were_changed_with_their_checksums_are_refused(model: Frozen, noise: Noise) -> None:
    picture = bitstream.unpack(coding.compress(noise(60, 60), model))
    right = coding.decompress(bitstream.pack(picture), model)
    hyper, latent = picture.streams
    refused = 0
    for place in range(len(latent)):
        other = bytearray(latent)
        other[place] ^= 1
        try:
            found = coding.decompress(bitstream.pack(replace(picture, streams=(hyper, bytes(other)))), model)
        except bitstream.Damaged:
            refused += 1
        else:  # a few bits at the end of a stream decide nothing
            assert np.array_equal(found, right)
    assert refused >= len(latent) - 8
    with pytest.raises(bitstream.BadFile):
        coding.decompress(bitstream.pack(replace(picture, streams=(latent, hyper))), model)
    with pytest.raises(bitstream.BadFile):
        coding.decompress(bitstream.pack(replace(picture, width=61 + 16)), model)
    for change in ({"width": 61}, {"height": 59}, {"grey": True}):  # the same latents, other margins
        with pytest.raises(bitstream.Damaged, match="symbols"):
            coding.decompress(bitstream.pack(replace(picture, **change)), model)


def test_what_cannot_be_coded_is_refused(tmp_path: Path, noise: Noise) -> None:
    model = frozen(tmp_path)
    model.encoder.trunk.bias.fill_(1e9)
    with pytest.raises(Refusal, match="cannot be coded"):
        coding.compress(noise(20, 20), model)
    model.encoder.trunk.bias.fill_(torch.nan)
    with pytest.raises(Refusal, match="cannot be coded"):
        coding.compress(noise(20, 20), model)
    large = np.broadcast_to(np.uint8(0), (10_001, 10_000, 3))
    with pytest.raises(bitstream.TooLarge):
        coding.compress(large, model)


DECODING = """
import sys
from pathlib import Path
from codec.conha import bitstream, checkpoint, coding
model = checkpoint.load(Path(sys.argv[1]))
print(*(coding.read_symbols(bitstream.read(Path(path)), model).crc(0) for path in sys.argv[2:]))
"""


def test_symbols_are_the_same_with_any_threads_libraries_and_layouts(tmp_path: Path, noise: Noise) -> None:
    frozen(tmp_path, base=6, blocks=1)
    model_path = tmp_path / "tiny0.safetensors"
    model, paths, crcs = load(model_path), [], []
    for index, (height, width) in enumerate(((1, 1), (333, 200), (96, 1100))):
        paths.append(tmp_path / f"{index}.cnha")
        pixels = noise(height, width, index)
        paths[-1].write_bytes(coding.compress(pixels, model))
        crcs.append(coding.symbols_of(pixels, model).crc(0))
    threads = torch.get_num_threads()
    try:
        for many, onednn in ((1, False), (2, True), (3, True), (2, False)):
            torch.set_num_threads(many)
            torch.backends.mkldnn.set_flags(_enabled=onednn)
            assert [coding.read_symbols(bitstream.read(path), model).crc(0) for path in paths] == crcs
            for network in (model.generator, model.hyper_means):
                network.to(memory_format=torch.contiguous_format)
    finally:
        torch.set_num_threads(threads)
        torch.backends.mkldnn.set_flags(_enabled=True)
    words = [sys.executable, "-c", DECODING, str(model_path), *map(str, paths)]
    alone = os.environ | {"PYTHONPATH": str(HOUSE), "OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"}
    done = subprocess.run(words, cwd=HOUSE, capture_output=True, text=True, check=False, env=alone)
    assert done.returncode == 0, done.stderr
    assert [int(crc) for crc in done.stdout.split()] == crcs


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_file_made_on_a_gpu_is_read_on_the_processor_and_the_other_way_round(tmp_path: Path, noise: Noise) -> None:
    frozen(tmp_path, base=6, blocks=1)
    here, there = load(tmp_path / "tiny0.safetensors"), load(tmp_path / "tiny0.safetensors").to("cuda")
    for height, width in ((1, 1), (333, 200), (1100, 96)):
        pixels = noise(height, width)
        for coder, decoder in ((here, there), (there, here)):
            data = coding.compress(pixels, coder)
            symbols = coding.read_symbols(bitstream.unpack(data), decoder)
            assert symbols.crc(0) == coding.symbols_of(pixels, coder).crc(0)
            difference = coding.decompress(data, decoder).astype(int) - coding.decompress(data, coder)
            assert np.abs(difference).max() <= 1
