from collections.abc import Callable

import numpy as np

NAME = "discriminative.residual_classifier"


def test_resnet_20_has_its_parameters(build: Callable, parameters: Callable) -> None:
    """A stem, 3 stages of 3 blocks of two convolutions, two 1×1 past them, norms, and the softmax."""
    model = build(NAME, (32, 32, 3))
    convolutions = 9 * 3 * 16 + 9 * (6 * 16**2 + (16 * 32 + 5 * 32**2) + (32 * 64 + 5 * 64**2))
    past = 16 * 32 + 32 * 64
    norms = 2 * (6 * 16 + (16 + 5 * 32) + (32 + 5 * 64) + 64)
    assert parameters(model) == convolutions + past + norms + 65 * 10


def test_a_picture_is_classified_alike_alone_and_among_others(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, x = build(NAME, filters=4, blocks=1), digits[0][:16]
    np.testing.assert_allclose(model.logits(x[:1]), model.logits(x)[:1], atol=1e-5)


def test_its_blocks_answer_one_by_one(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, x = build(NAME, filters=4, blocks=1), digits[0][:3]
    assert model.activation_names == ("conv1", "block1", "block2", "block3", "logits")
    found = model.activations(x, ("conv1", "block2", "block3"))
    shapes = [tuple(found[name].shape) for name in ("conv1", "block2", "block3")]
    assert shapes == [(3, 8, 8, 4), (3, 4, 4, 8), (3, 2, 2, 16)]


def test_it_learns_the_digits(build: Callable, batch_of: Callable, train: Callable) -> None:
    model = build(NAME, filters=4, blocks=1, shift=1)
    train(model, [batch_of(model, 128, first=128 * (s % 8), seed=s) for s in range(60)], 1e-2)
    accuracy = np.mean(
        model.loss_terms(batch_of(model, 256, first=1100), training=True)["accuracy"]
    )
    assert accuracy > 0.8
