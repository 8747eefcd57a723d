"""Defines the keys that all sources of encoded pictures share."""

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.source import Source

if TYPE_CHECKING:
    from sparkgen.ingest.decode import ImageRule


class PictureOptions(Source):
    """How encoded pictures become records of the data set's shape."""

    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"
    """The filter that scales the shorter side to the shape; the centre is then cropped."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """The grey level that transparent pixels are laid over."""
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)] = 64_000_000
    """An image that declares more pixels than this is refused before it is decoded. Pillow decodes
    none beyond the highest value allowed."""

    def rule(self, dataset: DatasetConfig) -> "ImageRule":
        """The part of the configuration that says how pictures are decoded."""
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.decode import ImageRule

        shape = record_of(dataset).shape
        return ImageRule(shape, self.resize, self.background, self.max_pixels)
