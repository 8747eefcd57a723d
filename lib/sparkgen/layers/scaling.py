"""Scales pictures to other sizes."""

from collections.abc import Sequence
from typing import Any

from keras import ops

Tensor = Any


def to_size(x_BHWC: Tensor, size: Sequence[int]) -> Tensor:
    """Pictures scaled to a height and a width, linearly; every pixel counts where they become smaller."""
    if tuple(x_BHWC.shape[1:3]) == tuple(size):
        return x_BHWC
    return ops.image.resize(x_BHWC, tuple(size), interpolation="bilinear", antialias=True)


def scaled(size: Sequence[int], factor: float) -> tuple[int, int]:
    """The nearest height and width that are `factor` times some, at least 1."""
    height, width = (max(1, round(factor * side)) for side in size)
    return height, width


def longest(x_BHWC: Tensor, most: int) -> Tensor:
    """Pictures whose longer side has `most` pixels; those whose longer side has fewer stay as they are."""
    size = x_BHWC.shape[1:3]
    return to_size(x_BHWC, scaled(size, min(1.0, most / max(size))))
