"""Functions that run many times are compiled, because Python's own loop would cost most of the time."""

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops


def compiled(
    function: Callable[..., Any],
    *,
    xla: bool = True,
    shapes: Sequence[tuple[int | None, ...]] | None = None,
) -> Callable[..., Any]:
    """`function` of tensors, compiled where the Keras backend can.

    XLA updates the caches of a loop in place; TensorFlow's own executor copies them every time, but
    is the faster one with large convolutions on a CPU. `xla` chooses where there is a choice.
    In this package Python's own `if` and `for` are not translated, which would cost more than a third of
    the time of a first call: what depends on the value of a tensor is `ops.cond` or a loop of
    `keras.ops`. In functions of a user's own package they are.

    Args:
        function: what is compiled, anew for each shape of its arguments and each value of one that is
            a number of Python.
        xla: whether with XLA.
        shapes: of its arguments, all float32, where it is compiled once for all sizes, each None there.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        signature = None if shapes is None else [tf.TensorSpec(s, tf.float32) for s in shapes]
        own = getattr(function, "__module__", "").startswith("sparkgen.")
        return tf.function(function, signature, autograph=not own, jit_compile=xla)
    if keras.backend.backend() == "jax":
        import jax  # type: ignore[import-not-found]

        def call(*arguments: Any) -> Any:
            constants = [i for i, a in enumerate(arguments) if isinstance(a, int | float)]
            # Compiled anew every call: what JAX keeps would hold the weights of the first one.
            return jax.jit(lambda *a: function(*a), static_argnums=constants)(*arguments)

        return call
    return function


def scan(step: Callable[[Any, Any], Any], state: Any, entries: Any) -> Any:
    """The states after every entry, stacked: what `keras.ops.scan` collects of `state, state = step`.

    Keras' own loop on TensorFlow has no bound on its turns, without which XLA cannot make its gradient.

    Args:
        step: `step(state, entry)` gives the next state.
        state: the first one, a tuple of tensors.
        entries: a tuple of tensors with the same first axis.
    """
    if keras.backend.backend() != "tensorflow":
        return ops.scan(lambda s, e: (step(s, e),) * 2, state, entries)[1]
    import tensorflow as tf

    turns = entries[0].shape[0]
    rows = [tf.TensorArray(e.dtype, turns, element_shape=e.shape[1:]).unstack(e) for e in entries]
    found = [tf.TensorArray(s.dtype, turns, element_shape=s.shape) for s in state]

    def turn(index: Any, state: Any, found: Any) -> Any:
        state = step(state, tuple(row.read(index) for row in rows))
        return index + 1, state, [f.write(index, s) for f, s in zip(found, state, strict=True)]

    start = (tf.constant(0), state, found)
    *_, found = tf.while_loop(
        lambda index, *_: index < turns, turn, start, maximum_iterations=turns
    )
    return tuple(f.stack() for f in found)
