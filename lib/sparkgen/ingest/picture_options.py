"""Defines the keys that all sources of encoded pictures share."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import ManyBad, Source

if TYPE_CHECKING:
    from sparkgen.ingest.images.decode import ImageRule
    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.looking.survey import PictureShare, Survey

log = logging.getLogger(__name__)


class PictureOptions(Source):
    """A source of picture files: the base of formats that decode them."""

    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"
    """The filter that scales the shorter side to the shape; the centre is then cropped."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """The grey level that transparent pixels are laid over."""
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)] = 64_000_000
    """An image that declares more pixels than this is refused before it is decoded. Pillow decodes
    none beyond the highest value allowed."""

    def rule(self, dataset: DatasetConfig) -> "ImageRule":
        """The part of the configuration that says how images are decoded."""
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.images.decode import ImageRule

        return ImageRule(record_of(dataset).shape, self.resize, self.background, self.max_pixels)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.looking.survey import survey_pictures

        work = self.shares(dataset, self.files(dataset), tasks=1, scratch=scratch)
        return survey_pictures(self.looks(work.shares), work.names(dataset), work.unused)

    def looks(self, shares: "Sequence[Any]") -> "Sequence[PictureShare]":
        """Shares of the source, as a survey looks at them."""
        return shares

    def weigh(self, dataset: DatasetConfig, parsed: "Sequence[Summary]", *, refused: bool) -> None:
        from sparkgen.ingest.images.formats import DECODERS
        from sparkgen.ingest.quarantine import reasons

        for reason, count in reasons(parsed).items():
            if reason in DECODERS:
                log.warning("%d images (%s) need the package %s", count, reason, DECODERS[reason])

    def contradiction(self, dataset: DatasetConfig, bad: ManyBad) -> RequestError | None:
        from sparkgen.ingest.images.formats import DECODERS

        if bad.reason not in DECODERS:
            return None
        return RequestError(
            f"the Python package {DECODERS[bad.reason]} on driver and executors, to decode the images",
            found=f"{bad.number} that need it ({bad.reason}); {bad.where}",
            mend="install it, or convert the images",
        )
