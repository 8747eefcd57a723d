import numpy as np
import pytest

from sparkgen.layers.distributions import (
    bernoulli_log_probability,
    importance_bound,
    logistic_log_probability,
    normal_kl,
    normal_log_density,
    reparameterise,
)
from sparkgen.noise import NoiseSpec, row_noise


def test_the_kl_of_equal_gaussians_is_zero() -> None:
    assert float(normal_kl(np.float32(0), np.float32(0))) == 0


@pytest.mark.parametrize(("mean", "variance"), [(0.7, 0.3), (-1.5, 2.0)])
def test_the_kl_equals_its_monte_carlo_estimate(mean: float, variance: float) -> None:
    zero = np.zeros(200, np.float32)
    mean_, log_variance = zero + np.float32(mean), zero + np.float32(np.log(variance))
    z = reparameterise(mean_, log_variance, row_noise(NoiseSpec((200,)), range(1000), seed=0))
    log_q, log_p = normal_log_density(z, mean_, log_variance), normal_log_density(z, zero, zero)
    assert abs(np.mean(log_q - log_p) - np.mean(normal_kl(mean_, log_variance))) < 0.01


def test_reparameterised_draws_have_their_mean_and_variance() -> None:
    noise = row_noise(NoiseSpec((100,)), range(1000), seed=1)
    z = np.asarray(reparameterise(np.float32(2.0), np.float32(np.log(0.25)), noise))
    assert abs(z.mean() - 2.0) < 0.01
    assert abs(z.var() - 0.25) < 0.01


def test_a_bernoullis_two_outcomes_sum_to_one() -> None:
    logits = np.linspace(-30, 30, 13, dtype=np.float32)
    both = [np.exp(bernoulli_log_probability(np.float32(x), logits)) for x in (0, 1)]
    np.testing.assert_allclose(sum(both), 1, rtol=1e-6)


@pytest.mark.parametrize("mean", [-0.2, 0.0, 0.4, 1.0])
@pytest.mark.parametrize("log_scale", [-6.0, -3.0, 0.0])
def test_a_discretised_logistics_levels_sum_to_one(mean: float, log_scale: float) -> None:
    levels = np.arange(256, dtype=np.float32) / 255
    each = logistic_log_probability(levels, np.float32(mean), np.float32(log_scale))
    assert np.isfinite(np.asarray(each)).all()
    assert abs(np.exp(each).sum() - 1) < 1e-4


def test_the_importance_bound_of_equal_weights_is_the_weight() -> None:
    weights = np.full((3, 7), -800.0, np.float32)
    np.testing.assert_allclose(importance_bound(weights), -800.0, rtol=1e-6)
