"""Computes something of a large picture tile by tile, so that what a network needs has a bound.

The picture and the result, of their full size, are in memory all the same.
"""

from collections.abc import Callable
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from keras import ops

Tensor = Any


class Span(NamedTuple):
    """The pixels of a tile along one side of a picture, and those around it that it is computed from."""

    start: int
    stop: int
    outer_start: int
    outer_stop: int


def margined_spans(size: int, side: int, margin: int) -> list[Span]:
    """A side of `size` pixels in tiles of at most `side`, each with up to `margin` more at both ends."""
    edges = [(start, min(start + side, size)) for start in range(0, size, side)]
    return [Span(a, b, max(a - margin, 0), min(b + margin, size)) for a, b in edges]


def by_tiles(
    enlarge: Callable[[Tensor], Tensor], x_1HWC: Tensor, *, side: int, margin: int, scale: int
) -> Tensor:
    """What `enlarge` makes of a picture, computed of its tiles.

    It is what it makes of the whole picture, up to rounding, where a pixel that it makes depends on no
    pixel of the picture that is further than `margin` from its place.

    Args:
        enlarge: makes (1, h * scale, w * scale, C) of (1, h, w, C).
        x_1HWC: one picture of any size.
        side: of the tiles in pixels.
        margin: pixels around each tile that it is computed from, too.
        scale: how many times wider and higher the result is.

    Returns:
        float32 (1, H * scale, W * scale, C), in the memory of the host.
    """
    _, height, width, channels = x_1HWC.shape
    made = np.empty((1, height * scale, width * scale, channels), np.float32)
    sides = (margined_spans(length, side, margin) for length in (height, width))
    for rows, columns in product(*sides):
        part = x_1HWC[
            :, rows.outer_start : rows.outer_stop, columns.outer_start : columns.outer_stop
        ]
        tile = ops.convert_to_numpy(enlarge(part))
        into, take = zip(*(_scaled(span, scale) for span in (rows, columns)), strict=True)
        made[(slice(None), *into)] = tile[(slice(None), *take)]
    return made


def _scaled(span: Span, scale: int) -> tuple[slice, slice]:
    """Where a tile lies in the result, and where in what was computed of it."""
    into = slice(span.start * scale, span.stop * scale)
    first = (span.start - span.outer_start) * scale
    return into, slice(first, first + into.stop - into.start)
