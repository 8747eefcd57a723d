from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sparkgen.datasets.pixels import to_uint8
from sparkgen.tracking.figures import (
    GAP_PIXELS,
    PAPER,
    image_grid,
    latent_map,
    loss_curves,
    plane,
    reconstruction_grid,
    tile,
)


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
    reconstruction_grid(x, 0 * x, tmp_path / "pairs.png", columns=4)
    with Image.open(tmp_path / "pairs.png") as image:
        pixels = np.asarray(image.convert("L"))
    column = pixels[-2 * (64 + 2 * GAP_PIXELS) :, GAP_PIXELS + 32]
    assert column[GAP_PIXELS + 32] == 255
    assert column[-GAP_PIXELS - 32] == 0


def test_charts_are_drawn_of_what_was_measured(tmp_path: Path) -> None:
    history = [{"epoch": n, "loss": 1 / (n + 1), "val_loss": 2 / (n + 1)} for n in range(3)]
    loss_curves(history, tmp_path / "loss.png")
    random = np.random.default_rng(0)
    latent_map(
        random.normal(size=(50, 5)), np.arange(50) % 3, ["a", "b", "c"], tmp_path / "latents.png"
    )
    for name in ("loss.png", "latents.png"):
        with Image.open(tmp_path / name) as image:
            assert min(image.size) > 300


def test_latents_are_seen_along_the_axes_in_which_they_vary_most() -> None:
    latents = np.array([[0.0, 3, 0], [0, -3, 0], [0, 0, 1], [0, 0, -1]])
    points, names = plane(latents)
    assert np.allclose(np.abs(points), [[3, 0], [3, 0], [0, 1], [0, 1]])
    assert names[0] == "principal axis 1 (90% of the variance)"
