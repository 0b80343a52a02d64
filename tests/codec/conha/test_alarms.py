"""Alarms: a discriminator outside its range for long, and spectra that overshoot."""

import math

import pytest
import torch

from codec.conha import alarms


def test_the_alarm_sounds_once_after_patience_and_again_after_a_recovery() -> None:
    watch = alarms.DiscriminatorWatch(patience=5)
    said = [watch.see(0.99) for _ in range(12)]
    assert [bool(one) for one in said] == [False] * 4 + [True] + [False] * 7
    assert "hardly ever errs: 99% of patches are told rightly" in str(said[4])
    for _ in range(400):
        assert watch.see(0.7) is None
    assert [bool(watch.see(0.5)) for _ in range(200)].count(True) == 1


def test_a_discriminator_in_its_range_is_left_alone_and_its_state_survives() -> None:
    watch = alarms.DiscriminatorWatch(patience=2)
    assert alarms.DiscriminatorWatch().state() == {"smoothed": -1.0, "outside": 0}
    assert [watch.see(accuracy) for accuracy in (0.6, 0.8, 0.56, 0.9)] == [None] * 4
    watch.see(0.99)
    other = alarms.DiscriminatorWatch(patience=2)
    other.restore(watch.state())
    assert (other.smoothed, other.outside) == (watch.smoothed, watch.outside)
    other.restore(alarms.DiscriminatorWatch().state())
    assert math.isnan(other.smoothed)


def test_a_wave_has_its_power_in_the_ring_of_its_frequency() -> None:
    side = 64
    for cycles in (4, 11, 27):
        wave = torch.sin(2 * torch.pi * cycles * torch.arange(side) / side).expand(1, 3, side, side)
        spectrum = alarms.radial_spectrum(0.5 + 0.4 * wave)
        assert int(spectrum.argmax()) == int(cycles / (side / 2) * 16)
        turned = alarms.radial_spectrum((0.5 + 0.4 * wave).transpose(-1, -2))
        torch.testing.assert_close(spectrum, turned, rtol=1e-3, atol=1e-3 * float(spectrum.max()))


def test_white_noise_is_flat_and_brightness_does_not_count() -> None:
    torch.manual_seed(0)
    noise = torch.randn(64, 3, 64, 64) * 0.1
    spectrum = alarms.radial_spectrum(noise)
    # The first ring has few frequencies, and lacks what goes with the mean.
    torch.testing.assert_close(spectrum[1:] / spectrum.mean(), torch.ones(15), rtol=0, atol=0.15)
    torch.testing.assert_close(alarms.radial_spectrum(noise + 0.5), spectrum, rtol=1e-3, atol=1e-4)
    assert alarms.spectrum_ratio(noise, 1.2 * noise) == pytest.approx(1.44, rel=1e-3)


def test_only_too_much_power_is_said() -> None:
    assert alarms.spectrum_alarm(0.4) is None
    assert alarms.spectrum_alarm(1.25) is None
    assert "1.30 times the power" in str(alarms.spectrum_alarm(1.3))
