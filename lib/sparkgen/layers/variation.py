"""How much neighbouring pixels differ, which an image that is noise does most."""

from typing import Any

from keras import ops

Tensor = Any


def total_variation(x_BHWC: Tensor) -> Tensor:
    """The sum of the absolute differences of neighbouring pixels: (B,).

    Mahendran and Vedaldi, "Understanding Deep Image Representations by Inverting Them", 2015.
    """
    down = ops.abs(x_BHWC[:, 1:] - x_BHWC[:, :-1])
    right = ops.abs(x_BHWC[:, :, 1:] - x_BHWC[:, :, :-1])
    return ops.sum(down, axis=(1, 2, 3)) + ops.sum(right, axis=(1, 2, 3))
