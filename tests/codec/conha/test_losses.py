"""The algebra of the loss: what w = 0, w = 1 and a single image's w give."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional

from codec.conha import config, losses
from codec.conha.config import Loss, Preference, Rate
from codec.conha.discriminator import Discriminator
from codec.conha.losses import Terms
from codec.conha.model import Codec
from codec.conha.noise import noise_like

TINY = config.Model(base=4, latent=6, hyper=5, blocks=1)
HIFIC = Loss()


def terms_of(decoded: torch.Tensor, pixels: torch.Tensor, logits: torch.Tensor) -> Terms:
    """A perceptual distance of its own: between blurred images."""
    blurred = functional.avg_pool2d(decoded - pixels, 4).abs().mean((1, 2, 3))
    return Terms(losses.squared_error(pixels, decoded), blurred, losses.realism(logits))


def gradients(w: list[float], loss: Loss, only: slice = slice(None)) -> list[torch.Tensor]:
    """Of rate and distortion, by every parameter of a small codec."""
    torch.manual_seed(0)
    codec, critic = Codec(TINY), Discriminator(TINY, config.Discriminator(base=4)).eval()
    pixels = torch.rand(3, 3, 32, 32)[only]
    noise = noise_like(TINY, 3, 32, [torch.Generator().manual_seed(seed) for seed in range(3)])
    output = codec(pixels, type(noise)(*(part[only] for part in noise)))
    terms = terms_of(output.pixels, pixels, critic(output.pixels, output.latent))
    total = 2 * output.noisy_bpp + losses.distortion(terms, torch.tensor(w)[only], loss)
    total.mean().backward()
    return [parameter.grad.clone() for parameter in codec.parameters() if parameter.grad is not None]


def close(one: list[torch.Tensor], other: list[torch.Tensor], rtol: float = 1e-5) -> None:
    for a, b in zip(one, other, strict=True):
        torch.testing.assert_close(a, b, rtol=rtol, atol=1e-6 + 1e-5 * float(b.abs().max()))


def test_without_preference_only_rate_and_mse_are_learned_from() -> None:
    alone = gradients([1, 1, 1], Loss(perceptual_weight=0, gan_weight=0))
    close(gradients([0, 0, 0], HIFIC), alone)
    with pytest.raises(AssertionError):
        close(gradients([0.3, 0, 0], HIFIC), alone)


def test_with_full_preference_it_is_hifics_loss_bit_for_bit() -> None:
    torch.manual_seed(1)
    decoded, pixels, logits = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16), torch.randn(4, 1, 2, 2)
    terms = terms_of(decoded, pixels, logits)
    hific = 0.075 * 2**-5 * terms.mse + 1.0 * terms.perceptual + 0.15 * terms.gan
    assert torch.equal(losses.distortion(terms, torch.ones(4), HIFIC), hific)


def test_a_batch_weighs_each_image_as_it_would_be_weighed_alone() -> None:
    w = [0.9, 0.1, 0.5]
    alone = [gradients(w, HIFIC, slice(place, place + 1)) for place in range(3)]
    close(gradients(w, HIFIC), [torch.stack(parts).mean(0) for parts in zip(*alone, strict=True)], rtol=1e-3)


def test_only_the_named_terms_are_scaled() -> None:
    terms = Terms(*(torch.tensor([value]) for value in (100.0, 0.5, 0.7)))
    w = torch.tensor([0.2])
    named = {
        (): 0.234375 + 0.5 + 0.105,
        ("gan",): 0.234375 + 0.5 + 0.021,
        ("perceptual",): 0.234375 + 0.1 + 0.105,
        ("perceptual", "gan"): 0.234375 + 0.1 + 0.021,
    }
    for names, expected in named.items():
        assert losses.distortion(terms, w, Loss(w_terms=names)).item() == pytest.approx(expected)  # type: ignore[arg-type]


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5))
def test_a_constant_total_gives_the_usual_image_the_same_distortion_whatever_w(w: list[float]) -> None:
    usual = Terms(*(torch.tensor(value) for value in (120.0, 0.2, 0.7)))
    images = Terms(*(value.expand(len(w)) for value in usual))
    found = losses.distortion(images, torch.tensor(w), Loss(constant_total=True), usual)
    full = losses.distortion(images, torch.ones(len(w)), HIFIC)
    torch.testing.assert_close(found, full)


def test_the_gan_terms_are_binary_cross_entropies() -> None:
    torch.manual_seed(2)
    real, fake = torch.randn(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    bce = functional.binary_cross_entropy_with_logits
    torch.testing.assert_close(losses.realism(fake).mean(), bce(fake, torch.ones_like(fake)))
    expected = bce(real, torch.ones_like(real)) + bce(fake, torch.zeros_like(fake))
    torch.testing.assert_close(losses.discriminator_loss(real, fake), expected)


@pytest.mark.parametrize(
    ("step", "bpp", "weight"),
    [(0, 0.19, 0.03125), (0, 0.21, 1.0), (49_999, 0.21, 1.0), (50_000, 0.15, 2.0), (50_000, 0.14, 0.0625)],
)
def test_the_controller_switches_at_the_target_and_is_mild_at_first(step: int, bpp: float, weight: float) -> None:
    assert losses.rate_weight(Rate(), step, bpp) == weight


def test_w_is_bent_as_the_map_says() -> None:
    w = torch.tensor([0.0, 0.25, 0.5, 0.8, 1.0])
    assert losses.mapped(w, Preference()).tolist() == w.tolist()
    assert losses.mapped(w, Preference(map="threshold")).tolist() == [0, 0, 1, 1, 1]
    torch.testing.assert_close(losses.mapped(w, Preference(map="power", power=2.0)), w**2)
    points = ((0.0, 0.2), (0.5, 0.4), (0.75, 1.0), (1.0, 0.0))
    found = losses.mapped(w, Preference(map="table", table=points)).numpy()
    np.testing.assert_allclose(found, np.interp(w.numpy(), *zip(*points, strict=True)), rtol=1e-6)
