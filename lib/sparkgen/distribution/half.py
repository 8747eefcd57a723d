"""Gradients travel in half precision: each is scaled into the range of float16 before it is summed."""

from collections.abc import Sequence

from sparkgen.distribution.ring import Ring, Tensor

HALF_EXPONENT = 15
"""Scaled values stay below 2 to this power; float16 ends at 2^16."""


def average_in_half(gradients: Sequence[Tensor], ring: Ring) -> list[Tensor]:
    """The mean of each float32 gradient over all ranks, which halves what is exchanged.

    It costs a second, small exchange: no sum of the ranks' values exceeds the sum of their largest
    ones, of which all ranks know the power of two.
    """
    import tensorflow as tf

    largest = tf.stack([tf.reduce_max(tf.abs(gradient)) for gradient in gradients])
    (bounds,) = ring.total([largest])
    scales = tf.unstack(half_scales(bounds), num=len(gradients))
    halves = [
        tf.cast(gradient * scale, tf.float16)
        for gradient, scale in zip(gradients, scales, strict=True)
    ]
    return [
        tf.cast(total, tf.float32) / scale / ring.size
        for total, scale in zip(ring.total(halves), scales, strict=True)
    ]


def half_scales(bounds: Tensor) -> Tensor:
    """Powers of two that scale values below float32 `bounds` to near the largest value of float16.

    Taken from the bits of the exponent, so that all ranks have the same ones on any device.
    """
    import tensorflow as tf

    bits = tf.bitwise.right_shift(tf.bitcast(bounds, tf.int32), 23)
    exponent = tf.bitwise.bitwise_and(bits, 0xFF) - 127  # 2^exponent <= bound < 2^(exponent + 1)
    wanted = tf.clip_by_value(HALF_EXPONENT - 1 - exponent, -126, 127)
    return tf.bitcast(tf.bitwise.left_shift(wanted + 127, 23), tf.float32)
