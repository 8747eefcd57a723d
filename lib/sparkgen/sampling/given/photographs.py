"""The source `photographs` gives the two photographs that come with scikit-learn, in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, NamedTuple

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.sampling.given._pictures import PictureConfig, Pictures, open_pictures
from sparkgen.sampling.given._source import Wanted

NAMES = ("china.jpg", "flower.jpg")


class Config(PictureConfig):
    """It gives the two photographs that come with scikit-learn in turn: a temple, and a flower, of 640 by
    427 pixels.
    """

    only: Literal["china", "flower"] | None = None
    """The one that is given to every sample; null: both in turn."""

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Pictures:
        import sklearn.datasets

        folder = Path(sklearn.datasets.__file__).parent / "images"
        places = [BytesPlace((folder / name).read_bytes(), name) for name in self._names]
        return open_pictures(places, wanted, max_pixels=self.max_pixels, in_turn=True)

    @property
    def _names(self) -> tuple[str, ...]:
        return NAMES if self.only is None else (f"{self.only}.jpg",)


class BytesPlace(NamedTuple):
    """A file that travels with its name, since the executors need not have it."""

    data: bytes
    name: str

    def read(self) -> bytes:
        return self.data
