from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparkgen.drawing.grids import (
    GAP_PIXELS,
    PAPER,
    WRONG,
    block_grid,
    image_grid,
    pair_grid,
    prediction_grid,
    tile,
)
from sparkgen.drawing.pixels import to_uint8


def test_a_tile_shows_every_image_enlarged_pixel_by_pixel() -> None:
    images = np.arange(3 * 8 * 8, dtype=np.uint8).reshape(3, 8, 8, 1)
    grid = tile(images, 2)
    assert grid.shape == (2 * (64 + GAP_PIXELS) + GAP_PIXELS, 2 * (64 + GAP_PIXELS) + GAP_PIXELS, 1)
    for i in range(3):
        y, x = (GAP_PIXELS + k * (64 + GAP_PIXELS) for k in divmod(i, 2))
        assert np.array_equal(grid[y : y + 64 : 8, x : x + 64 : 8], images[i])
    assert (grid[:GAP_PIXELS] == PAPER).all()


def test_floats_and_bytes_give_the_same_picture() -> None:
    images = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)
    assert np.array_equal(to_uint8(images / np.float32(255)), images)


@pytest.mark.parametrize(("channels", "mode"), [(1, "L"), (3, "RGB")])
def test_a_grid_is_a_picture_in_the_colours_of_its_images(
    tmp_path: Path, channels: int, mode: str
) -> None:
    image_grid(np.zeros((5, 8, 8, channels), np.float32), tmp_path / "grid.png", columns=5)
    with Image.open(tmp_path / "grid.png") as image:
        assert image.mode == mode
        assert image.width == 5 * (64 + GAP_PIXELS) + GAP_PIXELS


def test_reconstructions_stand_under_their_originals(tmp_path: Path) -> None:
    x = np.ones((4, 8, 8, 1), np.float32)
    pair_grid(x, 0 * x, tmp_path / "pairs.png", columns=4)
    with Image.open(tmp_path / "pairs.png") as image:
        pixels = np.asarray(image.convert("L"))
    column = pixels[-2 * (64 + 2 * GAP_PIXELS) :, GAP_PIXELS + 32]
    assert column[GAP_PIXELS + 32] == 255
    assert column[-GAP_PIXELS - 32] == 0


def test_blocks_stand_side_by_side_with_their_rows_in_line(tmp_path: Path) -> None:
    images = np.arange(1, 7, dtype=np.uint8).reshape(2, 3, 1, 1, 1) * np.full(
        (8, 8, 1), 30, np.uint8
    )
    block_grid([images[:, :1], images[:, 1:]], tmp_path / "b.png", headings=["x", "α", "β"])
    with Image.open(tmp_path / "b.png") as image:
        page = np.asarray(image.convert("L"))
    step = 64 + GAP_PIXELS
    assert page.shape == (16 + 2 * step + GAP_PIXELS, 3 * step + 2 * GAP_PIXELS + 12)
    columns = [
        GAP_PIXELS + 32,
        2 * GAP_PIXELS + step + 12 + 32,
        2 * GAP_PIXELS + 2 * step + 12 + 32,
    ]
    for row in (0, 1):
        y = 16 + GAP_PIXELS + row * step + 32
        assert page[y, columns].tolist() == images[row, :, 0, 0, 0].tolist()
    # Every heading stands over the middle of its column.
    for centre in columns:
        ink = np.flatnonzero((page[:16, centre - 32 : centre + 32] < 150).any(axis=0))
        assert abs(ink.mean() - 32) < 3


def test_predictions_stand_under_their_images_and_only_mistakes_are_framed(tmp_path: Path) -> None:
    images = np.zeros((4, 8, 8, 1), np.float32)
    truth, guess = np.array([0, 1, 1, 0]), np.array([0, 1, 0, 0])
    prediction_grid(images, truth, guess, ["no", "yes"], tmp_path / "p.png", columns=2)
    with Image.open(tmp_path / "p.png") as image:
        page = np.asarray(image.convert("RGB"))
    height, width = page.shape[0] // 2, page.shape[1] // 2
    cells = [page[y * height :, x * width :][:height, :width] for y in (0, 1) for x in (0, 1)]
    frames = [(cell[:64] == WRONG).all(-1).sum() for cell in cells]
    assert frames[0] == frames[1] == frames[3] == 0
    # Three pixels wide, above and left and right of the part that is looked at.
    assert frames[2] > 3 * 64
    black = [(cell == 0).all(-1).sum() for cell in cells]
    assert black == [64 * 64] * 4


def test_long_names_and_colours_fit_into_a_grid_of_predictions(tmp_path: Path) -> None:
    images = np.full((3, 32, 32, 3), 0.5, np.float32)
    names = ["x" * 200, "Ankle boot"]
    labels = np.array([0, 1, 0])
    prediction_grid(images, labels, labels, names, tmp_path / "p.png", columns=3, title="test")
    with Image.open(tmp_path / "p.png") as image:
        assert image.mode == "RGB"
        assert image.width < 3 * 250
