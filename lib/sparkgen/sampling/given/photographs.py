"""The source `photographs` gives the two photographs that come with scikit-learn, in turn."""

from collections.abc import Callable
from typing import Literal, NamedTuple

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.ingest.images.photographs import PHOTOGRAPHS, photograph_file
from sparkgen.sampling.given._pictures import PictureConfig, Pictures, open_pictures
from sparkgen.sampling.given._source import Wanted


class Config(PictureConfig):
    """It gives the two photographs that come with scikit-learn in turn: a temple, and a flower, of 640 by
    427 pixels.
    """

    only: Literal["china", "flower"] | None = None
    """The one that is given to every sample; null: both in turn."""

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Pictures:
        names = PHOTOGRAPHS if self.only is None else (self.only,)
        places = [BytesPlace(photograph_file(name), f"{name}.jpg") for name in names]
        return open_pictures(places, wanted, max_pixels=self.max_pixels, in_turn=True)


class BytesPlace(NamedTuple):
    """A file that travels with its name, since the executors need not have it."""

    data: bytes
    name: str

    def read(self) -> bytes:
        return self.data
