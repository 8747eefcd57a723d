"""Bicubic interpolation gives what Pillow gives."""

import numpy as np
import pytest
from PIL import Image

from sparkgen.layers.bicubic import bicubic, resized


@pytest.mark.parametrize(
    ("size", "to"),
    [
        ((1, 1), (2, 2)),
        ((1, 5), (3, 15)),
        ((7, 5), (21, 15)),
        ((20, 13), (7, 31)),
        ((33, 48), (11, 16)),
        ((32, 48), (16, 24)),
        ((60, 90), (120, 180)),
    ],
)
def test_pictures_are_as_pillow_resizes_them(size: tuple[int, int], to: tuple[int, int]) -> None:
    x = np.random.default_rng(0).random((*size, 2), np.float32)
    mine = np.asarray(resized(x[None], *to))[0]
    for channel in range(2):
        grey = Image.fromarray(x[..., channel])
        theirs = np.asarray(grey.resize(to[::-1], Image.Resampling.BICUBIC))
        np.testing.assert_allclose(mine[..., channel], theirs, atol=1e-6)


def test_even_brightness_stays_and_no_size_changes_nothing() -> None:
    np.testing.assert_allclose(bicubic(12, 4).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_allclose(bicubic(4, 12).sum(axis=1), 1, rtol=1e-6)
    np.testing.assert_array_equal(bicubic(5, 5), np.eye(5))


def test_the_weights_of_four_neighbours_are_those_of_the_paper() -> None:
    # Pixel 8 of 16 lies at 3.75 in the row of 8: k(1.75), k(0.75), k(0.25), k(1.25).
    np.testing.assert_allclose(bicubic(8, 16)[8] * 128, [0, 0, -3, 29, 111, -9, 0, 0], atol=1e-5)
