"""Files of an earlier day decode as they did, here and by a decoder that was written from the specification."""

import gzip
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from codec.conha import bitstream, checkpoint, coding
from tests.codec.conha import stranger

GOLDEN = Path(__file__).with_name("golden")
TOLD = json.loads((GOLDEN / "golden.json").read_text(encoding="utf-8"))
NAMES = ("colour", "grey", "one")


@pytest.fixture(scope="module")
def file() -> bytes:
    return gzip.decompress((GOLDEN / "model.safetensors.gz").read_bytes())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, file: bytes) -> checkpoint.Frozen:
    path = tmp_path_factory.mktemp("golden") / "model.safetensors"
    path.write_bytes(file)
    return checkpoint.load(path)


def test_the_model_is_the_one_of_that_day(model: checkpoint.Frozen) -> None:
    assert model.metadata.identity == TOLD["identity"]
    assert sum(path.stat().st_size for path in GOLDEN.iterdir()) < 60_000


@pytest.mark.parametrize("name", NAMES)
def test_files_decode_to_the_symbols_of_that_day(model: checkpoint.Frozen, name: str) -> None:
    picture = bitstream.read(GOLDEN / f"{name}.cnha")
    symbols = coding.read_symbols(picture, model)
    assert symbols.crc(0) == TOLD[name]["symbols_crc"]
    assert coding.to_picture(np.zeros((picture.height, picture.width, 3), np.uint8), symbols, model).streams == (
        picture.streams
    )
    pixels = coding.pixels_of(picture, symbols, model)
    assert picture.grey is (name == "grey")
    np.testing.assert_allclose(pixels.mean((0, 1)), TOLD[name]["mean"], atol=0.05)  # single steps may differ elsewhere


@pytest.mark.parametrize("name", NAMES)
def test_the_specification_is_enough_to_decode(file: bytes, name: str) -> None:
    numbers = {key: value.tolist() for key, value in safetensors.torch.load(file).items()}
    data = (GOLDEN / f"{name}.cnha").read_bytes()
    found = [number for part in stranger.symbols(data, numbers) for number in part]
    coded = struct.pack(f"<{len(found)}i", *found)
    assert zlib.crc32(coded) == TOLD[name]["symbols_crc"]
    assert zlib.crc32(data[4:22] + coded) == stranger.header(data)["crc"]


def test_the_stranger_reads_escapes_of_any_length(file: bytes, model: checkpoint.Frozen) -> None:
    values = [0, 2**26, -(2**26), 1, 4000, -4000, 70_000, -3]
    coded = coding.entropy.encode(torch.tensor(values), torch.zeros(8, dtype=torch.int32), model.gaussian_tables)
    numbers = {key: value.tolist() for key, value in safetensors.torch.load(file).items()}
    assert stranger.decoded([coded], [0] * 8, numbers, "gaussian_tables") == values
    assert len(coded) <= bitstream.longest(8)
