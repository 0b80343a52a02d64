"""One step: what learns from what, and that it is the loss's algebra all the way into the weights."""

import copy

import pytest
import torch
from torch import Tensor

from codec.conha import config, losses
from codec.conha.batches import Batch
from codec.conha.noise import noise_like
from codec.conha.processes import Processes
from codec.conha.steps import Learner, learning_rate, plans
from codec.errors import Refusal

HERE = Processes(0, 1, torch.device("cpu"))
TINY = (
    "model.base=4", "model.latent=6", "model.hyper=5", "model.blocks=1",
    "discriminator.base=4", "discriminator.context=4", "rate.target=0.5", "rate.weight_above=2.0",
    "rate.weight_below=0.0625",
    "data.crop=32", "training.batch=3", "loss.perceptual=lpips_random",
)  # fmt: skip


def learner(*more: str, stage: int = 2) -> Learner:
    found = config.read("smoke", (*TINY, *more))
    return Learner(found, next(plan for plan in plans(found) if plan.number == stage), HERE)


def batch(seed: int = 0, crops: int = 3) -> Batch:
    torch.manual_seed(seed)
    pixels = (torch.rand(crops, 3, 32, 32) * 255).byte()
    generators = [torch.Generator().manual_seed(seed * 100 + n) for n in range(crops)]
    return Batch(pixels, noise_like(config.Model(base=4, latent=6, hyper=5, blocks=1), crops, 32, generators), [])


