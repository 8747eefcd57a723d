"""Gives models pictures of image files, decoded as an ingest decodes them.

To a model for images of one size the centre of each is given, scaled to that size; to one for pictures
of any size the whole picture. As many files as there are samples are read and decoded before any is
made, so that a damaged one is known by then.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.datasets.files import digest
from sparkgen.datasets.images import as_objects
from sparkgen.datasets.records import Record
from sparkgen.datasets.storage import read_bytes
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.images.decode import BadImage, ImageRule, decode_image, whole_image
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted

THREADS = 8  # that decode at once, each one picture

log = logging.getLogger(__name__)


class PictureConfig(SourceConfig):
    """The options of all sources of image files."""

    max_pixels: int = Field(64_000_000, gt=0)
    """A picture of more pixels is not decoded."""

    def check(self, wanted: Wanted) -> None:
        if wanted.record is None or not wanted.record.pictures:
            raise wanted.refuse(f"{self.__module__.rpartition('.')[2]}, which gives pictures")


class Place(Protocol):
    """Where the bytes of an image file are; it travels by pickle."""

    @property
    def name(self) -> str:
        """A name for people, such as the path below a folder."""

    def read(self) -> bytes:
        """The bytes of the file."""


class FilePlace(NamedTuple):
    """A file of its own."""

    uri: str
    name: str

    def read(self) -> bytes:
        return read_bytes(self.uri)


class Known(NamedTuple):
    """An image file whose bytes have been seen."""

    place: Place
    sha256: str

    def read(self) -> bytes:
        """The bytes of the file; a `SparkgenError` where they are others than before."""
        data = self.place.read()
        if digest(data) != self.sha256:
            raise SparkgenError(
                f"{self.place.name} has changed since this job began; start it again"
            )
        return data


@dataclass(frozen=True)
class Pictures(GivenSource):
    """The values of the source: picture i for sample i, or in turn."""

    files: tuple[Known, ...]
    record: Record
    rule: ImageRule
    in_turn: bool = False

    @property
    def identity(self) -> dict[str, Any]:
        together = "".join(file.sha256 for file in self.files)
        return {"pictures": len(self.files), "sha256": digest(together.encode())}

    def values(self, ids: range) -> npt.NDArray[Any]:
        found = [decoded(file.read(), self.record, self.rule) for file in self._of(ids)]
        if not self.record.fixed:
            return as_objects(found)
        return np.concatenate(
            [np.empty((0, *self.record.shape), np.uint8), *(one[None] for one in found)]
        )

    def names(self, ids: range) -> list[str]:
        return [file.place.name for file in self._of(ids)]

    def _of(self, ids: range) -> list[Known]:
        count = len(self.files)
        if self.in_turn:
            return [self.files[row_id % count] for row_id in ids]
        return [self.files[row_id] for row_id in ids if row_id < count]


def open_pictures(
    places: Sequence[Place], wanted: Wanted, *, max_pixels: int, in_turn: bool = False
) -> Pictures:
    """Opens image files, in their order; what is no picture is left out, and told.

    Args:
        places: of the files.
        wanted: what has to be given.
        max_pixels: a picture of more pixels is left out.
        in_turn: whether they begin again where there are more samples than pictures.

    Raises:
        RequestError: no picture among them, or fewer than samples.
    """
    record = wanted.record
    if record is None:
        raise wanted.refuse("image files")
    rule = _rule(record, max_pixels)

    look = partial(_look, record=record, rule=rule)
    files: list[Known] = []
    looked: list[Known | str] = []
    most = len(places) if in_turn else wanted.samples
    with ThreadPoolExecutor(THREADS) as pool:
        while len(files) < most and len(looked) < len(places):
            next_ones = places[len(looked) : len(looked) + max(THREADS, most - len(files))]
            looked += pool.map(look, next_ones)
            files = [one for one in looked if isinstance(one, Known)]
    _tell_left_out(places, looked, wanted)
    if not files:
        raise RequestError(
            f"image files for {wanted.key}",
            found=f"none that can be decoded among {len(places)}",
            mend="correct the path",
        )
    if wanted.samples > len(files) and not in_turn:
        raise RequestError(
            f"{wanted.counted} up to the {len(files)} pictures of {wanted.key}",
            found=str(wanted.samples),
            mend="set it lower",
        )
    return Pictures(tuple(files[:most]), record, rule, in_turn)


def _look(place: Place, *, record: Record, rule: ImageRule) -> Known | str:
    """An image file that can be decoded, or the reason why it cannot."""
    try:
        data = place.read()
        decoded(data, record, rule)
    except BadImage as error:
        return error.reason
    except OSError as error:
        return f"unreadable-{type(error).__name__}"
    except MemoryError:
        raise SparkgenError(f"too little memory to decode {place.name}") from None
    except Exception as error:  # decoders raise of every kind over damage
        return f"undecodable-image-{type(error).__name__}"
    return Known(place, digest(data))


def _tell_left_out(places: Sequence[Place], looked: Sequence[Known | str], wanted: Wanted) -> None:
    reasons = Counter(one for one in looked if isinstance(one, str))
    if not reasons:
        return
    first = next(p.name for p, one in zip(places, looked, strict=False) if isinstance(one, str))
    told = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
    log.warning("%s: left out %s; the first is %s", wanted.key, told, first)


def decoded(data: bytes, record: Record, rule: ImageRule) -> npt.NDArray[np.uint8]:
    """The picture of an image file as records of some form have it.

    Raises:
        BadImage: it cannot be decoded.
    """
    return decode_image(data, rule) if record.fixed else whole_image(data, rule)


def _rule(record: Record, max_pixels: int) -> ImageRule:
    shape = record.shape if record.fixed else (0, 0, *record.shape)
    return ImageRule(shape, max_pixels=max_pixels)
