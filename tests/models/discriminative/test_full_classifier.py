from collections.abc import Callable

import numpy as np
import pytest

NAME = "discriminative.full_classifier"


def test_the_reference_has_591914_parameters(build: Callable, parameters: Callable) -> None:
    """592,554 with the 640 running means and variances of batch normalisation."""
    model = build(NAME, (32, 32, 3))
    assert parameters(model) == 591_914
    running = sum(int(np.prod(v.shape)) for v in model.body.non_trainable_variables)
    # Dropout's seed generator keeps a state of two numbers.
    assert running == 640 + 2


def test_a_picture_is_classified_alike_alone_and_among_others(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    """Outside training, neither batch statistics nor dropout reach from row to row."""
    model, x = build(NAME), digits[0][:16]
    among = np.asarray(model.logits(x))
    np.testing.assert_allclose(model.logits(x[:1]), among[:1], atol=1e-5)
    np.testing.assert_array_equal(model.logits(x), among)


def test_features_dropped_in_training_are_about_half(build: Callable, batch_of: Callable) -> None:
    model = build(NAME)
    features = np.asarray(model.features(batch_of(model, 64)["image"], training=True))
    assert features.shape == (64, 128)
    assert abs(np.mean(features == 0) - 0.5) < 0.05


def test_images_are_moved_in_training_only(build: Callable, batch_of: Callable) -> None:
    """Noise of 0 mirrors an image; the logits of its mirror image are then those of training."""
    model = build(NAME, mirror=True, dropout=0.0)
    batch = batch_of(model)
    noise = {"augmentation": np.zeros_like(batch["noise"]["augmentation"])}
    mirrored = {**batch, "image": batch["image"][:, :, ::-1]}
    plain = build(NAME, dropout=0.0)
    moved = np.asarray(model.loss_terms({**batch, "noise": noise}, training=True)["cross_entropy"])
    wanted = np.asarray(plain.loss_terms(mirrored, training=True)["cross_entropy"])
    np.testing.assert_allclose(moved, wanted, rtol=1e-5)
    still = np.asarray(model.loss_terms(batch, training=False)["cross_entropy"])
    np.testing.assert_array_equal(
        still, model.loss_terms({**batch, "noise": noise}, training=False)["cross_entropy"]
    )


def test_its_layers_answer_after_their_nonlinearities(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, x = build(NAME), digits[0][:3]
    model.body.layers[1].moving_mean.assign(np.full(32, 0.1, np.float32))
    names = ("conv1", "conv2", "conv3", "conv4", "dense1", "logits")
    assert model.activation_names == names
    found = {name: np.asarray(a) for name, a in model.activations(x, names).items()}
    shapes = [(8, 8, 32), (4, 4, 32), (4, 4, 64), (2, 2, 64), (128,), (10,)]
    assert [found[name].shape for name in names] == [(3, *shape) for shape in shapes]
    conv, norm, leaky = model.body.layers[:3]
    np.testing.assert_array_equal(found["conv1"], leaky(norm(conv(x))))
    np.testing.assert_allclose(found["dense1"], model.features(x), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found["logits"], model.logits(x), rtol=1e-5, atol=1e-6)
    with pytest.raises(ValueError, match=r"are conv1, .*, logits, found conv5"):
        model.activations(x, ["conv1", "conv5"])
