import keras
import numpy as np
import pytest
import ring_functions
import tensorflow as tf

from sparkgen.distribution.half import half_scales
from sparkgen.distribution.launcher import launch
from sparkgen.distribution.optimizer import distribute
from sparkgen.distribution.ring import Alone


def arrays(result):
    return {**result, "weights": np.array(result["weights"]), "start": np.array(result["start"])}


@pytest.fixture(scope="module")
def alone():
    request = {"hook": True, "compression": "none"}
    return arrays(launch(ring_functions.train_linear, request, workers=1, where="in-process"))


@pytest.fixture(scope="module")
def together(ring_of_two):
    return arrays(ring_of_two["hooked"])


def test_ranks_start_alike_after_the_broadcast(together):
    assert (together["start"][0] == together["start"][1]).all()


def test_ranks_agree_bit_for_bit_after_training(together):
    assert (together["weights"][0] == together["weights"][1]).all()


def test_two_workers_learn_what_one_learns(alone, together):
    np.testing.assert_allclose(together["weights"][0], alone["weights"][0], atol=1e-6)


def test_a_heartbeat_counts_the_exchange_of_every_compiled_step(alone, together):
    assert (alone["exchanges"], together["exchanges"]) == (0, 5)


def test_the_optimizer_keeps_its_name(alone, together):
    assert together["class"] == alone["class"]


def test_without_the_hook_ranks_drift_apart(ring_of_two):
    weights = arrays(ring_of_two["drifting"])["weights"]
    assert np.abs(weights[0] - weights[1]).max() > 1e-3


@pytest.fixture(scope="module")
def halved(ring_of_two):
    return arrays(ring_of_two["halved"])


def test_half_precision_gradients_cost_little(together, halved):
    weights = halved["weights"]
    assert (weights[0] == weights[1]).all()
    assert (weights != together["weights"]).any()
    np.testing.assert_allclose(weights, together["weights"], atol=1e-3)


def test_gradients_of_any_size_travel_in_half_precision(together, halved):
    """Each within the rounding of float16, 2⁻¹¹ of it, on each of two ranks and of their sum."""
    for exact, got, values in zip(
        together["averages"], halved["averages"], ring_functions.LARGE, strict=True
    ):
        np.testing.assert_allclose(exact, 1.5 * np.array(values), rtol=1e-6)
        np.testing.assert_allclose(got, exact, rtol=2**-10)


def test_a_gradient_that_is_not_finite_stays_so_in_half_precision():
    bounds = tf.constant([np.inf, np.nan, 0.0, 1.0, 3e38, 1e-38])
    scales = half_scales(bounds).numpy()
    assert np.isfinite(scales).all()
    assert (scales > 0).all()
    assert (np.log2(scales) == np.round(np.log2(scales))).all()
    assert 2**14 <= scales[3] * 2 <= 2**15
    assert scales[4] * 3e38 < 2**15


def test_a_row_that_is_looked_up_twice_learns_from_the_sum_of_its_gradients():
    """Sparse and dense gradients are one and the same to Adam, whose square is of the sum."""
    sparse = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([0, 2, 0]), (3, 1))
    table = keras.Variable(np.zeros((3, 1)), dtype="float32")
    optimizer = distribute(keras.optimizers.Adam(0.1, epsilon=0.0), Alone())
    optimizer.apply([sparse], [table])
    optimizer.apply([tf.constant([[-5.0], [0.0], [2.0]])], [table])
    again = keras.Variable(np.zeros((3, 1)), dtype="float32")
    plain = keras.optimizers.Adam(0.1, epsilon=0.0)
    plain.apply([tf.constant([[5.0], [0.0], [2.0]])], [again])
    plain.apply([tf.constant([[-5.0], [0.0], [2.0]])], [again])
    np.testing.assert_array_equal(table.numpy()[[0, 2]], again.numpy()[[0, 2]])
