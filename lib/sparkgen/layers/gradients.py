"""Gradients by an input, and loops of steps on it: the only raw backend code that these need."""

from collections.abc import Callable
from typing import Any

import keras

Tensor = Any


def gradient(score: Callable[[Tensor], Tensor], x: Tensor) -> tuple[Tensor, Tensor]:
    """The scores of some inputs, and the gradient of their sum by the inputs.

    Args:
        score: gives one number, or one for each row, of `x`. Rows do not depend on each other.
        x: float32 of any shape, or a tuple of such.

    Returns:
        What `score` gives, and what has the shape of `x`.
    """
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found]

        scores, pull_back = jax.vjp(score, x)
        return scores, pull_back(jax.numpy.ones_like(scores))[0]
    import tensorflow as tf

    x = tf.nest.map_structure(tf.convert_to_tensor, x)
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = score(x)
    return scores, tape.gradient(scores, x)


def repeat(step: Callable[[Tensor, Tensor], Tensor], x: Tensor, times: Tensor) -> Tensor:
    """`x` after some steps `x = step(k, x)`, k = 0, 1, ...; in a compiled function as one loop.

    Args:
        step: of the number of the step, int32 (), and `x`.
        x: a tensor, or a tuple of tensors, whose shape does not change.
        times: how many steps, an int or int32 ().
    """
    from keras import ops

    return ops.fori_loop(0, times, step, x)
