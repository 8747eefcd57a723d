"""Reads a picture that the options of a model name."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.storage import read_bytes
from sparkgen.errors import RequestError

PHOTOGRAPHS = {"photograph:china": "china.jpg", "photograph:flower": "flower.jpg"}
"""Those that come with scikit-learn."""


def read_picture(named: str, *, channels: int) -> npt.NDArray[np.float32]:
    """A picture as a model sees it: (1, H, W, channels), in [0, 1].

    Args:
        named: an image file or its URI, or one of `PHOTOGRAPHS`.
        channels: 1 for a grey one, or 3.

    Raises:
        RequestError: it is not there, or no picture.
    """
    from PIL import Image

    try:
        with Image.open(io.BytesIO(_bytes_of(named))) as image:
            pixels: npt.NDArray[Any] = np.asarray(image.convert("L" if channels == 1 else "RGB"))
    except (OSError, ValueError) as error:
        raise RequestError(
            "an image file, or " + " or ".join(PHOTOGRAPHS),
            found=f"{named} ({type(error).__name__})",
            mend="correct the path",
        ) from error
    return pixels.reshape(1, *pixels.shape[:2], channels).astype(np.float32) / np.float32(255)


def _bytes_of(named: str) -> bytes:
    if named not in PHOTOGRAPHS:
        return read_bytes(named)
    import sklearn.datasets

    return (Path(sklearn.datasets.__file__).parent / "images" / PHOTOGRAPHS[named]).read_bytes()
