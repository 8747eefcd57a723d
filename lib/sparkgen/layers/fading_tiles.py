"""Tiles that fade into each other, for what depends on the whole picture, so that memory bounds no size.

Where a result depends on pixels nearby alone, `tiles` has what computes it exactly.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from keras import ops

Tensor = Any


def by_fading_tiles(
    function: Callable[[Tensor], Tensor], x_BHWC: Tensor, *, tile: int, overlap: int
) -> Tensor:
    """What a function gives of pictures, computed on tiles of one size that overlap.

    Where tiles overlap, what they give fades from one into the next, so that no seams show.

    Args:
        function: gives something of the shape of its input, (B, h, w, C).
        x_BHWC: the pictures.
        tile: the most pixels a side of a tile; 0: the whole picture at once.
        overlap: by how many pixels neighbours overlap at least; less where a tile is no larger than twice
            that.
    """
    tops, height = spans(x_BHWC.shape[1], tile, overlap)
    lefts, width = spans(x_BHWC.shape[2], tile, overlap)
    if len(tops) == len(lefts) == 1:
        return function(x_BHWC)
    weight_hw = np.outer(fade(height, overlap), fade(width, overlap))
    total = np.zeros(tuple(x_BHWC.shape), np.float32)
    weights = np.zeros((*total.shape[1:3], 1), np.float32)
    for top in tops:
        for left in lefts:
            rows, columns = slice(top, top + height), slice(left, left + width)
            found = ops.convert_to_numpy(function(x_BHWC[:, rows, columns]))
            total[:, rows, columns] += weight_hw[..., None] * found
            weights[rows, columns] += weight_hw[..., None]
    return ops.convert_to_tensor(total / weights)


def spans(length: int, tile: int, overlap: int) -> tuple[list[int], int]:
    """Where the tiles of one side begin, and how long they are.

    They are as few as can be, evenly spaced, and the last one ends where the side does.
    """
    if not tile or length <= tile:
        return [0], length
    overlap = min(overlap, tile // 2)
    count = -(-(length - overlap) // (tile - overlap))
    return [round(n * (length - tile) / (count - 1)) for n in range(count)], tile


def fade(length: int, overlap: int) -> Any:
    """The weights of a tile's pixels along a side: 1 inside, less toward its ends, never 0: (length,)."""
    from_end = np.minimum(np.arange(length), np.arange(length)[::-1])
    return np.minimum((from_end + 1) / (overlap + 1), 1.0).astype(np.float32)
