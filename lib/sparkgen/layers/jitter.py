"""Jitter moves, turns and enlarges images, in each step otherwise, so that nothing comes to depend on it.

Mordvintsev et al., "Inceptionism", 2015, move the image in each step; Olah et al., "Feature
Visualization", 2017, turn and enlarge it too. What differs: the numbers that the steps of a row take are
no draws but a sequence that fills their range evenly (Roberts, "The Unreasonable Effectiveness of
Quasirandom Sequences", 2018), from a start by the noise of the row. So a row does not depend on the
others, and a loop needs no random generator.
"""

from typing import Any

import numpy as np
from keras import ops

Tensor = Any


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


def turned(x_BHWC: Tensor, angle_B: Tensor, zoom_B: Tensor, move_B2: Tensor) -> Tensor:
    """Images turned about their middle, enlarged and moved; what comes in from outside repeats the edge.

    Args:
        x_BHWC: images.
        angle_B: in radians, against the clock.
        zoom_B: by what factor they are enlarged.
        move_B2: pixels down and right.
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
    return ops.image.affine_transform(x_BHWC, transform_B8, fill_mode="nearest")
