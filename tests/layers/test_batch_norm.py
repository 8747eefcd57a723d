import keras
import numpy as np
import pytest

from sparkgen.layers.batch_norm import BatchNormalization


@pytest.fixture
def x():
    return np.random.default_rng(0).normal(100.0, 2.0, size=(16, 5, 5, 3)).astype("float32")


def test_output_of_training_has_mean_0_and_variance_1(x):
    layer = BatchNormalization(epsilon=1e-6)
    y = np.asarray(layer(x, training=True))
    np.testing.assert_allclose(y.mean((0, 1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(y.var((0, 1, 2)), 1, atol=1e-4)


def test_agrees_with_keras_on_one_worker(x):
    ours, theirs = BatchNormalization(), keras.layers.BatchNormalization()
    x = x - 100
    for _ in range(3):
        y, y_keras = ours(x, training=True), theirs(x, training=True)
    np.testing.assert_allclose(np.asarray(y), np.asarray(y_keras), atol=1e-4)
    for name in ("moving_mean", "moving_variance"):
        mine, other = getattr(ours, name).numpy(), getattr(theirs, name).numpy()
        np.testing.assert_allclose(mine, other, atol=1e-5)


def test_inference_leaves_the_statistics_alone(x):
    layer = BatchNormalization()
    layer(x, training=False)
    assert (layer.moving_mean.numpy() == 0).all()
    assert (layer.moving_variance.numpy() == 1).all()


def test_keeps_the_dtype_of_half_precision(x):
    layer = BatchNormalization(dtype="mixed_bfloat16")
    y = layer(x, training=True)
    assert keras.backend.standardize_dtype(y.dtype) == "bfloat16"
    assert layer.moving_mean.dtype == "float32"


def test_a_saved_layer_comes_back():
    layer = BatchNormalization.from_config(BatchNormalization(momentum=0.7).get_config())
    assert layer.momentum == 0.7
