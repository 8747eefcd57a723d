import keras
import numpy as np

from sparkgen.layers.batch_norm import batch_norms
from sparkgen.layers.residual import NormalisedResidual, ResidualConvolutions

X = np.random.default_rng(0).normal(size=(2, 6, 5, 4)).astype(np.float32)


def test_residual_convolutions_start_as_the_identity_and_then_add_to_the_map() -> None:
    block = ResidualConvolutions()
    np.testing.assert_array_equal(block(X), X)
    block.second.bias.assign([1.0, 2.0, 3.0, 4.0])
    np.testing.assert_allclose(block(X) - X, np.broadcast_to([1.0, 2.0, 3.0, 4.0], X.shape), 1e-5)


def test_a_block_that_keeps_the_shape_passes_the_map_by_and_has_no_further_weights() -> None:
    block = NormalisedResidual(4)
    block(X)
    assert block.shortcut is None
    block.second.kernel.assign(np.zeros(block.second.kernel.shape))
    np.testing.assert_array_equal(block(X), X)


def test_a_block_that_halves_has_a_1x1_convolution_past_it() -> None:
    block = NormalisedResidual(6, strides=2)
    assert block(X).shape == (2, 3, 3, 6) == block.compute_output_shape(X.shape)
    kernels = [tuple(v.shape) for v in block.trainable_variables if v.name == "kernel"]
    assert sorted(kernels) == [(1, 1, 4, 6), (3, 3, 4, 6), (3, 3, 6, 6)]


def test_its_normalisations_take_the_moments_of_the_batch_in_training_only() -> None:
    block = NormalisedResidual(4)
    block(X)
    first, second = block.first_norm, block.second_norm
    assert {id(norm) for norm in batch_norms(keras.Sequential([block]))} == {id(first), id(second)}
    np.testing.assert_array_equal(first.moving_mean, 0.0)
    block(X, training=True)
    np.testing.assert_allclose(first.moving_mean, 0.01 * X.mean(axis=(0, 1, 2)), rtol=1e-4)
    assert np.any(np.asarray(second.moving_mean))
