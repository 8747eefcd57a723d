from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.noise import row_noise

ACGAN = "adversarial.acgan"


def test_the_networks_of_28_pixels_have_their_parameters(
    build: Callable, parameters: Callable
) -> None:
    model = build(ACGAN, (28, 28, 1))
    project, finest = 110 * 7 * 7 * 128 + 2 * 128, 16 * 64 + 1
    assert parameters(model.generator) == project + 16 * 128 * 64 + 2 * 64 + finest
    coarser, head = 16 * 64 * 128 + 2 * 128, 11 * (7 * 7 * 128 + 1)
    assert parameters(model.discriminator) == 16 * 64 + 64 + coarser + head
    assert parameters(model) == 1_023_820


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_an_undecided_discriminator_costs_log_2_a_verdict_and_log_10_a_class(
    weight: float, build: Callable, batch_of: Callable
) -> None:
    model = build(ACGAN, class_weight=weight)
    head = model.discriminator.layers[-2]
    head.kernel.assign(np.zeros(head.kernel.shape))
    terms = model(batch_of(model))
    source, label = np.log(2), np.log(10)
    np.testing.assert_allclose(terms["discriminator"], 2 * source + 2 * weight * label, rtol=1e-5)
    np.testing.assert_allclose(terms["generator"], source + weight * label, rtol=1e-5)
    np.testing.assert_allclose(terms["real_cross_entropy"], label, rtol=1e-5)


def test_the_discriminator_learns_the_classes(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(ACGAN, filters=16)
    train(model, [batch_of(model, 64, first=64 * (k % 10), seed=k) for k in range(150)])
    terms = model(batch_of(model, 128, first=1000))
    assert np.mean(terms["accuracy"]) > 0.7
    assert np.mean(terms["fake_cross_entropy"]) < np.log(10) - 0.5


def test_labels_steer_the_generator_and_must_be_given(build: Callable) -> None:
    model = build(ACGAN)
    noise = row_noise(model.noise, range(2), seed=0)
    one, two = (np.asarray(model.generate(noise, {"label": np.full(2, k)})) for k in (1, 2))
    assert np.abs(one - two).max() > 1e-4
    with pytest.raises(ValueError, match="label to be given"):
        model.generate(noise)
