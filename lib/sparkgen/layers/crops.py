"""Cuts squares out of training images, each at random mirrored and turned, by noise of the batch."""

from typing import Any

import numpy as np
from keras import ops

from sparkgen.noise import NoiseSpec

Tensor = Any
NUMBERS = 5  # of a crop: for its row, its column, two mirrors and the diagonal


def crop_noise(count: int) -> NoiseSpec:
    """The noise of an image of which `count` squares are cut."""
    return NoiseSpec((count, NUMBERS), "uniform")


def random_crops(x_BHWC: Tensor, noise_BK5: Tensor, side: int) -> Tensor:
    """K squares of each image, each in one of the eight ways in which a square can lie.

    Args:
        x_BHWC: images of any dtype.
        noise_BK5: uniform on [0, 1), as `crop_noise` says.
        side: of the squares in pixels, at most that of the images.

    Returns:
        (B * K, side, side, C), those of an image one after the other.
    """
    _, height, width, channels = x_BHWC.shape
    rows_BKS, columns_BKS = (
        _span(noise_BK5[..., axis], noise_BK5[..., 2 + axis], size - side + 1, side)
        for axis, size in enumerate((height, width))
    )
    turned_BK11 = noise_BK5[..., 4, None, None] < 0.5
    row_BKSS = ops.where(turned_BK11, rows_BKS[..., None, :], rows_BKS[..., :, None])
    column_BKSS = ops.where(turned_BK11, columns_BKS[..., :, None], columns_BKS[..., None, :])
    image_B111 = ops.arange(ops.shape(x_BHWC)[0], dtype="int32")[:, None, None, None]
    pixel_BKSS = (image_B111 * height + row_BKSS) * width + column_BKSS
    cut = ops.take(ops.reshape(x_BHWC, (-1, channels)), pixel_BKSS, axis=0)
    return ops.reshape(cut, (-1, side, side, channels))


def _span(place_BK: Tensor, mirror_BK: Tensor, places: int, side: int) -> Tensor:
    """The numbers of `side` pixels in a row, from a random first one, up or down: int32 (B, K, side)."""
    up_S = np.arange(side, dtype=np.int32)
    steps_BKS = ops.where(mirror_BK[..., None] < 0.5, up_S, up_S[::-1].copy())
    # Noise is float32, and a product with it may round up to `places`.
    first_BK = ops.minimum(ops.cast(ops.floor(place_BK * places), "int32"), places - 1)
    return first_BK[..., None] + steps_BKS
