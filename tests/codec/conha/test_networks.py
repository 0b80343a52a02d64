"""Sizes and shapes: those that were published, and those of any image."""

import pytest
import torch

from codec.conha import config
from codec.conha.discriminator import Discriminator
from codec.conha.model import Codec
from codec.conha.networks import (
    Encoder,
    Generator,
    HyperAnalysis,
    HyperSynthesis,
    cut,
    pad_to_stride,
    parameters_of,
)
from codec.conha.noise import noise_like

TINY = config.Model(base=4, latent=6, hyper=5, blocks=1)


def test_parameter_counts_are_the_published_ones() -> None:
    with torch.device("meta"):
        model = config.Model()
        counts = [parameters_of(network(model)) for network in (Encoder, Generator, HyperAnalysis, HyperSynthesis)]
        whole = parameters_of(Codec(model))
    discriminator = Discriminator(model, config.Discriminator())
    millions = [round(count / 1e6, 2) for count in [*counts, parameters_of(discriminator)]]
    assert millions == [7.42, 156.77, 5.75, 5.75, 2.80]
    assert round(whole / 1e6, 1) == 181.5


def test_the_discriminator_gives_a_logit_for_eight_by_eight_pixels() -> None:
    discriminator = Discriminator(TINY, config.Discriminator(base=4))
    assert discriminator(torch.rand(2, 3, 64, 96), torch.rand(2, 6, 4, 6)).shape == (2, 1, 8, 12)


def test_each_image_meets_the_discriminator_with_its_own_latent() -> None:
    torch.manual_seed(0)
    discriminator = Discriminator(TINY, config.Discriminator(base=4)).eval()  # spectral norm stands still
    real, fake, latent = torch.rand(3, 3, 32, 32), torch.rand(3, 3, 32, 32), torch.randn(3, 6, 2, 2)
    together = discriminator.both(real, fake, latent)
    for place in range(3):
        for kind, images in enumerate((real, fake)):
            alone = discriminator(images[place : place + 1], latent[place : place + 1])
            torch.testing.assert_close(together[kind][place : place + 1], alone)


def test_no_gradient_reaches_the_latent_through_the_discriminator() -> None:
    discriminator = Discriminator(TINY, config.Discriminator(base=4))
    latent, pixels = torch.randn(1, 6, 2, 2, requires_grad=True), torch.rand(1, 3, 32, 32, requires_grad=True)
    discriminator(pixels, latent).sum().backward()
    assert latent.grad is None
    assert pixels.grad is not None


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 40), (15, 17), (16, 16), (16, 33), (9, 8)])
def test_any_image_is_continued_to_whole_latents(height: int, width: int) -> None:
    pixels = torch.rand(1, 3, height, width)
    padded = pad_to_stride(pixels)
    assert padded.shape[-2] % 16 == padded.shape[-1] % 16 == 0
    assert torch.equal(cut(padded, pixels), pixels)
    assert set(padded.unique().tolist()) <= set(pixels.unique().tolist())


def test_the_nearest_pixels_are_mirrored_without_the_edge_twice() -> None:
    row = torch.arange(20.0).expand(1, 3, 20, 20)
    assert pad_to_stride(row)[0, 0, 0].tolist() == [*range(20), *range(18, 6, -1)]


@pytest.mark.parametrize("side", [16, 48, 80])
def test_training_gives_pixels_and_rates_of_every_image(side: int) -> None:
    torch.manual_seed(0)
    codec = Codec(TINY)
    generators = [torch.Generator().manual_seed(seed) for seed in (1, 2)]
    noise = noise_like(TINY, 2, side, generators)
    output = codec(torch.rand(2, 3, side, side), noise)
    assert output.pixels.shape == (2, 3, side, side)
    assert output.latent.shape == (2, 6, side // 16, side // 16)
    assert output.noisy_bpp.shape == output.coded_bpp.shape == (2,)
    assert bool((output.noisy_bpp > 0).all())
    assert not output.coded_bpp.requires_grad
    (output.noisy_bpp.sum() + output.pixels.sum()).backward()
    unmoved = [name for name, parameter in codec.named_parameters() if parameter.grad is None]
    assert unmoved == ["hyper_prior.density.quantiles"]  # which the auxiliary loss moves


def test_an_image_costs_and_looks_the_same_alone_and_in_a_batch() -> None:
    torch.manual_seed(0)
    codec, pixels = Codec(TINY), torch.rand(3, 3, 32, 32)
    noise = noise_like(TINY, 3, 32, [torch.Generator().manual_seed(seed) for seed in range(3)])
    together = codec(pixels, noise)
    alone = codec(pixels[1:2], noise_like(TINY, 1, 32, [torch.Generator().manual_seed(1)]))
    torch.testing.assert_close(together.pixels[1:2], alone.pixels, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(together.noisy_bpp[1:2], alone.noisy_bpp, atol=1e-5, rtol=1e-4)
