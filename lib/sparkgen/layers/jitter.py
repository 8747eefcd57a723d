"""Jitter moves, turns and enlarges images, in each step otherwise, so that nothing comes to depend on it.

Mordvintsev et al., "Inceptionism", 2015, move the image in each step; Olah et al., "Feature
Visualization", 2017, turn and enlarge it too. What differs: the numbers that the steps of a row take are
no draws but a sequence that fills their range evenly (Roberts, "The Unreasonable Effectiveness of
Quasirandom Sequences", 2018), from a start by the noise of the row. So a row does not depend on the
others, and a loop needs no random generator.
"""

from typing import Any, NamedTuple

import numpy as np
from keras import ops

Tensor = Any
DIMENSIONS = 7
"""Numbers that `jittered` takes of each point of a row's sequence."""


class Jitter(NamedTuple):
    """What is done to images at most, each a number or float32 ()."""

    moves: Tensor
    """Pixels, each way."""
    turns: Tensor
    """Degrees, each way."""
    zoom: Tensor
    """The logarithm of the factor by which they are enlarged or made smaller."""
    grain: Tensor
    """The standard deviation of the noise on them."""


def jittered(
    x_BHWC: Tensor, field_BHWC: Tensor, even_BD: Tensor, most: Jitter, *, outside: Tensor
) -> Tensor:
    """Images moved, turned, enlarged and under noise, each in its own way.

    Args:
        x_BHWC: images.
        field_BHWC: normal noise of each row, of which a step takes what comes of a move of its own.
        even_BD: numbers in [0, 1), `DIMENSIONS` for each image, such as a point of `evenly`.
        most: what is done at most.
        outside: the grey value of what comes in from outside.
    """
    _, height, width, _ = x_BHWC.shape
    each_BD = 2.0 * even_BD - 1.0
    seen_BHWC = turned(
        x_BHWC,
        each_BD[:, 2] * most.turns * (np.pi / 180),
        ops.exp(each_BD[:, 3] * most.zoom),
        each_BD[:, :2] * most.moves,
        outside=outside,
    )
    by_B2 = ops.cast(even_BD[:, 5:7] * ops.convert_to_tensor([height, width], "float32"), "int32")
    grain_B111 = most.grain * even_BD[:, 4][:, None, None, None]
    return seen_BHWC + grain_B111 * moved(field_BHWC, by_B2)


def uniform(noise: Tensor) -> Tensor:
    """Standard normal numbers as uniform ones on [0, 1]."""
    return 0.5 + 0.5 * ops.erf(noise / 2**0.5)


def evenly(begin_BD: Tensor, k: Tensor) -> Tensor:
    """Point `k` of each row's sequence in the cube [0, 1)^D: float32 (B, D).

    Args:
        begin_BD: where the sequence of a row begins, in [0, 1].
        k: the number of the point, int32 ().
    """
    dimensions = begin_BD.shape[1]
    root = 2.0  # the real root of x^(D+1) = x + 1
    for _ in range(64):
        root = (1.0 + root) ** (1.0 / (dimensions + 1))
    stride_D = (root ** -np.arange(1.0, dimensions + 1)).astype(np.float32)
    return (begin_BD + ops.cast(k, "float32") * stride_D) % 1.0


def whole(even_BD: Tensor, most: Tensor) -> Tensor:
    """Numbers in [0, 1) as whole ones in [-most, most]: int32."""
    return ops.cast(ops.floor(even_BD * (2 * most + 1)) - most, "int32")


def moved(x_BHWC: Tensor, moves_B2: Tensor) -> Tensor:
    """Images moved down and right; what leaves them on one side comes in on the other.

    Args:
        x_BHWC: images.
        moves_B2: whole numbers of pixels, int32.
    """
    if x_BHWC.shape[0] == 1:
        return ops.roll(ops.roll(x_BHWC, moves_B2[0, 0], axis=1), moves_B2[0, 1], axis=2)
    # A product with a permutation: its gradient is one too, where that of a gather adds up row by row.
    for axis, of in ((0, "bhg,bgwc->bhwc"), (1, "bwv,bhvc->bhwc")):
        size = x_BHWC.shape[1 + axis]
        from_BS = (ops.arange(size) - moves_B2[:, axis, None]) % size
        x_BHWC = ops.einsum(of, ops.one_hot(from_BS, size), x_BHWC)
    return x_BHWC


def turned(
    x_BHWC: Tensor, angle_B: Tensor, zoom_B: Tensor, move_B2: Tensor, *, outside: Tensor = 0.0
) -> Tensor:
    """Images turned about their middle, enlarged and moved, with linear interpolation.

    Args:
        x_BHWC: images.
        angle_B: in radians, against the clock.
        zoom_B: by what factor they are enlarged.
        move_B2: pixels down and right, or parts of them.
        outside: the value of what comes in from outside.
    """
    _, height, width, _ = x_BHWC.shape
    cos_B, sin_B = ops.cos(angle_B) / zoom_B, ops.sin(angle_B) / zoom_B
    y_B, x_B = (height - 1) / 2 + move_B2[:, 0], (width - 1) / 2 + move_B2[:, 1]
    # Where each pixel comes from: the middle, plus what the inverse turn makes of the distance to it.
    zero_B = ops.zeros_like(cos_B)
    transform_B8 = ops.stack(
        [
            cos_B, -sin_B, (width - 1) / 2 - cos_B * x_B + sin_B * y_B,
            sin_B, cos_B, (height - 1) / 2 - sin_B * x_B - cos_B * y_B,
            zero_B, zero_B,
        ],
        axis=1,
    )  # fmt: skip
    # TensorFlow has no gradient of what it fills in, but for zeros.
    return outside + ops.image.affine_transform(x_BHWC - outside, transform_B8)
