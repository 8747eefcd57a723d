from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel
from sparkgen.noise import NoiseSpec

WGAN = "adversarial.wgan_gp"


def linear_critic(build: Callable, norm: float, **options: float) -> GenerativeModel:
    """A model whose critic is w · x + 1 with ‖w‖ = `norm`."""
    model = build(WGAN, network="dense", hidden=[], **options)
    critic = model.discriminator.layers[-1]
    kernel = np.random.default_rng(0).normal(size=critic.kernel.shape)
    critic.kernel.assign(norm * kernel / np.linalg.norm(kernel))
    critic.bias.assign([1.0])
    return model


@pytest.mark.parametrize("norm", [0.5, 1.0, 3.0])
def test_the_penalty_of_a_linear_critic_is_its_slope_less_one_squared(
    norm: float, build: Callable, batch_of: Callable
) -> None:
    model = linear_critic(build, norm)
    penalty = model(batch_of(model))["gradient_penalty"]
    np.testing.assert_allclose(penalty, (norm - 1) ** 2, atol=1e-5)


def test_the_terms_are_those_of_the_paper(build: Callable, batch_of: Callable) -> None:
    model = linear_critic(build, 2.0, gradient_penalty=7.0)
    batch = batch_of(model)
    terms = {k: np.asarray(v) for k, v in model(batch).items()}
    kernel = np.asarray(model.discriminator.layers[-1].kernel)[:, 0]
    noise = batch["noise"]
    fake, last = (2 * np.asarray(model.generate(noise[k])) - 1 for k in ("latent_0", "generator"))
    real = 2 * batch["image"] - 1
    distance = (real - fake).reshape(16, -1) @ kernel
    np.testing.assert_allclose(terms["wasserstein"], distance, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(terms["discriminator"], 7.0 - distance, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(
        terms["generator"], -1 - last.reshape(16, -1) @ kernel, rtol=1e-4, atol=1e-5
    )


def test_training_pulls_the_critics_slope_to_one(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(WGAN, network="dense", hidden=[32], critic_steps=2)
    train(model, [batch_of(model, 32, seed=k) for k in range(100)], learning_rate=1e-3)
    assert float(np.mean(model(batch_of(model, 64))["gradient_penalty"])) < 0.1


def test_every_critic_step_has_its_own_interpolation(build: Callable) -> None:
    model = build(WGAN, critic_steps=3)
    assert {k for k in model.training_noise if k.startswith("interp")} == {
        f"interpolation_{k}" for k in range(3)
    }
    assert model.training_noise["interpolation_2"] == NoiseSpec((1, 1, 1), "uniform")


def test_the_networks_have_their_parameters_and_the_critic_no_batch_normalisation(
    build: Callable, parameters: Callable
) -> None:
    model = build(WGAN, (28, 28, 1))
    project, finest = 100 * 7 * 7 * 128 + 2 * 128, 16 * 64 + 1
    assert parameters(model.generator) == project + 16 * 128 * 64 + 2 * 64 + finest
    head = 7 * 7 * 128 + 1
    assert parameters(model.discriminator) == 16 * 64 + 64 + 16 * 64 * 128 + 128 + head
    assert not model.discriminator.non_trainable_variables
    dense = build(WGAN, (28, 28, 1), network="dense")
    assert parameters(dense.generator) == 101 * 256 + 257 * 512 + 513 * 784
    assert parameters(dense.discriminator) == 785 * 512 + 513 * 256 + 257
