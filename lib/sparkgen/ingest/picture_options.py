"""Defines the keys that all sources of picture files share: how a picture becomes pixels."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from sparkgen.ingest.source import Source

if TYPE_CHECKING:
    from sparkgen.config.dataset import DatasetConfig
    from sparkgen.ingest.decode import ImageRule


class PictureOptions(Source):
    """A source of picture files: the base of formats that decode them."""

    # A version that does not count unused files may lack images that nobody missed.
    unused_since_release: ClassVar[bool] = True

    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"
    """The filter that scales the shorter side to the shape; the centre is then cropped."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """The grey level that transparent pixels are laid over."""
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)] = 64_000_000
    """An image that declares more pixels than this is refused before it is decoded. Pillow decodes
    none beyond the highest value allowed."""

    def image_rule(self, dataset: "DatasetConfig") -> "ImageRule":
        """The part of the configuration that says how images are decoded."""
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.decode import ImageRule

        return ImageRule(record_of(dataset).shape, self.resize, self.background, self.max_pixels)
