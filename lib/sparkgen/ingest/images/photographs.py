"""The two photographs of scikit-learn, china and flower, of 427 x 640 pixels, and tiles cut from them.

The tiles lie side by side from the upper left corner, and do not overlap. Those of the last fifth of the
columns, one column at least, are the test split, so that it shows parts of the scene that training does
not. What is left at the lower and at the right edge is narrower than a tile, and is in none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

Pixels = npt.NDArray[np.uint8]
TEST_PART = 5
"""One in so many columns of tiles, rounded up, is of the test split."""


PHOTOGRAPHS = ("china", "flower")
"""Their names, in the order of their labels."""


class Tiles(NamedTuple):
    """Pictures, uint8 (N, H, W, C), each with the number of its photograph, int64 (N,)."""

    pictures: Pixels
    labels: npt.NDArray[np.int64]


def photograph_file(name: str) -> bytes:
    """The JPEG file of one of `PHOTOGRAPHS`."""
    import sklearn.datasets

    return (Path(sklearn.datasets.__file__).parent / "images" / f"{name}.jpg").read_bytes()


def load_photographs() -> list[Pixels]:
    """The photographs, in the order of `PHOTOGRAPHS`: uint8 (427, 640, 3)."""
    from sklearn.datasets import load_sample_image

    return [load_sample_image(f"{name}.jpg") for name in PHOTOGRAPHS]


def tiles(photographs: Sequence[Pixels], shape: tuple[int, ...]) -> dict[str, Tiles]:
    """The tiles of photographs by split.

    Args:
        photographs: uint8 (height, width, 3), all of one size.
        shape: of a tile, (H, W, C): at most the height, and half the width. With one channel the tiles
            are grey.
    """
    found: dict[str, list[tuple[Pixels, int]]] = {"train": [], "test": []}
    height, width, channels = shape
    for label, photograph in enumerate(photographs):
        pixels = _with_channels(photograph, channels)
        rows, columns = pixels.shape[0] // height, pixels.shape[1] // width
        first_test = columns - -(-columns // TEST_PART)
        for row in range(rows):
            for column in range(columns):
                tile = pixels[row * height :, column * width :][:height, :width]
                found["test" if column >= first_test else "train"].append((tile, label))
    return {
        split: Tiles(*(np.stack(part) for part in zip(*some, strict=True)))
        for split, some in found.items()
    }


def _with_channels(photograph: Pixels, channels: int) -> Any:
    return np.atleast_3d(
        np.asarray(Image.fromarray(photograph).convert("L" if channels == 1 else "RGB"))
    )
