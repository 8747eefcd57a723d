"""The source `mask` gives the known part of every picture: 255 at known pixels, and 0 elsewhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import Record
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted


class Config(SourceConfig):
    """It says which part of every picture is known, the same part for all."""

    hide: Literal["top", "bottom", "left", "right", "centre"] = "bottom"
    """Where the missing part lies."""
    share: float = Field(0.5, gt=0, le=1)
    """Of the height or width that is missing; in the centre, of both."""

    def check(self, wanted: Wanted) -> None:
        self._picture(wanted)

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        return Mask(self, self._picture(wanted).shape)

    def _picture(self, wanted: Wanted) -> Record:
        if wanted.record is None or not wanted.record.pictures:
            raise wanted.refuse("mask, which gives pictures")
        return wanted.record


@dataclass(frozen=True)
class Mask(GivenSource):
    """The values of the source: the same mask for all samples."""

    config: Config
    shape: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")

    def values(self, ids: range) -> npt.NDArray[np.uint8]:
        known = known_pixels(self.shape, self.config)
        return np.broadcast_to(known, (len(ids), *known.shape))


def known_pixels(shape: tuple[int, ...], config: Config) -> npt.NDArray[np.uint8]:
    """The mask of one picture: uint8 (H, W, C), 255 where it is known."""
    height, width, _ = shape
    known = np.full(shape, 255, np.uint8)
    rows, columns = round(height * config.share), round(width * config.share)
    top, left = (height - rows) // 2, (width - columns) // 2
    missing = {
        "top": np.s_[:rows],
        "bottom": np.s_[height - rows :],
        "left": np.s_[:, :columns],
        "right": np.s_[:, width - columns :],
        "centre": np.s_[top : top + rows, left : left + columns],
    }
    known[missing[config.hide]] = 0
    return known
