"""A model's file: the same bytes twice, everything checked on the way in, and an identity that decides decoding."""

import copy
import dataclasses
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
import safetensors.torch
import torch
from torch import Tensor

from codec.conha import checkpoint
from codec.conha.scales import WholeScales
from codec.errors import Refusal
from tests.codec.conha.conftest import CARD, random_codec


@pytest.fixture(scope="module")
def file() -> bytes:
    codec, settings = random_codec()
    return checkpoint.freeze(codec, settings, CARD)


def put(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def test_the_same_codec_gives_the_same_bytes(file: bytes) -> None:
    codec, settings = random_codec()
    before = copy.deepcopy(codec.state_dict())
    assert checkpoint.freeze(codec, settings, CARD) == file
    assert all(torch.equal(value, before[name]) for name, value in codec.state_dict().items())


def test_weights_are_rounded_before_anything_is_made_of_them(tmp_path: Path, file: bytes) -> None:
    codec, _ = random_codec()
    model = checkpoint.load(put(tmp_path / "m.safetensors", file))
    for name in checkpoint.NETWORKS:
        for key, value in getattr(codec, name).named_parameters():
            assert torch.equal(getattr(model, name).get_parameter(key), value.half().float())
    tables = model.density.tables()  # of what stands in the file
    assert torch.equal(tables.cdf, model.hyper_tables.cdf)
    assert torch.equal(model.density.medians, model.medians)


def test_single_precision_is_kept_where_asked_for(tmp_path: Path) -> None:
    codec, settings = random_codec()
    model = checkpoint.load(put(tmp_path / "m.safetensors", checkpoint.freeze(codec, settings, CARD, half=False)))
    assert torch.equal(model.generator.head[1].weight, codec.generator.head[1].weight)


def changed(file: bytes, change: Callable[[dict[str, Tensor]], object], **metadata: object) -> bytes:
    """The file with other tensors under a new, right identity."""
    tensors = safetensors.torch.load(file)
    length = int.from_bytes(file[:8], "little")
    text = msgspec.json.decode(file[8 : 8 + length])["__metadata__"]["conha"]
    said = msgspec.json.decode(text, type=checkpoint.Metadata)
    change(tensors)
    fields = {"identity": checkpoint.identity(said.config.model, tensors)} | metadata
    said = msgspec.structs.replace(said, **fields)
    return safetensors.torch.save(tensors, {"conha": msgspec.json.encode(said).decode()})


def loaded(tmp_path: Path, data: bytes) -> checkpoint.Frozen:
    return checkpoint.load(put(tmp_path / "changed.safetensors", data))


def test_what_only_the_encoder_needs_and_the_card_leave_the_identity_as_it_is(tmp_path: Path, file: bytes) -> None:
    model = loaded(tmp_path, file)
    another = changed(
        file, lambda tensors: tensors["encoder.trunk.bias"].add_(1), card=msgspec.structs.replace(CARD, steps=9)
    )
    found = loaded(tmp_path, another)
    assert found.metadata.identity == model.metadata.identity
    assert found.metadata.card.steps == 9
    for name in ("generator.up.0.bias", "hyper_means.last.bias", "medians"):
        decides = changed(file, lambda tensors, name=name: tensors[name].add_(0.5))
        assert loaded(tmp_path, decides).metadata.identity != model.metadata.identity


BAD: dict[str, tuple[Callable[[dict[str, Tensor]], object], str]] = {
    "a tensor is missing": (lambda tensors: tensors.pop("medians"), "lacks `medians`"),
    "a tensor too many": (lambda tensors: tensors.update(more=torch.zeros(1)), "unknown tensor `more`"),
    "a shape": (lambda tensors: tensors.update(medians=torch.zeros(5)), r"`medians` is F32 \[5\]"),
    "a type": (lambda tensors: tensors.update(medians=torch.zeros(4, dtype=torch.float16)), "`medians` is F16"),
    "no number": (lambda tensors: tensors["generator.up.0.bias"].fill_(torch.nan), "not finite"),
    "tables that do not add up": (lambda tensors: tensors["gaussian_tables.frequencies"][0:1].add_(1), "tables"),
    "a table without its escape": (lambda tensors: tensors["gaussian_tables.symbols"][0:1].sub_(1), "tables"),
    "a frequency of nothing": (lambda tensors: tensors["hyper_tables.frequencies"].zero_(), "tables"),
    "thresholds that fall": (lambda tensors: tensors["scales.thresholds"].neg_(), "scale branch"),
    "a shift": (lambda tensors: tensors["scales.last.shift"].fill_(60), "scale branch"),
    "sums that are not exact": (lambda tensors: tensors["scales.last.bias"].fill_(2**60), "not exact"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_does_not_fit_is_refused_in_a_sentence(tmp_path: Path, file: bytes, what: str) -> None:
    change, match = BAD[what]
    with pytest.raises(Refusal, match=match):
        loaded(tmp_path, changed(file, change))


def test_a_changed_bit_is_noticed(tmp_path: Path, file: bytes) -> None:
    at = file.index(b"__metadata__") + 5000
    data = bytearray(file)
    for place in range(at, len(file), (len(file) - at) // 12):
        data[place] ^= 16
    with pytest.raises(Refusal):
        loaded(tmp_path, bytes(data))


@pytest.mark.parametrize("data", [b"", b"x" * 100, b"\xff" * 8, (2**40).to_bytes(8, "little") + b"{}"])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Refusal, match="no whole safetensors"):
        loaded(tmp_path, data)


def test_safetensors_of_others_are_refused(tmp_path: Path) -> None:
    for text in (None, {"conha": "{}"}, {"conha": "\ud83d"[:0]}, {"format": "pt"}):
        with pytest.raises(Refusal, match="no model of this codec"):
            loaded(tmp_path, safetensors.torch.save({"a": torch.zeros(1)}, text))
    with pytest.raises(Refusal, match="does not exist"):
        checkpoint.load(tmp_path / "none.safetensors")


def test_another_format_is_named(tmp_path: Path, file: bytes) -> None:
    with pytest.raises(Refusal, match="conha-model-9"):
        loaded(tmp_path, changed(file, len, format="conha-model-9"))


def test_a_model_of_huge_widths_is_refused_before_it_is_made(tmp_path: Path, file: bytes) -> None:
    _, settings = random_codec()
    huge = msgspec.structs.replace(settings, model=msgspec.structs.replace(settings.model, base=4096))
    with pytest.raises(Refusal, match="and not"):
        loaded(tmp_path, changed(file, len, config=huge))


def test_weights_beyond_half_precision_are_refused() -> None:
    codec, settings = random_codec()
    with torch.no_grad():
        codec.generator.head[1].weight.fill_(1e6)
    with pytest.raises(Refusal, match="half precision"):
        checkpoint.freeze(codec, settings, CARD)


def test_scales_come_back_as_they_were(tmp_path: Path, file: bytes) -> None:
    model = loaded(tmp_path, file)
    again = WholeScales.from_tensors(model.scales.tensors())
    assert all(
        torch.equal(getattr(again.layers[name], field.name), getattr(model.scales.layers[name], field.name))
        for name in WholeScales.NAMES
        for field in dataclasses.fields(again.layers[name])
        if field.name != "shift"
    )
