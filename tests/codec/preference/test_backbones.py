"""Backbones: checked files only, features of any crop's size, and refusals that say which file to put where."""

import shutil
from pathlib import Path

import pytest
import torch

from codec.errors import Refusal
from codec.preference import backbones

PUBLISHED = Path(__file__).resolve().parents[4] / "shared/weights"
needs_weights = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="no published weights here")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty TORCH_HOME; its folder of weights."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = tmp_path / "hub/checkpoints"
    folder.mkdir(parents=True)
    return folder


@pytest.mark.parametrize(("name", "width"), [("squeezenet1_1", 512), ("resnet18", 512), ("mobilenet_v3_small", 576)])
def test_features_are_means_over_crops_of_any_size(name: str, width: int) -> None:
    backbone = backbones.load(name + backbones.UNTRAINED)
    again = backbones.load(name + backbones.UNTRAINED)
    images = torch.rand(2, 3, 72, 100, generator=torch.Generator().manual_seed(0))
    assert backbone.width == width == backbone(images).shape[1]
    assert torch.equal(backbone(images), again(images))
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    assert not backbone.training


def test_loading_leaves_the_random_numbers_of_others_alone() -> None:
    torch.manual_seed(3)
    expected = torch.rand(4)
    torch.manual_seed(3)
    backbones.load("squeezenet1_1+untrained")
    assert torch.equal(torch.rand(4), expected)


def test_a_missing_file_is_named_with_where_it_goes(home: Path) -> None:
    with pytest.raises(
        Refusal, match=f"resnet50-0676ba61.pth or resnet50-11ad3fa6.pth in {home}; get it from https://"
    ):
        backbones.load("resnet50")


def test_another_file_of_that_name_is_refused(home: Path) -> None:
    (home / "resnet18-f37072fd.pth").write_bytes(b"something else")
    with pytest.raises(Refusal, match="is not what its name says"):
        backbones.load("resnet18")


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(Refusal, match="'resnet51' is no backbone here; choose from resnet50"):
        backbones.load("resnet51")


@needs_weights
def test_published_weights_are_read_and_checked(home: Path) -> None:
    file = "squeezenet1_1-b8a52dc0.pth"
    shutil.copyfile(PUBLISHED / "hub/checkpoints" / file, home / file)
    backbone = backbones.load("squeezenet1_1")
    assert backbone.weights.file == file
    assert backbones.load("squeezenet1_1", backbone.weights.sha256).width == 512
    with pytest.raises(Refusal, match="put the same file there"):
        backbones.load("squeezenet1_1", "0" * 64)


def test_timm_where_it_is_installed(home: Path) -> None:
    timm = pytest.importorskip("timm")
    backbone = backbones.load("timm/resnet10t+untrained")
    assert backbone(torch.zeros(1, 3, 64, 64)).shape == (1, backbone.width)
    with pytest.raises(Refusal, match=r"resnet10t-DIGITS\.safetensors"):
        backbones.load("timm/resnet10t")
    with pytest.raises(Refusal, match="timm knows no model"):
        backbones.load("timm/resnetten")
    assert timm.is_model("resnet10t")
