"""Draws sheets of pictures of any size, each scaled into a box, as PNG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.drawing.grids import GAP_PIXELS, PAPER, save_titled

Bytes = npt.NDArray[np.uint8]

BOX_PIXELS = 480
COLUMNS = 3


def thumbnails(
    stacks: Sequence[Sequence[Bytes]], path: str | Path, *, title: str = "", columns: int = COLUMNS
) -> None:
    """Writes stacks of pictures, such as a picture above what was made of it, side by side.

    Args:
        stacks: of equal height, each of uint8 (H, W, 1 or 3). Those that are larger than a box of 480
            pixels are scaled down; none is scaled up.
        path: of the PNG file.
        title: a line above them.
        columns: stacks in a row.
    """
    from PIL import Image

    columns = max(1, min(columns, len(stacks)))
    lines = []
    for start in range(0, len(stacks), columns):
        scaled = [
            [_scaled(picture) for picture in stack] for stack in stacks[start : start + columns]
        ]
        lines += [list(line) for line in zip(*scaled, strict=True)]
    widths = [
        max((line[column].width for line in lines if column < len(line)), default=1)
        for column in range(columns)
    ]
    heights = [max(picture.height for picture in line) for line in lines]
    size = (_total(widths), _total(heights))
    page = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    top = GAP_PIXELS
    for line, height in zip(lines, heights, strict=True):
        left = GAP_PIXELS
        for picture, width in zip(line, widths, strict=False):
            page.paste(picture, (left, top))
            left += width + GAP_PIXELS
        top += height + GAP_PIXELS
    save_titled(page, path, title)


def _scaled(picture: Bytes) -> Any:
    from PIL import Image

    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).convert("RGB")
    image.thumbnail((BOX_PIXELS, BOX_PIXELS), Image.Resampling.LANCZOS)
    return image


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + GAP_PIXELS * (len(sizes) + 1)
