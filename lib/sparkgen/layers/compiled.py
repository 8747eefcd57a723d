"""Steps that are taken many times, compiled: run from Python they would spend their time in Python."""

from collections.abc import Callable
from typing import Any

import keras


def compiled(function: Callable[..., Any], *, xla: bool = True) -> Callable[..., Any]:
    """`function` of tensors, compiled where the Keras backend can.

    XLA updates the caches of a loop in place; TensorFlow's own executor copies them every time, but
    is the faster one with large convolutions on a CPU. `xla` chooses where there is a choice.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        return tf.function(function, jit_compile=xla)
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found]

        # Compiled anew every call: what JAX keeps would hold the weights of the first one.
        return lambda *arguments: jax.jit(lambda *a: function(*a))(*arguments)
    return function
