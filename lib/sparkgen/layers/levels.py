"""Discrete levels of pixels have log-probabilities, and are drawn as a function of uniform noise.

Shape suffixes: `...` any axes of pixels; D logits a pixel: 1 is a Bernoulli's logit, more are a
softmax over D levels. A level enters a network as level / (levels - 1), range [0, 1].
"""

from typing import Any

from keras import ops

from sparkgen.layers.distributions import bernoulli_log_probability

Tensor = Any


def nearest_level(x: Tensor, levels: int) -> Tensor:
    """The level of each pixel in [0, 1]: int32, 0 .. levels - 1."""
    return ops.cast(ops.round(x * (levels - 1)), "int32")


def level_log_probability(level: Tensor, logits: Tensor) -> Tensor:
    """The log-probability, in nats, of levels (...) under logits (..., D): (...)."""
    if logits.shape[-1] == 1:
        return bernoulli_log_probability(ops.cast(level, logits.dtype), logits[..., 0])
    each = ops.take_along_axis(ops.log_softmax(logits), ops.expand_dims(level, -1), axis=-1)
    return ops.squeeze(each, -1)


def draw_level(logits: Tensor, uniform: Tensor) -> Tensor:
    """The levels that uniform noise picks by the inverse of the cumulated probabilities.

    Args:
        logits: (..., D).
        uniform: (...), range [0, 1), of the same dtype.

    Returns:
        int32 (...). A Bernoulli is 1 where the noise is below its probability.
    """
    if logits.shape[-1] == 1:
        return ops.cast(uniform < ops.sigmoid(logits[..., 0]), "int32")
    # The last sum is 1 but for rounding: comparing with the others keeps the level in range.
    below = ops.cumsum(ops.softmax(logits), axis=-1)[..., :-1]
    return ops.sum(ops.cast(ops.expand_dims(uniform, -1) >= below, "int32"), axis=-1)
