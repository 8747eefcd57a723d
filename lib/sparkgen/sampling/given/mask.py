"""Which part of every picture is known, the same for all: 255 where it is, and 0 elsewhere."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.errors import RequestError
from sparkgen.sampling.given import GivenSource, Wanted


class Config(Strict):
    """Options of the source `mask`."""

    hide: Literal["top", "bottom", "left", "right", "centre"] = "bottom"
    """Where the missing part lies."""
    share: float = Field(0.5, gt=0, le=1)
    """Of the height or width that is missing; in the centre, of both."""


@dataclass(frozen=True)
class Mask(GivenSource):
    """One mask for all samples."""

    config: Config
    shape: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return self.config.model_dump(mode="json")

    def values(self, ids: range) -> npt.NDArray[np.uint8]:
        known = known_pixels(self.shape, self.config)
        return np.broadcast_to(known, (len(ids), *known.shape)).copy()


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


def open_source(config: Config, wanted: Wanted) -> GivenSource:
    """The source of a mask.

    Raises:
        RequestError: no picture is wanted.
    """
    record = wanted.given.record
    if record is None or len(record.shape) != 3:
        raise RequestError(
            f"a source of a {wanted.given.what} for sampling.given.{wanted.name}",
            found="mask, which gives pictures",
            mend="choose another",
        )
    return Mask(config, record.shape)
