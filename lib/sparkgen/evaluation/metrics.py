"""Computes metrics with pure functions: one number per row, then the mean and its standard error.

Sums are exact (`math.fsum`), so a figure does not depend on how the rows were cut into parts.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

PerRow = npt.NDArray[np.float64]
Images = npt.NDArray[np.floating[Any]]

EPSILON = 1e-7  # keeps the logarithms finite, as Keras' own binary cross-entropy does


class Sums(NamedTuple):
    """The number of rows of a part, and the sums of their values and squared values."""

    rows: int
    total: float
    total_squares: float


def sums(values_N: npt.ArrayLike) -> Sums:
    """The sums over an array that has one number per row."""
    rows = np.asarray(values_N, np.float64).tolist()
    return Sums(len(rows), math.fsum(rows), math.fsum(value * value for value in rows))


def combine(parts: Iterable[Sums]) -> Sums:
    """The sums of all parts together; the order of the parts does not matter."""
    parts = list(parts)
    return Sums(
        sum(part.rows for part in parts),
        math.fsum(part.total for part in parts),
        math.fsum(part.total_squares for part in parts),
    )


def mean(total: Sums) -> float:
    """The mean over the rows."""
    return total.total / total.rows


def standard_error(total: Sums) -> float | None:
    """The standard error of the mean, s / √n; None for a single row."""
    if total.rows < 2:
        return None
    spread = total.total_squares - total.total * mean(total)
    return math.sqrt(max(spread, 0.0) / (total.rows - 1) / total.rows)


def bits_per_dimension(nats: float, dimensions: int) -> float:
    """Nats per record converted to bits per value of the record, such as H * W * C values."""
    return nats / (dimensions * math.log(2.0))


def squared_error(x: Images, x_hat: Images) -> PerRow:
    """The mean of (x − x̂)² over the pixels, one number per row.

    Args:
        x, x_hat: (N, H, W, C), range [0, 1].
    """
    difference = _flat(x) - _flat(x_hat)
    return np.mean(np.square(difference), axis=1)


def binary_crossentropy(x: Images, x_hat: Images) -> PerRow:
    """The mean of −x log x̂ − (1 − x) log(1 − x̂) over the pixels, in nats, one number per row.

    Args:
        x, x_hat: (N, H, W, C), range [0, 1].
    """
    p = np.clip(_flat(x_hat), EPSILON, 1.0 - EPSILON)
    target = _flat(x)
    return -np.mean(target * np.log(p) + (1.0 - target) * np.log1p(-p), axis=1)


ERRORS: Mapping[str, Callable[[Images, Images], PerRow]] = {
    "mse": squared_error,
    "binary_crossentropy": binary_crossentropy,
}
"""By the names that kinds of records have for them in `errors`."""


def _flat(images: Images) -> PerRow:
    return np.asarray(images, np.float64).reshape(len(images), -1)
