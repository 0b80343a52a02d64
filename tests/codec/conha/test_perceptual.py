"""Perceptual distances: equal to the packages where those are sound, safe where they are not, refused where unknown."""

import hashlib
import math
import warnings
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from codec.conha import perceptual
from codec.errors import Refusal

SHARED = Path(__file__).parents[3].parent / "shared" / "weights"


def random_layers(network: str) -> nn.Sequential:
    """Torchvision's features with weights that were drawn."""
    import torchvision.models

    with torch.device("meta"):
        layers: nn.Sequential = getattr(torchvision.models, network)(weights=None).features
    layers.to_empty(device="cpu")
    torch.manual_seed(3)
    for parameter in layers.parameters():
        width = parameter[0].numel()
        nn.init.normal_(parameter, std=(2 / width) ** 0.5 if width > 1 else 0.01)
    for layer in layers.modules():
        if isinstance(layer, nn.ReLU):
            layer.inplace = False
    return layers


def with_features(layers: nn.Sequential) -> SimpleNamespace:
    """As much of torchvision's network as the packages look at."""
    return SimpleNamespace(features=layers)


def images(*, side: int = 64) -> tuple[torch.Tensor, torch.Tensor]:
    torch.manual_seed(5)
    pixels = torch.rand(2, 3, side, side)
    return pixels, (pixels + 0.1 * torch.randn_like(pixels)).clamp(0, 1)


@pytest.mark.parametrize("backbone", ["alex", "vgg", "squeeze"])
def test_it_is_the_packages_lpips_with_the_same_features(backbone: str, monkeypatch: pytest.MonkeyPatch) -> None:
    import lpips
    import torchvision.models

    published = perceptual.BACKBONES[backbone]
    layers, theirs = random_layers(published.network), random_layers(published.network)
    monkeypatch.setattr(torchvision.models, published.network, lambda **_: with_features(theirs))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package asks torchvision in an old way
        package = lpips.LPIPS(net=backbone, pnet_rand=True, verbose=False).eval()
    heads = [getattr(package, f"lin{place}").model[-1].weight for place in range(len(published.taps))]
    found = perceptual.Lpips("lpips", layers, published.taps, [head.detach() for head in heads])
    pixels, decoded = images()
    expected = package(pixels, decoded, normalize=True).reshape(-1)
    torch.testing.assert_close(found(pixels, decoded), expected, atol=1e-6, rtol=1e-5)


def test_it_is_the_packages_dists_with_the_same_features(monkeypatch: pytest.MonkeyPatch) -> None:
    import torchvision.models
    from DISTS_pytorch import DISTS_pt

    layers = random_layers("vgg16")

    monkeypatch.setattr(torchvision.models, "vgg16", lambda **_: with_features(layers))
    package = DISTS_pt.DISTS(load_weights=False)
    found = perceptual.Dists(layers, package.alpha.detach(), package.beta.detach())
    pixels, decoded = images()
    torch.testing.assert_close(found(pixels, decoded), package(pixels, decoded), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found(pixels, pixels), torch.zeros(2), atol=1e-5, rtol=0)


def test_published_values_come_out_with_the_published_features(monkeypatch: pytest.MonkeyPatch) -> None:
    if not SHARED.is_dir():
        pytest.skip("no weights beside this checkout")
    monkeypatch.setenv("TORCH_HOME", str(SHARED))
    found = perceptual.distance("lpips_squeeze")

    def read(name: str) -> torch.Tensor:
        pixels = np.array(Image.open(SHARED / name).convert("RGB"))
        return torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255

    distances = [found(read("ex_ref.png"), read(name)).item() for name in ("ex_p0.png", "ex_p1.png")]
    assert [round(value, 4) for value in distances] == [0.7112, 0.1479]


def made(name: str) -> perceptual.Distance:
    if name == "dists":
        layers = random_layers("vgg16")
        return perceptual.Dists(layers, torch.full((1, 1475, 1, 1), 0.1), torch.full((1, 1475, 1, 1), 0.1)).eval()
    return perceptual.distance("lpips_random")


@pytest.mark.parametrize("name", ["lpips_random", "dists"])
@pytest.mark.parametrize("flat", [torch.zeros_like, torch.ones_like, torch.clone])
def test_flat_and_equal_images_have_a_finite_gradient(name: str, flat: Callable[[torch.Tensor], torch.Tensor]) -> None:
    distance = made(name)
    pixels, noisy = images(side=32)
    for original, decoded in ((flat(pixels), noisy), (flat(pixels), flat(pixels))):
        leaf = decoded.clone().requires_grad_()
        value = distance(original, leaf)
        value.sum().backward()
        assert value.shape == (2,)
        assert leaf.grad is not None
        assert bool(leaf.grad.isfinite().all())
        assert bool(value.isfinite().all())


def test_the_packages_own_gradient_breaks_where_features_vanish_and_ours_does_not() -> None:
    """What the root's epsilon is for: features that are 0 everywhere."""
    import lpips

    theirs, ours = (torch.zeros(1, 4, 2, 2, requires_grad=True) for _ in range(2))
    (lpips.normalize_tensor(theirs) - torch.ones(1, 4, 2, 2)).square().sum().backward()
    (perceptual._unit(ours) - torch.ones(1, 4, 2, 2)).square().sum().backward()
    assert theirs.grad is not None
    assert ours.grad is not None
    assert not bool(theirs.grad.isfinite().all())
    assert bool(ours.grad.isfinite().all())


def test_the_gradient_points_towards_the_original() -> None:
    distance = perceptual.distance("lpips_random")
    assert distance.name == "lpips_random"
    assert not any(parameter.requires_grad for parameter in distance.parameters())
    pixels, decoded = images()
    leaf = decoded.clone().requires_grad_()
    before = distance(pixels, leaf)
    before.sum().backward()
    assert leaf.grad is not None
    after = distance(pixels, decoded - 1e-2 * leaf.grad / leaf.grad.norm())
    assert bool((after < before).all())
    assert distance(pixels, pixels).tolist() == [0, 0]


def test_a_missing_file_is_refused_with_its_name_its_place_and_its_source(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name, file in (("lpips_alex", "alexnet-owt-7be5be79.pth"), ("dists", "vgg16-397923af.pth")):
        with pytest.raises(Refusal) as refused:
            perceptual.distance(name)
        message = refused.value.message
        assert file in message
        assert str(tmp_path / "hub" / "checkpoints") in message
        assert f"https://download.pytorch.org/models/{file}" in message
        assert "\n" not in message


def test_a_file_that_is_not_the_published_one_is_never_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[Any] = []
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(torch, "load", lambda *given, **_: opened.append(given))
    path = tmp_path / "hub" / "checkpoints" / "alexnet-owt-7be5be79.pth"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not weights")
    sha256 = hashlib.sha256(b"not weights").hexdigest()
    with pytest.raises(Refusal, match=f"not the published file.*{sha256[:8]}"):
        perceptual._published(perceptual.BACKBONES["alex"], "lpips_alex")
    assert opened == []


def test_the_heads_of_all_backbones_come_with_the_package() -> None:
    for backbone, published in perceptual.BACKBONES.items():
        heads = perceptual._package_file("lpips", f"weights/v0.1/{backbone}.pth")
        assert len(heads) == len(published.taps)
        assert all(float(head.min()) >= 0 for head in heads.values())
    weights = perceptual._package_file("DISTS_pytorch", "weights.pt")
    assert {name: tensor.numel() for name, tensor in weights.items()} == {"alpha": 1475, "beta": 1475}
    assert math.isclose(float(weights["alpha"].sum() + weights["beta"].sum()), 1, abs_tol=0.5)
