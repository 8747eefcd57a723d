from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.noise import row_noise

GAN = "adversarial.gan"


def test_the_networks_of_28_pixels_have_their_parameters(
    build: Callable, parameters: Callable
) -> None:
    model = build(GAN, (28, 28, 1))
    assert parameters(model.generator) == 101 * 256 + 257 * 512 + 513 * 784
    assert parameters(model.discriminator) == 785 * 512 + 513 * 256 + 257
    assert parameters(model) == 1_093_137


@pytest.mark.parametrize(("loss", "sign"), [("non_saturating", 1), ("minimax", -1)])
def test_an_undecided_discriminator_costs_log_2_a_verdict(
    loss: str, sign: int, build: Callable, batch_of: Callable
) -> None:
    model = build(GAN, loss=loss)
    head = model.discriminator.layers[-1]
    head.kernel.assign(np.zeros(head.kernel.shape))
    terms = model(batch_of(model))
    np.testing.assert_allclose(terms["discriminator"], 2 * np.log(2), rtol=1e-6)
    np.testing.assert_allclose(terms["generator"], sign * np.log(2), rtol=1e-6)


def test_the_losses_are_those_of_the_probabilities(build: Callable) -> None:
    real, fake = np.array([1.5, -3.0], np.float32), np.array([0.5, 2.0], np.float32)
    d_real, d_fake = 1 / (1 + np.exp(-real)), 1 / (1 + np.exp(-fake))
    model, minimax = build(GAN), build(GAN, loss="minimax")
    np.testing.assert_allclose(
        model.discriminator_loss(real, fake), -np.log(d_real) - np.log(1 - d_fake), rtol=1e-5
    )
    np.testing.assert_allclose(model.generator_loss(fake), -np.log(d_fake), rtol=1e-5)
    np.testing.assert_allclose(minimax.generator_loss(fake), np.log(1 - d_fake), rtol=1e-5)


def test_samples_come_to_have_the_mean_image_of_the_digits(
    build: Callable, batch_of: Callable, train: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model = build(GAN, latent=16, generator=[64], discriminator=[64])
    noise = row_noise(model.noise, range(256), seed=0)

    def distance() -> float:
        gap = np.mean(model.generate(noise), axis=0) - np.mean(digits[0], axis=0)
        return float(np.sqrt(np.mean(gap**2)))

    before = distance()
    batches = [batch_of(model, 64, first=64 * (k % 20), seed=k) for k in range(500)]
    train(model, batches, learning_rate=3e-4)
    assert before > 0.3
    assert distance() < 0.15


def test_labels_steer_a_conditional_network_and_must_be_given(
    build: Callable, parameters: Callable
) -> None:
    model = build(GAN, conditional=True)
    assert model.conditional
    assert parameters(model.discriminator.layers[-1]) == 257 * 10
    noise = row_noise(model.noise, range(2), seed=0)
    one, two = (np.asarray(model.generate(noise, {"label": np.full(2, k)})) for k in (1, 2))
    assert np.abs(one - two).max() > 1e-3
    with pytest.raises(ValueError, match="label to be given"):
        model.generate(noise)


def test_a_conditional_discriminator_gives_the_logit_of_the_label(
    build: Callable, batch_of: Callable
) -> None:
    model = build(GAN, conditional=True)
    batch = batch_of(model)
    logits = np.asarray(model.discriminator(batch["image"]))
    logit = model.logit(batch["image"], batch["label"], training=False)
    np.testing.assert_allclose(logit, logits[np.arange(16), batch["label"]], rtol=1e-6)
