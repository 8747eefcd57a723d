"""Finds the shape and the scale of pictures that are rows of numbers."""

import math
from typing import NamedTuple

GREY_LEVELS = 255
LEAST_SIDE = 4
HALF = 128  # levels that pictures of 256 are expected to reach


class White(NamedTuple):
    """The value that is white, and how it was found; None: 255, as it is by default."""

    value_max: float | None
    about: str


def square_shape(size: int) -> tuple[int, int, int] | None:
    """The shape of square pictures of `size` numbers, grey or in colour; None: there is none."""
    for channels in (1, 3):
        side = math.isqrt(size // channels)
        if side >= LEAST_SIDE and side * side * channels == size:
            return side, side, channels
    return None


def white_of(highest: float, *, whole: bool, bytewise: bool = False) -> White:
    """The scale of values from 0 to `highest`.

    Args:
        highest: of all values.
        whole: they are whole numbers, not fractions.
        bytewise: they are stored as unsigned bytes, which are grey levels, however dark, but for 0 and 1.
    """
    seen = f"values reach {highest:g}"
    if HALF <= highest <= GREY_LEVELS:
        return White(None if whole else float(GREY_LEVELS), seen)
    if highest <= 1:
        return White(1.0, f"{seen}: white is 1")
    if bytewise:
        about = f"{seen}: white is {GREY_LEVELS}, as of unsigned bytes; else state source.value_max"
        return White(None, about)
    return White(float(highest), f"{seen}, which is taken for white")
