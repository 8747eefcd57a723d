"""Augmentation moves and mirrors training images at random, by noise that comes with the batch."""

from typing import Any

import numpy as np
from keras import ops

from sparkgen.noise import NoiseSpec

Tensor = Any
NOISE = NoiseSpec((3,), "uniform")
"""The noise of a row for `augment`: for the mirror, the move down and the move right."""


def augment(x_BHWC: Tensor, noise_B3: Tensor, *, mirror: bool, shift: int) -> Tensor:
    """Images, half of them mirrored left to right, and moved by up to `shift` pixels each way.

    Args:
        x_BHWC: images of any dtype.
        noise_B3: uniform on [0, 1), as `NOISE` says.
        mirror: whether to mirror.
        shift: pixels; what comes in from outside repeats the edge.
    """
    _, height, width, _ = x_BHWC.shape
    flips_B1 = ops.cast(noise_B3[:, :1] < 0.5, "int32") * int(mirror)
    down_B1, right_B1 = (
        ops.cast(ops.floor(noise_B3[:, k : k + 1] * (2 * shift + 1)), "int32") - shift
        for k in (1, 2)
    )
    rows_BH = ops.clip(np.arange(height, dtype=np.int32) - down_B1, 0, height - 1)
    columns_BW = ops.clip(np.arange(width, dtype=np.int32) - right_B1, 0, width - 1)
    columns_BW = columns_BW + flips_B1 * (width - 1 - 2 * columns_BW)
    moved = ops.take_along_axis(x_BHWC, rows_BH[:, :, None, None], axis=1)
    return ops.take_along_axis(moved, columns_BW[:, None, :, None], axis=2)
