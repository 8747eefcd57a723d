"""Pictures are made smaller and larger by bicubic interpolation, as a product with a matrix on each side.

Keys, "Cubic Convolution Interpolation for Digital Image Processing", 1981, with a = -1/2:

    k(t) = (a + 2)|t|³ - (a + 3)|t|² + 1        for |t| <= 1
           a|t|³ - 5a|t|² + 8a|t| - 4a          for 1 < |t| < 2, and 0 beyond.

Pixel i of n_to lies at (i + 1/2) n_from / n_to - 1/2 in the picture that it is made of. Where a picture
is made smaller, k is stretched by n_from / n_to, so that nothing is aliased. At the edges, weights of
pixels that are not there are left out, and the others sum to 1. This is Pillow's BICUBIC; MATLAB's
imresize, by which published figures are made, differs at the edges alone, where it mirrors the picture.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops

Tensor = Any
Matrix = npt.NDArray[np.float32]
SUPPORT = 2  # of k: half its width
A = -0.5


def resized(x_BHWC: Tensor, height: int, width: int) -> Tensor:
    """Pictures of any range in another size: float32 (B, height, width, C). Values are not clipped."""
    _, from_height, from_width, _ = x_BHWC.shape
    return separable(x_BHWC, bicubic(from_height, height), bicubic(from_width, width))


def separable(x_BHWC: Tensor, rows: Matrix, columns: Matrix) -> Tensor:
    """Pictures whose columns of pixels are multiplied by one matrix, and whose rows by another.

    Args:
        x_BHWC: float32 (B, H, W, C).
        rows: float32 (H', H).
        columns: float32 (W', W).

    Returns:
        float32 (B, H', W', C).
    """
    return ops.einsum("vw,bhwc->bhvc", columns, ops.einsum("gh,bhwc->bgwc", rows, x_BHWC))


@cache
def bicubic(size: int, to: int) -> Matrix:
    """The matrix that makes `to` numbers of a row of `size` numbers: float32 (to, size)."""
    stretch = max(1.0, size / to)
    at = (np.arange(to) + 0.5) * size / to - 0.5
    weights = _kernel((np.arange(size) - at[:, None]) / stretch)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), np.float32)


def _kernel(t: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    t = np.abs(t)
    near = (A + 2) * t**3 - (A + 3) * t**2 + 1
    far = A * t**3 - 5 * A * t**2 + 8 * A * t - 4 * A
    return np.where(t <= 1, near, np.where(t < SUPPORT, far, 0.0))
