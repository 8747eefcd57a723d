"""Gradients by an input, and loops of steps on it: the only raw backend code that these need."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any
POWERS = np.exp2(np.arange(127)).astype(np.float32)
"""Of 2, from 1 on: by them the least normal number of float32 comes near 1."""


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


def evenly(x: Tensor) -> Tensor:
    """`x` itself; the gradient that flows back through it is multiplied, each row's by a power of 2.

    The largest number of a small gradient is then from 1 to 2, and signs and ratios are what they were.
    So the gradient of a row with a small loss does not vanish in earlier layers that compute in float16,
    whose least number is 6e-8. In float32 a power of 2 changes no digit.

    Args:
        x: float32 (B, F).
    """
    return ops.custom_gradient(_with_even_slope)(x)


def _with_even_slope(x: Tensor) -> tuple[Tensor, Callable[..., Tensor]]:
    def back(*upstream: Tensor, **named: Tensor) -> Tensor:
        slope = upstream[0] if upstream else named["upstream"]
        largest = ops.max(ops.abs(slope), axis=-1, keepdims=True)
        doublings = ops.ceil(-ops.log2(ops.maximum(largest, 1.0 / POWERS[-1])))
        return slope * ops.take(POWERS, ops.cast(ops.maximum(doublings, 0.0), "int32"))

    return x, back


def repeat(step: Callable[[Tensor, Tensor], Tensor], x: Tensor, times: Tensor) -> Tensor:
    """`x` after some steps `x = step(k, x)`, k = 0, 1, ...; in a compiled function as one loop.

    Args:
        step: of the number of the step, int32 (), and `x`.
        x: a tensor, or a tuple of tensors, whose shape does not change.
        times: how many steps, an int or int32 ().
    """
    return ops.fori_loop(0, times, step, x)
