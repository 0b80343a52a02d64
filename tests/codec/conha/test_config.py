"""Configs: all shipped ones, HiFiC's constants, and what is refused."""

from pathlib import Path

import pytest

from codec.conha import config
from codec.errors import Refusal

SHIPPED = sorted(path.stem for path in config.CONFIGS.glob("*.toml"))


def test_the_configs_of_the_paper_are_shipped() -> None:
    assert SHIPPED == ["conha", "conha_fixed", "hific", "hyperprior", "joint", "lpips_only", "smoke"]


@pytest.mark.parametrize("name", SHIPPED)
def test_a_config_is_named_after_its_file_and_survives_a_checkpoint(name: str) -> None:
    found = config.read(name)
    assert found.name == name
    assert config.from_json(config.to_json(found), "a checkpoint") == found


def test_the_defaults_are_hifics_constants() -> None:
    hific = config.read("hific")
    assert hific.loss.mse == 0.00234375
    assert (hific.loss.perceptual_weight, hific.loss.gan_weight) == (1.0, 0.15)
    assert (hific.rate.weight_above, hific.rate.weight_below) == (2**1, 2**-4)
    assert hific.rate.warmup_target == pytest.approx(1.4286, abs=1e-4)
    assert (hific.training.batch, hific.training.stage1.steps, hific.training.stage2.steps) == (8, 10**6, 10**6)
    # The released code's own factors: C = 0.1 * 2^-5 over lmbda_a = 0.1 * 2^-6 is the weight of a bit.
    assert hific.rate.weight_above == pytest.approx(0.1 * 2**-5 / (0.1 * 2**-6))
    assert hific.loss.gan_weight == pytest.approx(0.1 * 1.5)


def test_settings_are_put_over_a_file() -> None:
    found = config.read(
        "smoke", ("training.batch=2", "loss.perceptual=dists", "preference.table=[[0.0, 0.0], [1.0, 0.5]]")
    )
    assert (found.training.batch, found.loss.perceptual) == (2, "dists")
    assert found.preference.table == ((0.0, 0.0), (1.0, 0.5))


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("training.bach=2", "did you mean `batch`?"),
        ("training.batch=0", "`training.batch`"),
        ("training.batch", "is not TABLE.KEY=VALUE"),
        ("name.x=1", "`name` is no table"),
        ("data.crop=100", "a multiple of 16"),
        ("preference.w=model", "name the file"),
        ("preference.map=table", "two points"),
        ("data.scale_low=0.96", "swap them"),
        ("loss.perceptual=lpips", "`loss.perceptual`"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_sentence(setting: str, said: str) -> None:
    with pytest.raises(Refusal) as refused:
        config.read("smoke", (setting,))
    assert said in refused.value.message
    assert "\n" not in refused.value.message


def test_a_missing_and_a_broken_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(Refusal, match="shipped config; those are conha"):
        config.read("nothing")
    broken = tmp_path / "broken.toml"
    broken.write_text("[model")
    with pytest.raises(Refusal, match="is not TOML"):
        config.read(str(broken))
