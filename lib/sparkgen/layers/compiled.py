"""Loops over pixels, compiled: run from Python they would spend their time in Python."""

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """`function` of tensors, compiled by XLA where the Keras backend has it.

    XLA updates the caches of a loop in place; TensorFlow's own executor copies them every time.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=True)
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    return function
