"""Measures strokes, such as those of a handwritten digit: how thick, how slanted and how large they are.

Each measure is a function of one picture alone, with bright strokes on a dark ground, and does not change
where all of the picture becomes brighter by a factor. With p the grey levels and (x, y) the columns and
rows from the upper left corner,

    width = 2 Σ p / Σ |∇p|,    slant = arctan(-Cov(x, y) / Var(y)),

the moments weighted by p: a stroke of width w and length L has the area wL and about the perimeter 2L;
and the tangent of the slant of a picture grows by tan(a) where it is sheared by x → x - y tan(a).
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

NAMES = ("stroke_width", "slant", "size")


class Strokes(NamedTuple):
    """The measures of N pictures, float64 (N,) each; all 0 where a picture is black."""

    stroke_width: Floats
    """In pixels."""
    slant: Floats
    """In degrees; positive: it leans to the right."""
    size: Floats
    """The geometric mean of the sides of the box around all pixels that are at least half as bright as
    the brightest, in pixels. Its height says little of digits that were scaled to one height."""


def measure(pictures: npt.NDArray[Any]) -> Strokes:
    """The measures of pictures.

    Args:
        pictures: uint8 (N, H, W) or (N, H, W, C), of which the channels are added up.
    """
    levels = pictures.astype(np.int64)
    if levels.ndim == 4:
        levels = levels.sum(axis=-1)
    return Strokes(_width(levels), _slant(levels), _size(levels))


def _width(levels: npt.NDArray[np.int64]) -> Floats:
    padded = np.pad(levels, ((0, 0), (1, 1), (1, 1))).astype(np.float64)
    # Each is the mean of two neighbours, so that a stroke and its mirror image are of one width.
    across, down = np.diff(padded, axis=2), np.diff(padded, axis=1)
    across, down = across[:, 1:] + across[:, :-1], down[:, :, 1:] + down[:, :, :-1]
    edges = _total(np.sqrt(across**2 + down**2)) / 2
    return 2 * _total(levels) / np.where(edges > 0, edges, 1.0)


def _slant(levels: npt.NDArray[np.int64]) -> Floats:
    # Sums of whole numbers are exact, in whatever order they are added.
    y, x = np.mgrid[: levels.shape[1], : levels.shape[2]]
    mass = _total(levels)
    mass = np.where(mass > 0, mass, 1)
    mean_x, mean_y = _total(levels * x) / mass, _total(levels * y) / mass
    covariance = _total(levels * x * y) / mass - mean_x * mean_y
    variance = _total(levels * y * y) / mass - mean_y**2
    # A picture of one row has no slant.
    shear = np.where(variance > 1e-9, -covariance / np.maximum(variance, 1e-9), 0.0)
    return np.degrees(np.arctan(shear))


def _size(levels: npt.NDArray[np.int64]) -> Floats:
    brightest = levels.max(axis=(1, 2), keepdims=True, initial=0)
    ink = (2 * levels >= brightest) & (brightest > 0)
    return np.sqrt(_extent(ink.any(axis=2)) * _extent(ink.any(axis=1)))


def _extent(marked: npt.NDArray[np.bool_]) -> Floats:
    """How far it is from the first to the last marked place of each row, both counted; 0: none is."""
    first, last = marked.argmax(axis=1), marked[:, ::-1].argmax(axis=1)
    return np.where(marked.any(axis=1), marked.shape[1] - first - last, 0).astype(np.float64)


def _total(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The sum of each picture, which does not depend on the others of its array."""
    return np.ascontiguousarray(values).reshape(len(values), -1).sum(axis=1)
