from collections.abc import Callable

import keras
import numpy as np
import pytest

from sparkgen.errors import RequestError
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.noise import row_noise

DCGAN = "adversarial.dcgan"


def test_the_networks_of_28_pixels_have_their_parameters(
    build: Callable, parameters: Callable
) -> None:
    model = build(DCGAN, (28, 28, 1))
    project, finest = 100 * 7 * 7 * 128 + 2 * 128, 16 * 64 + 1
    assert parameters(model.generator) == project + 16 * 128 * 64 + 2 * 64 + finest
    coarser, head = 16 * 64 * 128 + 2 * 128, 7 * 7 * 128 + 1
    assert parameters(model.discriminator) == 16 * 64 + 64 + coarser + head
    assert parameters(model) == 898_370


@pytest.mark.parametrize(
    ("shape", "halvings", "coarsest"),
    [
        ((8, 8, 1), 1, (4, 4)),
        ((28, 28, 1), 2, (7, 7)),
        ((32, 32, 3), 3, (4, 4)),
        ((8, 16, 1), 2, (2, 4)),
    ],
)
def test_images_grow_from_the_coarsest_map(
    shape: tuple[int, int, int], halvings: int, coarsest: tuple[int, int], build: Callable
) -> None:
    model = build(DCGAN, shape, halvings=halvings, filters=8)
    maps = [layer.output.shape[1:] for layer in model.generator.layers[1:]]
    assert maps[0][:2] == coarsest
    assert maps[0][2] == 8 * 2 ** (halvings - 1)
    assert maps[-1] == shape
    assert model.generate(row_noise(model.noise, range(2), seed=0)).shape == (2, *shape)


def test_the_layers_are_those_of_the_paper(build: Callable) -> None:
    model = build(DCGAN, (32, 32, 3), halvings=3)
    kinds = [type(layer) for layer in model.discriminator.layers]
    assert keras.layers.Dense not in kinds
    assert kinds[:3] == [keras.layers.Conv2D, keras.layers.Activation, keras.layers.Conv2D]
    np.testing.assert_allclose(model.discriminator.layers[1](np.array([-1.0, 2.0])), [-0.2, 2.0])
    assert kinds.count(BatchNormalization) == 2
    kinds = [type(layer) for layer in model.generator.layers]
    assert kinds.count(BatchNormalization) == kinds.count(keras.layers.ReLU) == 3
    assert kinds[-1] is keras.layers.Conv2DTranspose
    kernels = [v for v in model.trainable_variables if v.name == "kernel"]
    assert [np.std(v) for v in kernels] == pytest.approx([0.02] * len(kernels), rel=0.1)


def test_a_side_that_cannot_be_halved_is_refused(build: Callable) -> None:
    with pytest.raises(RequestError, match="multiples of 8, found 28 x 28"):
        build(DCGAN, (28, 28, 1), halvings=3)


def test_a_sample_does_not_depend_on_the_samples_beside_it(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(DCGAN, filters=8)
    train(model, 3 * [batch_of(model)])
    noise = row_noise(model.noise, range(8), seed=0)
    np.testing.assert_allclose(model.generate(noise)[:1], model.generate(noise[:1]), atol=1e-6)


def test_the_slope_at_real_images_is_paid_for(build: Callable, batch_of: Callable) -> None:
    """By γ / 2 of its square, which differences of the logit give as well."""
    model = build(DCGAN, filters=8, r1=3.0)
    assert not model.discriminator.non_trainable_variables
    batch = batch_of(model)
    terms = {k: np.asarray(v) for k, v in model(batch).items()}
    plain = build(DCGAN, filters=8, r1=1e-9)
    plain.set_weights(model.get_weights())
    unpaid = np.asarray(plain(batch)["discriminator"])
    penalty = terms["r1_penalty"]
    np.testing.assert_allclose(terms["discriminator"], unpaid + 1.5 * penalty, rtol=1e-5)

    step, x = 1e-2, 2.0 * batch["image"][:1] - 1.0
    moves = step * np.eye(64, dtype=np.float32).reshape(64, 8, 8, 1)
    ahead, behind = (np.asarray(model.discriminator(x + s * moves))[:, 0] for s in (1, -1))
    assert penalty[0] == pytest.approx(np.sum(((ahead - behind) / (2 * step)) ** 2), rel=2e-2)


def test_without_the_penalty_the_network_is_that_of_the_paper(build: Callable) -> None:
    assert build(DCGAN, filters=8).metric_names == ()
    assert build(DCGAN, filters=8).discriminator.non_trainable_variables


@pytest.mark.parametrize("conditional", [False, True])
def test_of_the_candidates_the_discriminators_favourite_is_kept(
    conditional: bool, build: Callable
) -> None:
    options = {"filters": 8, "latent": 5, "conditional": conditional}
    one, many = build(DCGAN, **options), build(DCGAN, candidates=3, **options)
    assert many.noise.shape == (3, 5)
    assert many.training_noise == one.training_noise
    many.set_weights(one.get_weights())
    given = {"label": np.array([3, 1, 4, 1], np.int32)} if conditional else {}
    noise = row_noise(many.noise, range(4), seed=0)
    each = [np.asarray(one.generate(noise[:, k], given)) for k in range(3)]
    logits = [one.logit(2 * image - 1, given.get("label"), training=False) for image in each]
    best = np.argmax(logits, axis=0)
    assert len(set(best)) > 1
    expected = np.stack([each[k][row] for row, k in enumerate(best)])
    np.testing.assert_allclose(many.generate(noise, given), expected, atol=1e-6)
