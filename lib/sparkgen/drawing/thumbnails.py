"""Draws sheets of pictures of any size, each scaled into a box, as PNG files."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.drawing.grids import GAP_PIXELS, PAPER, save_titled

Bytes = npt.NDArray[np.uint8]

BOX_PIXELS = 480
COLUMNS = 3


def thumbnails(
    stacks: Iterable[Sequence[Bytes]], path: str | Path, *, title: str = "", columns: int = COLUMNS
) -> None:
    """Writes stacks of pictures, such as a picture above what was made of it, side by side.

    Args:
        stacks: each of pictures uint8 (H, W, 1 or 3), the first one on top. Those that are larger
            than a box of 480 pixels are scaled down, one stack after the other; none is scaled up.
        path: of the PNG file.
        title: a line above them.
        columns: stacks in a row.
    """
    piled = [_pile([_scaled(picture) for picture in stack]) for stack in stacks]
    columns = max(1, min(columns, len(piled)))
    lines = [piled[start : start + columns] for start in range(0, len(piled), columns)]
    widths = [max(line[n].width for line in lines if n < len(line)) for n in range(columns)]
    heights = [max(pile.height for pile in line) for line in lines]
    page = _page(_total(widths), _total(heights))
    top = GAP_PIXELS
    for line, height in zip(lines, heights, strict=True):
        left = GAP_PIXELS
        for pile, width in zip(line, widths, strict=False):
            page.paste(pile, (left, top))
            left += width + GAP_PIXELS
        top += height + GAP_PIXELS
    save_titled(page, path, title)


def _pile(pictures: Sequence[Any]) -> Any:
    """Pictures below each other."""
    heights = [picture.height for picture in pictures]
    page = _page(max(picture.width for picture in pictures), _total(heights) - 2 * GAP_PIXELS)
    top = 0
    for picture in pictures:
        page.paste(picture, (0, top))
        top += picture.height + GAP_PIXELS
    return page


def _page(width: int, height: int) -> Any:
    from PIL import Image

    return Image.new("RGB", (width, height), (PAPER, PAPER, PAPER))


def _scaled(picture: Bytes) -> Any:
    from PIL import Image

    image = Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).convert("RGB")
    image.thumbnail((BOX_PIXELS, BOX_PIXELS), Image.Resampling.LANCZOS)
    return image


def _total(sizes: Sequence[int]) -> int:
    return sum(sizes) + GAP_PIXELS * (len(sizes) + 1)
