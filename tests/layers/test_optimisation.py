import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from sparkgen.layers.compiled import compiled
from sparkgen.layers.optimisation import minimise

RULES = ["adam", "even"]


def distance(wanted: np.ndarray):
    """The loss of two tensors of each row: their squared distance to what is wanted."""

    def loss(_, numbers):
        a_B3, b_B22 = numbers
        return ops.sum(ops.square(a_B3 - wanted[:, None]), axis=1) + ops.sum(
            ops.square(b_B22 + wanted[:, None, None]), axis=(1, 2)
        )

    return loss


def start(rows: int):
    return (ops.zeros((rows, 3)), ops.zeros((rows, 2, 2)))


@pytest.mark.parametrize("rule", RULES)
def test_numbers_come_to_where_the_loss_is_least(rule: str) -> None:
    wanted = np.array([1.0, -2.0], np.float32)
    rate = 0.1 if rule == "adam" else 0.02
    run = compiled(
        lambda *at: minimise(distance(wanted), at, steps=200, rate=rate, rule=rule), xla=False
    )
    a, b = run(*start(2))
    np.testing.assert_allclose(a, np.repeat(wanted[:, None], 3, axis=1), atol=0.02)
    np.testing.assert_allclose(b, -np.repeat(wanted, 4).reshape(2, 2, 2), atol=0.02)


@pytest.mark.parametrize("rule", RULES)
def test_a_row_does_not_depend_on_the_others(rule: str) -> None:
    found = [
        minimise(distance(np.array(w, np.float32)), start(len(w)), steps=7, rate=0.1, rule=rule)
        for w in ([1.0], [1.0, 50.0])
    ]
    for alone, among in zip(*found, strict=True):
        np.testing.assert_array_equal(alone[0], among[0])


def test_adam_is_the_adam_of_keras() -> None:
    import keras

    wanted = np.array([0.7], np.float32)
    variables = [keras.Variable(n) for n in start(1)]
    adam = keras.optimizers.Adam(0.03, epsilon=1e-8)
    for _ in range(20):
        with tf.GradientTape() as tape:
            loss = distance(wanted)(0, tuple(v.value for v in variables))
        adam.apply(tape.gradient(loss, [v.value for v in variables]), variables)
    mine = minimise(distance(wanted), start(1), steps=20, rate=0.03)
    for one, other in zip(mine, variables, strict=True):
        np.testing.assert_allclose(one, other.value, atol=1e-4)


def test_an_even_step_has_the_root_mean_square_that_it_is_said_to_have() -> None:
    wanted = np.array([3.0, 300.0], np.float32)
    a, b = minimise(distance(wanted), start(2), steps=1, rate=0.25, rule="even")
    square = np.concatenate([np.asarray(a), np.asarray(b).reshape(2, 4)], axis=1) ** 2
    np.testing.assert_allclose(np.sqrt(square.mean(axis=1)), 0.25, rtol=1e-5)


def test_numbers_stay_where_they_may_be() -> None:
    def within(numbers):
        return tuple(ops.clip(n, -0.5, 0.5) for n in numbers)

    wanted = np.array([2.0], np.float32)
    a, b = minimise(distance(wanted), start(1), steps=30, rate=0.1, within=within)
    np.testing.assert_array_equal(a, 0.5)
    np.testing.assert_array_equal(b, -0.5)


def test_a_loss_is_told_the_number_of_the_step() -> None:
    # The slope of step k is k + 1, of which an even step keeps only the sign.
    (found,) = minimise(
        lambda k, n: ops.sum(n[0] * (2.5 - ops.cast(k, "float32")), axis=1),
        (ops.zeros((1, 1)),),
        steps=4,
        rate=1.0,
        rule="even",
    )
    assert float(found[0, 0]) == pytest.approx(-3.0 + 1.0)


def test_it_is_compiled_once_for_any_number_of_steps() -> None:
    traces = []

    def run(steps, rate):
        traces.append(0)
        return minimise(distance(np.ones(1, np.float32)), start(1), steps=steps, rate=rate)[0]

    quick = compiled(run, xla=False)
    few, many = (quick(tf.constant(n), tf.constant(0.1)) for n in (1, 50))
    assert len(traces) == 1
    assert float(few[0, 0]) == pytest.approx(0.1, rel=1e-4)
    assert float(many[0, 0]) == pytest.approx(1.0, abs=0.1)
