"""Tiles that fade into each other, for what depends on the whole picture.

What a network needs is that of one tile; the pictures and the result, of their full size, are in memory.
Where a result depends on pixels nearby alone, `tiles` has what computes it exactly.
"""

from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np
from keras import ops

Tensor = Any


def by_fading_tiles(
    function: Callable[[Tensor], Tensor], x_BHWC: Tensor, *, tile: int, overlap: int, align: int = 1
) -> Tensor:
    """What a function gives of pictures, computed on tiles that overlap.

    Where tiles overlap, what they give fades from one into the next, so that no seams show.

    Args:
        function: gives something of the shape of its input, (B, h, w, C).
        x_BHWC: the pictures.
        tile: about how many pixels a side of a tile has; 0: the whole picture is computed at once.
        overlap: by about how many pixels neighbours overlap.
        align: tiles begin at multiples of so many pixels, such as the product of a network's strides.
    """
    rows, columns = (fading_spans(side, tile, overlap, align) for side in x_BHWC.shape[1:3])
    if len(rows) == len(columns) == 1:
        return function(x_BHWC)
    total = np.zeros(tuple(x_BHWC.shape), np.float32)
    weights = np.zeros((*total.shape[1:3], 1), np.float32)
    for (top, bottom), (left, right) in product(rows, columns):
        at = (slice(top, bottom), slice(left, right))
        weight = np.outer(fade(bottom - top, overlap), fade(right - left, overlap))[..., None]
        total[:, *at] += weight * ops.convert_to_numpy(function(x_BHWC[:, *at]))
        weights[at] += weight
    return ops.convert_to_tensor(total / weights)


def fading_spans(length: int, tile: int, overlap: int, align: int = 1) -> list[tuple[int, int]]:
    """Where the tiles of a side of `length` pixels begin and end, of which each overlaps the next.

    A tile has a multiple of `align` pixels, at least two times as many. The last one reaches to the end
    of the side, and may have more.
    """
    tile = max(tile // align * align, 2 * align) if tile else length
    if length <= tile:
        return [(0, length)]
    overlap = min(overlap, tile // 2)
    count = -(-(length - overlap) // (tile - overlap))
    even = (n * (length - tile) // (count - 1) for n in range(count))
    starts = sorted({start // align * align for start in even})
    return [*((start, start + tile) for start in starts[:-1]), (starts[-1], length)]


def fade(length: int, overlap: int) -> Any:
    """The weights of a tile's pixels along a side: 1 inside, less toward its ends, never 0: (length,)."""
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum((from_end + 1) / (overlap + 1), 1.0).astype(np.float32)
