"""Draws grids of images as PNG files, with Pillow."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.drawing.pixels import to_uint8

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]

TILE_PIXELS = 64  # small images are enlarged, pixel by pixel, to about this
GAP_PIXELS = 3
BLOCK_GAP_PIXELS = 12
PAPER = 235  # grey level between the tiles: dark and light images both stand out from it
LINE_PIXELS = 16  # of text
TITLE_PIXELS = 22
LETTER_PIXELS = 13
NAME_LETTERS = 20  # longer names are cut
INK, RIGHT, WRONG = (40, 40, 40), (20, 110, 50), (190, 20, 30)


def image_grid(
    images: Array, path: str | Path, *, columns: int | None = None, title: str = ""
) -> None:
    """Writes images as a grid, in reading order.

    Args:
        images: (N, H, W, C), C 1 or 3; uint8, or float in [0, 1].
        path: of the PNG file.
        columns: None: as many as make the grid about square.
        title: a line above the grid.
    """
    columns = columns or int(np.ceil(np.sqrt(len(images))))
    _write(tile(to_uint8(images), columns), path, title)


def pair_grid(
    x: Array,
    x_hat: Array,
    path: str | Path,
    *,
    columns: int = 10,
    title: str = "above: images, below: their reconstructions",
) -> None:
    """Writes images in rows, and below every row the model's reconstructions of them.

    Args:
        x, x_hat: (N, H, W, C); uint8, or float in [0, 1].
        path: of the PNG file.
        columns: images in a row.
        title: a line above the grid.
    """
    bands = []
    for start in range(0, len(x), columns):
        for images in (x, x_hat):
            bands.append(tile(to_uint8(images[start : start + columns]), columns))
        bands.append(np.full((2 * GAP_PIXELS, *bands[-1].shape[1:]), PAPER, np.uint8))
    _write(np.concatenate(bands[:-1]), path, title)


def block_grid(
    blocks: Sequence[Array], path: str | Path, *, headings: Sequence[str], title: str = ""
) -> None:
    """Writes blocks of images side by side; row r of the picture is row r of every block.

    Args:
        blocks: (R, S, H, W, C) each, R and the images' shape in common; uint8, or float in [0, 1].
        path: of the PNG file.
        headings: one above each of all the blocks' columns.
        title: a line above the grid.
    """
    grids: list[Bytes] = []
    centres: list[int] = []
    for block in blocks:
        rows, columns, *shape = block.shape
        grid = tile(to_uint8(block.reshape(rows * columns, *shape)), columns)
        step = (grid.shape[1] - GAP_PIXELS) // columns
        start = sum(g.shape[1] for g in grids) + GAP_PIXELS // 2
        centres += [start + step // 2 + step * column for column in range(columns)]
        grids += [grid, np.full((len(grid), BLOCK_GAP_PIXELS, grid.shape[2]), PAPER, np.uint8)]
    image = _with_band(as_picture(np.concatenate(grids[:-1], axis=1)), LINE_PIXELS)
    for centre, heading in zip(centres, headings, strict=True):
        write_text(image, (centre, 1), heading, anchor="ma")
    save_titled(image, path, title)


def prediction_grid(
    images: Array,
    labels: Array,
    predicted: Array,
    class_names: Sequence[str],
    path: str | Path,
    *,
    columns: int = 10,
    title: str = "",
) -> None:
    """Writes images with their true and their predicted class below them; mistakes are red.

    Args:
        images: (N, H, W, C), C 1 or 3; uint8, or float in [0, 1].
        labels, predicted: int (N,), 0 .. classes - 1.
        class_names: by label.
        path: of the PNG file.
        columns: images in a row.
        title: a line above the grid.
    """
    from PIL import Image, ImageDraw

    names = [n if len(n) <= NAME_LETTERS else f"{n[: NAME_LETTERS - 1]}…" for n in class_names]
    tiles = enlarge(to_uint8(images))
    text_pixels = max(_font().getlength(f"✗ {name}") for name in names)
    width = max(tiles.shape[2], int(text_pixels)) + 4 * GAP_PIXELS
    height = tiles.shape[1] + 2 * LINE_PIXELS + 4 * GAP_PIXELS
    size = (columns * width, -(-len(tiles) // columns) * height)
    page = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    for i, (label, guess) in enumerate(zip(labels, predicted, strict=True)):
        right, picture = label == guess, as_picture(tiles[i])
        x, y = i % columns * width + width // 2, i // columns * height + 2 * GAP_PIXELS
        left = x - picture.width // 2
        if not right:
            frame = (left - 3, y - 3, left + picture.width + 2, y + picture.height + 2)
            ImageDraw.Draw(page).rectangle(frame, fill=WRONG)
        page.paste(picture, (left, y))
        y += picture.height + 3
        write_text(page, (x, y), names[label], anchor="ma")
        verdict, colour = (f"{'✓' if right else '✗'} {names[guess]}", RIGHT if right else WRONG)
        write_text(page, (x, y + LINE_PIXELS - 1), verdict, anchor="ma", colour=colour)
    save_titled(page, path, title)


def tile(images: Bytes, columns: int) -> Bytes:
    """A grid (height, width, C) of images (N, H, W, C), enlarged by `enlarge`, with thin gaps."""
    large = enlarge(images)
    count, height, width, channels = large.shape
    rows = -(-count // columns)
    step_y, step_x = height + GAP_PIXELS, width + GAP_PIXELS
    shape = (rows * step_y + GAP_PIXELS, columns * step_x + GAP_PIXELS, channels)
    grid = np.full(shape, PAPER, np.uint8)
    for i, image in enumerate(large):
        y, x = GAP_PIXELS + i // columns * step_y, GAP_PIXELS + i % columns * step_x
        grid[y : y + height, x : x + width] = image
    return grid


def enlarge(images: Bytes) -> Bytes:
    """Images (N, H, W, C) enlarged by a whole factor, each pixel repeated."""
    scale = max(1, round(TILE_PIXELS / max(images.shape[1:3])))
    return images.repeat(scale, axis=1).repeat(scale, axis=2)


def _write(grid: Bytes, path: str | Path, title: str) -> None:
    save_titled(as_picture(grid), path, title)


def as_picture(pixels: Bytes) -> Any:
    """One image (H, W, C) as a picture of Pillow's."""
    from PIL import Image

    return Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)


def save_titled(image: Any, path: str | Path, title: str) -> None:
    """Writes a picture of Pillow's to a PNG file, with a line above it where there is a title."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    if title:
        image = _with_band(image, TITLE_PIXELS, int(_font().getlength(title)) + 4 * GAP_PIXELS)
        write_text(image, (2 * GAP_PIXELS, GAP_PIXELS), title)
    image.save(path)


def _with_band(image: Any, band_pixels: int, least_width: int = 0) -> Any:
    """The image in RGB, with an empty band above it."""
    from PIL import Image

    size = (max(image.width, least_width), image.height + band_pixels)
    page = Image.new("RGB", size, (PAPER, PAPER, PAPER))
    page.paste(image, (0, band_pixels))
    return page


def write_text(
    image: Any,
    position: tuple[int, int],
    text: str,
    *,
    anchor: str = "la",
    colour: tuple[int, int, int] = INK,
) -> None:
    """Writes a line of text on a picture of Pillow's; `anchor` says what of the text is at `position`."""
    from PIL import ImageDraw

    ImageDraw.Draw(image).text(position, text, font=_font(), fill=colour, anchor=anchor)


def _font() -> Any:
    import matplotlib
    from PIL import ImageFont

    typeface = Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(str(typeface), LETTER_PIXELS)
