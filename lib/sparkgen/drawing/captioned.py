"""Draws grids of images with what is said of each below it."""

import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from sparkgen.drawing.grids import (
    GAP_PIXELS,
    LETTER_PIXELS,
    LINE_PIXELS,
    PAPER,
    as_picture,
    enlarge,
    save_titled,
    write_text,
)
from sparkgen.drawing.pixels import to_uint8

COLUMN_PIXELS = 136
LINES = 3  # longer texts are cut


def captioned_grid(
    images: npt.NDArray[Any],
    captions: Sequence[str],
    path: str | Path,
    *,
    columns: int = 10,
    title: str = "",
) -> None:
    """Writes images in reading order, each with its caption below it.

    Args:
        images: (N, H, W, C), C 1 or 3; uint8, or float in [0, 1].
        captions: N texts.
        path: of the PNG file.
        columns: images in a row.
        title: a line above the grid.
    """
    from PIL import Image

    tiles = enlarge(to_uint8(images))
    width = max(tiles.shape[2], COLUMN_PIXELS) + 4 * GAP_PIXELS
    letters = int(1.7 * width / LETTER_PIXELS)
    wrapped = [
        textwrap.wrap(caption, letters, max_lines=LINES, placeholder=" …") for caption in captions
    ]
    lines = max(map(len, wrapped), default=0)
    height = tiles.shape[1] + lines * LINE_PIXELS + 4 * GAP_PIXELS
    size = (min(columns, len(tiles)) * width, -(-len(tiles) // columns) * height)
    page = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    for i, some in enumerate(wrapped):
        picture = as_picture(tiles[i])
        x, y = i % columns * width + width // 2, i // columns * height + GAP_PIXELS
        page.paste(picture, (x - picture.width // 2, y))
        for n, line in enumerate(some):
            write_text(page, (x, y + picture.height + n * LINE_PIXELS), line, anchor="ma")
    save_titled(page, path, title)
