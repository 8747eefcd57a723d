import numpy as np
import pytest

from sparkgen.layers.diffusion import (
    Prediction,
    Schedule,
    betas,
    denoised,
    kept_variances,
    noise_of,
    target,
    way_back,
)

schedules = pytest.mark.parametrize("schedule", ["linear", "cosine"])


@schedules
@pytest.mark.parametrize("steps", [10, 1000])
def test_the_kept_variance_falls_from_nearly_one_to_nearly_zero(
    schedule: Schedule, steps: int
) -> None:
    kept = kept_variances(schedule, steps)
    assert kept.shape == (steps,)
    assert (np.diff(kept) < 0).all()
    assert 1 - 20 / steps**1.5 - 0.02 < kept[0] < 1
    assert 0 < kept[-1] < 2e-3
    assert (np.diff(betas(schedule, steps)) >= 0).all()


def test_the_linear_schedule_is_that_of_the_paper() -> None:
    beta = betas("linear", 1000)
    np.testing.assert_allclose(beta[[0, -1]], [1e-4, 0.02])
    np.testing.assert_allclose(kept_variances("linear", 1000)[-1], 4.0358e-5, rtol=1e-4)


def test_the_cosine_schedule_keeps_half_the_variance_at_half_time() -> None:
    kept = kept_variances("cosine", 1000)
    start = np.cos(0.008 / 1.008 * np.pi / 2) ** 2
    expected = np.cos((0.5 + 0.008) / 1.008 * np.pi / 2) ** 2 / start
    np.testing.assert_allclose(kept[499], expected, rtol=1e-9)
    assert abs(kept[499] - 0.5) < 0.01


@schedules
def test_adding_noise_step_by_step_gives_the_stated_moments(schedule: Schedule) -> None:
    """x_t = √(1 - β_t) x_{t-1} + √β_t n, run for many x_0 alike, against N(a x_0, s²)."""
    random = np.random.default_rng(0)
    kept, x = kept_variances(schedule, 50), np.full(200_000, 0.7)
    for t, beta in enumerate(betas(schedule, 50)):
        x = np.sqrt(1 - beta) * x + np.sqrt(beta) * random.standard_normal(x.shape)
        if t in (0, 24, 49):
            assert np.mean(x) == pytest.approx(0.7 * np.sqrt(kept[t]), abs=0.01)
            assert np.var(x) == pytest.approx(1 - kept[t], abs=0.01)


@pytest.mark.parametrize("kind", ["epsilon", "x", "v"])
def test_a_right_prediction_gives_back_image_and_noise(kind: Prediction) -> None:
    random = np.random.default_rng(0)
    x, noise = random.uniform(-1, 1, 100), random.standard_normal(100)
    a, s = np.sqrt(0.3), np.sqrt(0.7)
    x_t = a * x + s * noise
    predicted = target(kind, x, noise, a, s)
    np.testing.assert_allclose(denoised(kind, predicted, x_t, a, s), x)
    np.testing.assert_allclose(noise_of(kind, predicted, x_t, a, s), noise)


@pytest.mark.parametrize("steps", [1, 7, 50, 999, 1000])
def test_the_way_back_goes_from_the_last_time_to_the_image_in_any_number_of_steps(
    steps: int,
) -> None:
    kept = kept_variances("cosine", 1000)
    way = way_back(kept, steps, eta=1.0)
    times = [int(step.time) for step in way]
    assert len(way) == steps
    assert times[0] == 999
    assert (np.diff(times) < 0).all()
    assert way[-1].image_rate == 1
    assert way[-1].noise_rate == way[-1].spread == 0
    for step, time in zip(way, times, strict=True):
        np.testing.assert_allclose([step.a**2, step.s**2], [kept[time], 1 - kept[time]])
    for step, time in zip(way[:-1], times[1:], strict=True):
        np.testing.assert_allclose(step.image_rate**2, kept[time])
        np.testing.assert_allclose(step.noise_rate**2 + step.spread**2, 1 - kept[time])


@schedules
def test_ancestral_steps_are_the_posterior_of_the_forward_process(schedule: Schedule) -> None:
    """Mean and variance of q(x_{t-1} | x_t, x_0): equations 6 and 7 of Ho et al."""
    beta, kept = betas(schedule, 20), kept_variances(schedule, 20)
    x, x_t = 0.4, -1.3
    for step in way_back(kept, 20, eta=1.0)[:-1]:
        t = int(step.time)
        before = kept[t - 1]
        mean = (np.sqrt(before) * beta[t] * x + np.sqrt(1 - beta[t]) * (1 - before) * x_t) / (
            1 - kept[t]
        )
        noise = (x_t - step.a * x) / step.s
        np.testing.assert_allclose(step.image_rate * x + step.noise_rate * noise, mean)
        np.testing.assert_allclose(step.spread**2, (1 - before) / (1 - kept[t]) * beta[t])


def test_without_eta_no_step_draws_noise() -> None:
    assert all(step.spread == 0 for step in way_back(kept_variances("linear", 100), 10, eta=0.0))


@pytest.mark.parametrize("steps", [0, 101])
def test_more_steps_than_times_are_refused(steps: int) -> None:
    with pytest.raises(ValueError, match="1 to 100 sampling steps"):
        way_back(kept_variances("linear", 100), steps, eta=0.0)
