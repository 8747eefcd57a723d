"""Brings pictures to other sizes: scales them, and reflects them at their edges."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from keras import ops

Tensor = Any


def to_size(x_BHWC: Tensor, size: Sequence[int]) -> Tensor:
    """Pictures scaled to a height and a width, linearly; every pixel counts where they become smaller."""
    if tuple(x_BHWC.shape[1:3]) == tuple(size):
        return x_BHWC
    return ops.image.resize(x_BHWC, tuple(size), interpolation="bilinear", antialias=True)


def shuffled(x_BHWC: Tensor, scale: int) -> Tensor:
    """Channels put into place as pixels: (B, H, W, s * s * C) to (B, s * H, s * W, C).

    The sub-pixel convolution of Shi et al., "Real-Time Single Image and Video Super-Resolution Using an
    Efficient Sub-Pixel Convolutional Neural Network", 2016, is a convolution and this.
    """
    _, height, width, _ = ops.shape(x_BHWC)
    channels = x_BHWC.shape[-1] // scale**2
    parts = ops.reshape(x_BHWC, (-1, height, width, scale, scale, channels))
    together = ops.transpose(parts, (0, 1, 3, 2, 4, 5))
    return ops.reshape(together, (-1, scale * height, scale * width, channels))


def scaled(size: Sequence[int], factor: float) -> tuple[int, int]:
    """The nearest height and width that are `factor` times some, at least 1."""
    height, width = (max(1, round(factor * side)) for side in size)
    return height, width


def longest(x_BHWC: Tensor, most: int) -> Tensor:
    """Pictures whose longer side has `most` pixels; those where it has fewer stay as they are."""
    size = x_BHWC.shape[1:3]
    return to_size(x_BHWC, scaled(size, min(1.0, most / max(size))))


def at_least(x_BHWC: Tensor, least: int) -> Tensor:
    """Pictures continued below and on the right, reflected as often as needed, up to `least` pixels a
    side; those that have as many stay as they are.
    """
    for axis in (1, 2):
        side = x_BHWC.shape[axis]
        if side < least:
            turn = max(2 * side - 2, 1)
            place = np.arange(least) % turn
            x_BHWC = ops.take(x_BHWC, np.minimum(place, turn - place), axis=axis)
    return x_BHWC


def reflected(x_BHWC: Tensor, margins: Sequence[tuple[Any, Any]]) -> Tensor:
    """Pictures with margins in which they are reflected: above and below, then left and right.

    A margin is narrower where the picture has too few pixels.
    """
    sides = ops.shape(x_BHWC)[1:3]
    within = [
        tuple(ops.minimum(margin, side - 1) for margin in pair)
        for pair, side in zip(margins, sides, strict=True)
    ]
    return ops.pad(x_BHWC, ((0, 0), *within, (0, 0)), mode="reflect")