def weights(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


def gradients(network: torch.nn.Module) -> dict[str, Tensor]:
    return {name: one.grad.clone() for name, one in network.named_parameters() if one.grad is not None}


def close(one: dict[str, Tensor], other: dict[str, Tensor]) -> None:
    assert one.keys() == other.keys()
    for name, value in other.items():
        torch.testing.assert_close(one[name], value, rtol=1e-4, atol=1e-7 + 1e-5 * float(value.abs().max()), msg=name)


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> list[str]:
    """Names of tensors that are equal byte for byte."""
    return [name for name in one if torch.equal(one[name], other[name])]


def by_hand(of: Learner, taken: Batch, w: list[float], *, perceptual: float, gan: float) -> dict[str, Tensor]:
    """Gradients of the codec from the formula alone, on copies: no optimiser, no step."""
    codec, critic, distance = copy.deepcopy(of.codec), copy.deepcopy(of.discriminator), of.distance
    assert critic is not None
    assert distance is not None
    pixels = taken.pixels.float() / 255
    output = codec(pixels, taken.noise)
    mse = (255 * (output.pixels - pixels)).square().mean((1, 2, 3))
    realism = -critic(output.pixels, output.latent).sigmoid().log().mean((1, 2, 3))
    rate = of.config.rate
    weight = rate.weight_above if float(output.coded_bpp.mean()) > rate.target else rate.weight_below
    each = weight * output.noisy_bpp + of.config.loss.mse * mse
    each = each + torch.tensor(w) * (perceptual * distance(pixels, output.pixels) + gan * realism)
    each.mean().backward()
    return gradients(codec)


def without_quantiles(found: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: value for name, value in found.items() if not name.endswith("quantiles")}


@pytest.mark.parametrize("w", [[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.9, 0.2, 0.0]])
def test_the_codec_learns_from_the_formula_with_each_crops_w(w: list[float]) -> None:
    one, taken = learner(), batch()
    expected = by_hand(one, taken, w, perceptual=1.0, gan=0.15)
    one.improve(taken, torch.tensor(w), 0)
    close(without_quantiles(gradients(one.codec)), expected)


def test_without_preference_a_step_is_that_of_rate_and_mse_alone() -> None:
    one, plain = learner(), learner("loss.perceptual_weight=0.0", "loss.gan_weight=0.0")
    one.improve(batch(), torch.zeros(3), 0)
    plain.improve(batch(), torch.ones(3), 0)
    close(gradients(one.codec), gradients(plain.codec))
    some = learner()
    some.improve(batch(), torch.tensor([0.0, 0.3, 0.0]), 0)
    with pytest.raises(AssertionError):
        close(gradients(some.codec), gradients(plain.codec))


def test_with_full_preference_conha_takes_hifics_step_bit_for_bit() -> None:
    conha, hific = learner("preference.w=constant"), learner()
    for step in range(3):
        for one in (conha, hific):
            one.discriminate(batch(2 * step), step)
            one.improve(batch(2 * step + 1), torch.ones(3), step)
    assert len(same(weights(conha.codec), weights(hific.codec))) == len(weights(hific.codec))


def test_the_discriminators_step_is_the_one_by_hand_whatever_the_codec_did_before() -> None:
    """No gradient of the codec's step is left over in it: the slip of a well-known port."""
    one = learner()
    before = weights(one.discriminator)
    one.improve(batch(1), torch.ones(3), 0)
    assert gradients(one.discriminator) == {}
    learned = {name for name, _ in one.discriminator.named_parameters()}
    assert learned <= set(same(before, weights(one.discriminator)))  # its own weights did not move
    taken, critic = batch(2), copy.deepcopy(one.discriminator)
    with torch.no_grad():
        output = one.codec(taken.pixels.float() / 255, taken.noise)
    pixels, latents = taken.pixels.float() / 255, output.latent
    logits = critic(torch.cat((pixels, output.pixels)), torch.cat((latents, latents)))
    (-logits[:3].sigmoid().log().mean() - (1 - logits[3:].sigmoid()).log().mean()).backward()
    codec = weights(one.codec)
    one.discriminate(taken, 0)
    close(gradients(one.discriminator), gradients(critic))
    assert len(same(codec, weights(one.codec))) == len(codec)
    assert all(parameter.requires_grad for parameter in one.discriminator.parameters())


def test_real_and_decoded_images_meet_their_own_latents(monkeypatch: pytest.MonkeyPatch) -> None:
    one, taken, met = learner(), batch(3), []
    inner = one.discriminator.forward

    def watched(pixels: Tensor, latent: Tensor) -> Tensor:
        met.append((pixels.clone(), latent.clone()))
        return inner(pixels, latent)

    monkeypatch.setattr(one.discriminator, "forward", watched)
    with torch.no_grad():
        output = one.codec(taken.pixels.float() / 255, taken.noise)
    one.discriminate(taken, 0)
    pixels, latent = met[0]
    assert torch.equal(pixels, torch.cat((taken.pixels.float() / 255, output.pixels)))
    assert torch.equal(latent, torch.cat((output.latent, output.latent)))


def test_a_frozen_encoder_stays_byte_for_byte_and_so_does_the_bitstream() -> None:
    one = learner("training.freeze_encoder=true", "training.ema=0.5")
    before, generator = weights(one.codec), weights(one.codec.generator)
    taken = batch(4)
    latents = one.codec(taken.pixels.float() / 255, taken.noise).latent
    for step in range(3):
        one.discriminate(batch(5 + step), step)
        one.improve(taken, torch.ones(3), step)
    after = weights(one.codec)
    assert set(before) - set(same(before, after)) == {f"generator.{name}" for name in generator}
    assert torch.equal(one.codec(taken.pixels.float() / 255, taken.noise).latent, latents)
    assert set(one.optimisers) == {"transforms", "discriminator"}


def test_stage_one_has_no_discriminator_and_joint_training_only_one_stage() -> None:
    assert learner(stage=1).discriminator is None
    joint = config.read("smoke", (*TINY, "training.joint=true"))
    assert [(plan.number, plan.gan, plan.weighed, plan.warming) for plan in plans(joint)] == [(1, True, True, True)]
    both = config.read("smoke", TINY)
    assert [(plan.number, plan.gan, plan.weighed) for plan in plans(both)] == [(1, False, False), (2, True, True)]
    assert [plan.number for plan in plans(config.read("hyperprior"))] == [1]
    assert [plan.number for plan in plans(config.read("smoke", (*TINY, "training.start=RUN")))] == [2]


def test_every_parameter_has_one_optimiser_and_moves() -> None:
    one = learner()
    owned = [
        id(p) for optimiser in one.optimisers.values() for group in optimiser.param_groups for p in group["params"]
    ]
    networks = (*one.codec.parameters(), *one.discriminator.parameters())
    assert sorted(owned) == sorted(id(parameter) for parameter in networks)
    names = {id(parameter): name for name, parameter in one.codec.named_parameters()}
    density = {names[id(parameter)] for parameter in one.optimisers["density"].param_groups[0]["params"]}
    assert density
    assert all(name.startswith("hyper_prior.") and not name.endswith("quantiles") for name in density)
    before = weights(one.codec)
    one.discriminate(batch(0), 0)
    one.improve(batch(1), torch.ones(3), 0)
    learned = dict(one.codec.named_parameters())
    still = [name for name in same(before, weights(one.codec)) if name in learned]
    assert still == []


def test_the_rate_weight_is_the_controllers_and_warms_up_in_the_first_stage_only() -> None:
    rate = ("rate.target=0.0001", "rate.warmup_steps=10")
    first, second = learner(*rate, stage=1), learner(*rate)
    assert first.improve(batch(), torch.ones(3), 0).rate_weight == 1.0
    assert first.improve(batch(), torch.ones(3), 10).rate_weight == 2.0
    assert second.improve(batch(), torch.ones(3), 0).rate_weight == 2.0
    assert learner("rate.target=90.0").improve(batch(), torch.ones(3), 0).rate_weight == 0.0625


def test_the_mean_generator_follows_the_learning_one() -> None:
    one = learner("training.ema=0.75")
    before = weights(one.codec.generator)
    one.improve(batch(), torch.ones(3), 0)
    expected = {name: 0.75 * before[name] + 0.25 * value for name, value in weights(one.codec.generator).items()}
    close(weights(one.mean_generator), expected)
    close(weights(one.exported().generator), expected)
    decoded, bpp = one.reconstruct(batch().pixels.float() / 255)
    assert decoded.shape == (3, 3, 32, 32)
    assert bpp.shape == (3,)


def test_clipping_bounds_the_step_of_large_gradients_only() -> None:
    free, held = learner(), learner("training.clip=0.001")
    free.improve(batch(), torch.ones(3), 0)
    held.improve(batch(), torch.ones(3), 0)
    norms = [
        torch.stack([g.norm() for g in without_quantiles(gradients(one.codec)).values()]).norm() for one in (free, held)
    ]
    assert norms[0] > 1
    torch.testing.assert_close(norms[1], torch.tensor(0.001), rtol=1e-2, atol=0)


def test_autocast_leaves_rates_and_losses_in_full_precision() -> None:
    one, exact = learner("training.bf16=true"), learner()
    rough, plain = one.improve(batch(), torch.ones(3), 0), exact.improve(batch(), torch.ones(3), 0)
    assert rough.mse == pytest.approx(plain.mse, rel=0.02)
    assert rough.bpp == pytest.approx(plain.bpp, rel=0.05)
    assert rough != plain
    assert all(value.dtype == torch.float32 for value in one.codec.state_dict().values() if value.is_floating_point())


def test_a_number_that_is_not_finite_stops_before_anything_learns_from_it() -> None:
    one = learner()
    with torch.no_grad():
        one.codec.generator.up[-1].bias.fill_(float("nan"))
    before = weights(one.codec.encoder)
    with pytest.raises(Refusal, match=r"stopped at step 7, where mse is nan; go on from the last checkpoint"):
        one.improve(batch(), torch.ones(3), 7)
    assert len(same(before, weights(one.codec.encoder))) == len(before)


def test_a_constant_total_looks_at_the_means_of_recent_batches() -> None:
    one = learner("loss.constant_total=true")
    first = one.improve(batch(0), torch.full((3,), 0.5), 0)
    torch.testing.assert_close(one.usual.float(), torch.tensor([first.mse, first.perceptual, first.gan]))
    second = one.improve(batch(1), torch.full((3,), 0.5), 1)
    expected = 0.99 * torch.tensor([first.mse, first.perceptual, first.gan]) + 0.01 * torch.tensor(
        [second.mse, second.perceptual, second.gan]
    )
    torch.testing.assert_close(one.usual.float(), expected)


def test_the_learning_rate_falls_to_a_tenth_and_rises_first_where_asked() -> None:
    stage = config.Stage(steps=100, decay_at=50, warmup=4)
    assert [learning_rate(stage, step, 1.0) for step in (0, 1, 3, 4, 49)] == [0.25, 0.5, 1.0, 1.0, 1.0]
    assert learning_rate(stage, 50, 1.0) == pytest.approx(0.1)
    assert learning_rate(config.Stage(decay_at=0), 10**6, 1.0) == 1.0


def test_reconstruction_is_the_codec_without_noise() -> None:
    one = learner()
    pixels = batch(8).pixels.float() / 255
    latent = one.codec.encoder(pixels)
    rounding = one.codec.rounded_hyper(one.codec.hyper_analysis(latent)) - one.codec.hyper_analysis(latent)
    output = one.codec(pixels, batch(8).noise._replace(hyper=rounding))
    decoded, bpp = one.codec.reconstruct(pixels)
    torch.testing.assert_close(decoded, output.pixels)
    torch.testing.assert_close(bpp, output.coded_bpp)
    assert losses.squared_error(pixels, decoded).shape == (3,)
