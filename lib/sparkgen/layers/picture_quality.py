"""How near pictures come to others by their luminance: PSNR and SSIM, by the usual protocol.

Colours in [0, 1] have the luminance of ITU-R BT.601, as MATLAB's rgb2ycbcr gives it, on a scale of 16 to
235; grey g is the colour (g, g, g). With pictures a and b of n pixels,

    PSNR(a, b) = 10 log10(255² / (1/n Σ (a - b)²)),

and SSIM (Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", 2004)
is the mean over all positions of a Gaussian window of 11 x 11 pixels, deviation 1.5, that lies within
the picture.
"""

from functools import lru_cache
from typing import Any

import numpy as np
from keras import ops

from sparkgen.layers.bicubic import Matrix, separable

Tensor = Any
LUMA = (0.299, 0.587, 0.114)
RANGE = 219.0
"""Of the luminance; it begins at 16, which both pictures have, and PSNR does not see."""
PEAK = 255.0
MOST_DECIBELS = 100.0
"""What equal pictures count as: their PSNR is infinite."""
WINDOW, DEVIATION = 11, 1.5
C1, C2 = (0.01 * PEAK) ** 2, (0.03 * PEAK) ** 2


def luma(x_BHWC: Tensor) -> Tensor:
    """The brightness of pictures in [0, 1], grey or in colour: (B, H, W, 1) in [0, 1]."""
    if x_BHWC.shape[-1] == 1:
        return x_BHWC
    return sum(weight * x_BHWC[..., c : c + 1] for c, weight in enumerate(LUMA))


def luminance(x_BHWC: Tensor, *, shaved: int) -> Tensor:
    """The luminance of pictures in [0, 1] without some pixels at each edge: (B, H, W, 1), 16 to 235."""
    _, height, width, _ = x_BHWC.shape
    return 16.0 + RANGE * luma(x_BHWC[:, shaved : height - shaved, shaved : width - shaved])


def psnr(a_BHW1: Tensor, b_BHW1: Tensor) -> Tensor:
    """The peak signal-to-noise ratio of each picture, in decibels, at most 100: (B,)."""
    square_B = ops.mean(ops.square(a_BHW1 - b_BHW1), axis=(1, 2, 3))
    least = PEAK**2 / 10 ** (MOST_DECIBELS / 10)
    return 10.0 * ops.log10(PEAK**2 / ops.maximum(square_B, least))


def ssim(a_BHW1: Tensor, b_BHW1: Tensor) -> Tensor:
    """The structural similarity of each picture, at most 1: (B,).

    The window of a picture with a side of less than 11 pixels is that side.
    """
    rows, columns = (gaussian(a_BHW1.shape[axis]) for axis in (1, 2))

    def mean(x: Tensor) -> Tensor:
        return separable(x, rows, columns)

    mean_a, mean_b = mean(a_BHW1), mean(b_BHW1)
    variance_a = mean(ops.square(a_BHW1)) - ops.square(mean_a)
    variance_b = mean(ops.square(b_BHW1)) - ops.square(mean_b)
    covariance = mean(a_BHW1 * b_BHW1) - mean_a * mean_b
    similar = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    similar /= (ops.square(mean_a) + ops.square(mean_b) + C1) * (variance_a + variance_b + C2)
    return ops.mean(similar, axis=(1, 2, 3))


@lru_cache(64)
def gaussian(size: int) -> Matrix:
    """The matrix that takes the Gaussian means of a row of `size` numbers: float32 (positions, size)."""
    window = min(WINDOW, size)
    at = np.arange(window) - (window - 1) / 2
    weights = np.exp(-(at**2) / (2 * DEVIATION**2))
    matrix = np.zeros((size - window + 1, size), np.float32)
    for position, row in enumerate(matrix):
        row[position : position + window] = weights / weights.sum()
    return matrix
