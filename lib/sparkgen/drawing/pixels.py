"""Converts the pixels that models produce to bytes."""

from typing import Any

import numpy as np
import numpy.typing as npt


def to_uint8(images: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Numbers in [0, 1] as the nearest bytes, 0 to 255, with clipping; uint8 does not change."""
    if images.dtype == np.uint8:
        return images
    return np.rint(np.clip(images, 0.0, 1.0) * 255.0).astype(np.uint8)
