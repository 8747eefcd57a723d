"""Defines the records that are pictures: of one size, as data sets hold them, and of any size."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pyarrow as pa

from sparkgen.datasets.record import Array, Record
from sparkgen.datasets.tokens import TokenRecord
from sparkgen.drawing.grids import image_grid, pair_grid
from sparkgen.drawing.pixels import to_uint8
from sparkgen.drawing.thumbnails import thumbnails


@dataclass(frozen=True)
class ImageRecord(Record):
    """Pictures of one size, grey or in colour: (height, width, 1 or 3)."""

    caption: TokenRecord | None = None  # type: ignore[misc]  # of the class in other kinds
    """The form of the captions that stand beside them; None: there are none."""

    kind: ClassVar[str] = "image"
    model_dtype: ClassVar[str] = "float32"
    entries: ClassVar[str] = "pixels"
    unit: ClassVar[float | None] = 255.0
    suffix: ClassVar[str] = ".png"
    pictures: ClassVar[bool] = True
    unknown: ClassVar[int] = 128
    errors: ClassVar[tuple[str, ...]] = ("mse", "binary_crossentropy")
    distance: ClassVar[str] = "Euclidean, pixels in [0, 1]"

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or min(self.shape) < 1 or self.shape[2] not in (1, 3):
            raise ValueError(f"shape must be [height, width, 1 or 3], found {list(self.shape)}")
        if self.values != 256:
            raise ValueError(f"images have 256 values, found {self.values}")

    def __str__(self) -> str:
        beside = "" if self.caption is None else f" with captions of {self.caption.shape[0]} tokens"
        return f"images of shape {list(self.shape)}{beside}"

    @property
    def bare(self) -> "ImageRecord":
        return self if self.caption is None else replace(self, caption=None)

    def to_stored(self, data: Array) -> Array:
        """Numbers in [0, 1] as the nearest bytes, 0 to 255, with clipping; uint8 does not change."""
        return to_uint8(data)

    def draw(self, data: Array, path: str | Path, *, title: str = "") -> None:
        image_grid(data, path, title=title)

    def draw_pairs(self, given: Array, made: Array, path: str | Path, *, title: str = "") -> None:
        pair_grid(given, made, path, title=title)


@dataclass(frozen=True)
class PictureRecord(Record):
    """Pictures of any height and width, each of its own: (channels,), 1 or 3.

    N of them are an array of N objects, each uint8 (H, W, channels). In a file each is a PNG file.
    """

    kind: ClassVar[str] = "picture"
    model_dtype: ClassVar[str] = "float32"
    entries: ClassVar[str] = "pixels"
    unit: ClassVar[float | None] = 255.0
    suffix: ClassVar[str] = ".png"
    fixed: ClassVar[bool] = False
    alone: ClassVar[bool] = True
    pictures: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.shape not in ((1,), (3,)):
            raise ValueError(f"the shape of pictures must be [1 or 3], found {list(self.shape)}")
        if self.values != 256:
            raise ValueError(f"pictures have 256 values, found {self.values}")

    def __str__(self) -> str:
        return f"{'grey' if self.shape == (1,) else 'colour'} pictures of any size"

    @property
    def row_bytes(self) -> int:
        return 16 << 20  # some five million pixels

    def to_stored(self, data: Array) -> Array:
        """Numbers in [0, 1] as the nearest bytes, 0 to 255, with clipping; uint8 does not change."""
        return to_uint8(data)

    def draw(self, data: Iterable[Array], path: str | Path, *, title: str = "") -> None:
        thumbnails(([picture] for picture in data), path, title=title)

    def draw_pairs(
        self, given: Iterable[Array], made: Iterable[Array], path: str | Path, *, title: str = ""
    ) -> None:
        thumbnails(zip(given, made, strict=True), path, title=title)

    def decode(self, column: pa.ChunkedArray | Sequence[bytes]) -> Array:
        """A Parquet column of N pictures as an array of N objects, each uint8 (H, W, channels)."""
        cells = column.to_pylist() if hasattr(column, "to_pylist") else column
        return as_objects([_from_png(cell, self.shape[0]) for cell in cells])

    def encode(self, stored: Array) -> pa.BinaryArray:
        """N pictures, each uint8 (H, W, channels), as a Parquet column of PNG files."""
        return pa.array([to_png(picture) for picture in stored], pa.binary())


def as_objects(pictures: Sequence[Array]) -> Array:
    """Pictures of any sizes as an array of N objects."""
    together = np.empty(len(pictures), object)
    for position, picture in enumerate(pictures):
        together[position] = picture
    return together


def to_png(picture: Array) -> bytes:
    """A picture, uint8 (H, W, 1 or 3), as a PNG file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(buffer, "png")
    return buffer.getvalue()


def _from_png(data: bytes, channels: int) -> Array:
    from PIL.PngImagePlugin import PngImageFile

    # Not `Image.open`, which refuses large pictures: whoever made the file was free to make one.
    with PngImageFile(io.BytesIO(data)) as image:
        pixels = np.asarray(image.convert("L" if channels == 1 else "RGB"), np.uint8)
    return pixels.reshape(*pixels.shape[:2], channels)
