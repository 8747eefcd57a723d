"""Looks at some pictures of a source: their sizes, colours, levels and formats, and a shape for them."""

import warnings
from collections import Counter
from collections.abc import Iterable
from io import BytesIO
from statistics import median
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from sparkgen.errors import RequestError
from sparkgen.ingest.images.decode import BadImage, ImageRule, whole_image
from sparkgen.ingest.images.formats import format_of
from sparkgen.ingest.images.pictures import Picture

MOST_SIDE = 64  # of the shape for pictures of several sizes
LOSSY = frozenset(("JPEG", "WEBP", "AVIF", "HEIF"))
GREY = ("1", "L", "LA", "La", "F", "I", "I;16", "I;16B", "I;16L", "I;16N")  # Pillow's modes
MOST_SHOWN = 4  # sizes in a message
FEW = (
    0.1  # of the pictures that were looked at: so many of another size or in colour are exceptions
)
RULE = ImageRule((1, 1, 3))  # colours are kept


class Glance(NamedTuple):
    """What was seen in `looked` pictures, of which `damaged` could not be decoded."""

    shape: tuple[int, ...]
    about_shape: str
    lines: tuple[str, ...]
    looked: int
    damaged: int


def glance(pictures: Iterable[Picture], *, rows: int) -> Glance:
    """What some pictures are like.

    Args:
        pictures: those that are looked at.
        rows: how many there are.

    Raises:
        RequestError: none of them can be decoded.
    """
    sizes, formats, bad = Counter[tuple[int, int]](), Counter[str](), Counter[str]()
    low, high, colours, stored = 255, 0, 0, 0
    for picture in pictures:
        try:
            array = _array(picture)
        except BadImage as error:
            bad[error.reason] += 1
            continue
        sizes[array.shape[1], array.shape[0]] += 1
        formats[format_of(picture.data) or "unknown"] += 1
        low, high = min(low, int(array.min())), max(high, int(array.max()))
        colours += _is_coloured(array)
        stored += _is_stored_in_colour(picture.data)
    looked = sizes.total() + bad.total()
    reasons = ", ".join(f"{reason} {count}" for reason, count in sorted(bad.items()))
    if not sizes:
        raise RequestError(
            f"pictures that can be decoded, of which {looked} were looked at",
            found=reasons,
            mend="correct the files or give the path of others",
        )
    shape, about = _shape(sizes, 3 if colours > FEW * sizes.total() else 1)
    kinds = ", ".join(f"{name} {count}" for name, count in formats.most_common())
    exact = " (pixels are not exact)" if LOSSY & formats.keys() else ""
    lines = [
        f"looked at {looked} of {rows} pictures, spread over all: {kinds}{exact}",
        f"sizes (width x height): {_sizes(sizes)}; levels {low} to {high}; "
        + (f"{colours} in colour" if colours else "all grey")
        + (f", {stored} of them stored in colour" if stored and not colours else ""),
    ]
    if bad:
        lines.append(f"damaged among those looked at: {reasons}")
    return Glance(shape, about, tuple(lines), looked, bad.total())


def _array(picture: Picture) -> npt.NDArray[np.uint8]:
    if picture.reason is not None:
        raise BadImage(picture.reason)
    try:
        return whole_image(picture.data, RULE)
    except BadImage:
        raise
    except Exception as error:  # as an ingest takes it: decoders raise of every kind over damage
        raise BadImage(f"undecodable-image-{type(error).__name__}") from None


def _is_stored_in_colour(data: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of damaged metadata, which the decoder passes over
        with Image.open(BytesIO(data)) as image:
            return image.mode not in GREY


def _is_coloured(array: npt.NDArray[np.uint8]) -> bool:
    first = array[..., 0]
    return any(not np.array_equal(first, array[..., channel]) for channel in (1, 2))


def _shape(sizes: Counter[tuple[int, int]], channels: int) -> tuple[tuple[int, ...], str]:
    """A shape for pictures of some sizes, width and height, and the reason for it."""
    colour = "colour" if channels == 3 else "grey"
    ((width, height), count), *others = sizes.most_common()
    if count >= (1 - FEW) * sizes.total():
        whose = "most" if others else "the"
        about = f"height, width, channels: that of {whose} pictures, {colour}"
        return (height, width, channels), about
    shorter = median(min(size) for size in sizes.elements())
    side = 1
    while 2 * side <= min(shorter, MOST_SIDE):
        side *= 2
    return (side, side, channels), (
        f"height, width, channels: pictures are {_sizes(sizes, ' and ')}, {colour}; any size "
        "may stand here"
    )


def _sizes(sizes: Counter[tuple[int, int]], between: str = ", ") -> str:
    if len(sizes) > MOST_SHOWN:
        widths, heights = zip(*sizes, strict=True)
        return f"{min(widths)} to {max(widths)} x {min(heights)} to {max(heights)}"
    shown = [f"{width} x {height}" for (width, height), _ in sizes.most_common()]
    return between.join(shown)
