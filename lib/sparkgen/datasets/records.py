"""Defines the kinds of records and the meaning of their bytes.

No other file depends on this meaning. A record is an id, a label and a fixed number of bytes. What
the bytes are is the record's kind, which is also the name of their Parquet column and of their entry
in a batch:

| kind | shape | stored as | a model sees |
| --- | --- | --- | --- |
| `image` | (height, width, channels) | uint8, row major | float32 in [0, 1] |
| `tokens` | (length,) | the least uint that holds them | int32 |

A further kind is a further class here, with an entry in `KINDS`.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.nearest import choose
from sparkgen.drawing.grids import image_grid, pair_grid
from sparkgen.drawing.pixels import to_uint8
from sparkgen.errors import RequestError, SparkgenError

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Record(ABC):
    """The form of a data set's records: kind, shape and number of values. Abstract base class.

    Raises:
        ValueError: a shape or a number of values that this kind cannot have.
    """

    shape: tuple[int, ...]
    """Of one record's array."""
    values: int = 256
    """How many values an entry of the array can have: grey levels, or the size of the vocabulary."""

    kind: ClassVar[str]
    model_dtype: ClassVar[str]
    """Of what a model sees."""
    entries: ClassVar[str]
    """What the entries of the array are called."""
    unit: ClassVar[float | None] = None
    """The stored number that a model sees as 1; None: a model sees the stored numbers."""
    suffix: ClassVar[str]
    """Of the files that `draw` writes."""
    unknown: ClassVar[int] = 0
    """The stored number that stands, where people look, for an entry that a model was not given."""
    pictures: ClassVar[bool] = False
    """Whether a model sees a record as a picture, (height, width, 1 or 3) in [0, 1]."""
    errors: ClassVar[tuple[str, ...]] = ()
    """The errors of reconstructions that mean something for this kind: of `evaluation.metrics.ERRORS`."""
    distance: ClassVar[str] = "Euclidean"
    """In words, what the distance of two of its `points` is."""

    def __str__(self) -> str:
        return f"{self.kind} records of shape {list(self.shape)}"

    @property
    def dtype(self) -> np.dtype[Any]:
        """The smallest unsigned integer type, little endian, that holds every value."""
        return np.min_scalar_type(self.values - 1).newbyteorder("<")

    @property
    def size(self) -> int:
        """The number of entries of one record's array."""
        return math.prod(self.shape)

    @property
    def row_bytes(self) -> int:
        """The size of one stored record's array in bytes."""
        return self.size * self.dtype.itemsize

    @property
    def schema(self) -> pa.Schema:
        """The schema of a Parquet file of rows.

        `id` is the record's number among the records of its source split that the label filter left,
        from 0, in source order; where a limit leaves records out, their numbers are missing.
        """
        return pa.schema(
            [("id", pa.int64()), ("label", pa.int32()), (self.kind, pa.binary())],
        )

    def to_model(self, stored: Any, cast: Callable[[Any, str], Any] = np.ndarray.astype) -> Any:
        """Stored numbers of any shape as a model's input: an array, or a tensor with its `cast`."""
        seen = cast(stored, self.model_dtype)
        return seen if self.unit is None else seen / self.unit

    def points(self, stored: Array) -> Array:
        """N records as points, float (N, D); a smaller Euclidean distance means more similar records."""
        return self.to_model(stored).reshape(len(stored), -1)

    @property
    def copy_distance(self) -> float:
        """The distance below which two points are the same record: half a step of one entry."""
        return 0.5 / (1.0 if self.unit is None else self.unit)

    @abstractmethod
    def to_stored(self, data: Array) -> Array:
        """A model's output of any shape, converted to stored numbers; stored numbers do not change."""

    @abstractmethod
    def draw(self, data: Array, path: str | Path, *, title: str = "") -> None:
        """Writes records to a file that people can look at.

        Args:
            data: (N, *shape), stored or as a model sees them.
            path: of the file, whose name ends with `suffix`.
            title: a line above them.
        """

    @abstractmethod
    def draw_pairs(self, given: Array, made: Array, path: str | Path, *, title: str = "") -> None:
        """Writes records, each with a model's output for it, in the way of `draw`."""

    def decode(self, column: pa.ChunkedArray | Sequence[bytes]) -> Array:
        """A Parquet column of N records as an array, (N, *shape) of `dtype`."""
        cells = column.to_pylist() if hasattr(column, "to_pylist") else column
        return np.frombuffer(b"".join(cells), self.dtype).reshape(len(cells), *self.shape)

    def encode(self, stored: Array) -> pa.BinaryArray:
        """N records, (N, ...) of `dtype`, as a Parquet column without missing values."""
        offsets = np.arange(len(stored) + 1, dtype=np.int32) * self.row_bytes
        data = np.ascontiguousarray(stored, self.dtype)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.BinaryArray.from_buffers(pa.binary(), len(stored), buffers)


@dataclass(frozen=True)
class ImageRecord(Record):
    """Pictures of one size, grey or in colour: (height, width, 1 or 3)."""

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
        return f"images of shape {list(self.shape)}"

    def to_stored(self, data: Array) -> Array:
        """Numbers in [0, 1] as the nearest bytes, 0 to 255, with clipping; uint8 does not change."""
        return to_uint8(data)

    def draw(self, data: Array, path: str | Path, *, title: str = "") -> None:
        image_grid(data, path, title=title)

    def draw_pairs(self, given: Array, made: Array, path: str | Path, *, title: str = "") -> None:
        pair_grid(given, made, path, title=title)


@dataclass(frozen=True)
class TokenRecord(Record):
    """Blocks of tokens, all of one length: (length,)."""

    kind: ClassVar[str] = "tokens"
    model_dtype: ClassVar[str] = "int32"
    entries: ClassVar[str] = "tokens"
    suffix: ClassVar[str] = ".txt"
    distance: ClassVar[str] = "about the root of the number of tokens that differ"

    def __post_init__(self) -> None:
        if len(self.shape) != 1 or self.shape[0] < 1:
            raise ValueError(f"the shape of tokens must be [length], found {list(self.shape)}")
        if not 2 <= self.values <= 2**31:
            raise ValueError(f"a vocabulary has 2 to 2³¹ tokens, found {self.values}")

    def __str__(self) -> str:
        return f"{super().__str__()} and {self.values} values"

    def points(self, stored: Array) -> Array:
        """Each token as 8 numbers of a hash; two different tokens have a root mean square distance of 1.

        So the distance of two blocks says in how many places they differ, not by how much, as a token
        next to another means no similar thing. float32 (N, length * 8).
        """
        # The finaliser of SplitMix64 (Steele et al., 2014), which gives no two tokens the same bytes.
        bits = (stored.astype("<u8") + 1) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> 27)) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> 31
        mean_square = 8 * (256**2 - 1) / 6  # of the distance of 8 bytes from 8 others
        numbers = np.ascontiguousarray(bits).view(np.uint8).reshape(len(stored), -1)
        return numbers.astype(np.float32) / np.float32(mean_square**0.5)

    @property
    def copy_distance(self) -> float:
        return 1e-3  # one byte that differs by 1 makes 3e-3

    def to_stored(self, data: Array) -> Array:
        if not np.issubdtype(data.dtype, np.integer):
            raise SparkgenError(f"the model gives tokens as {data.dtype}, and they are integers")
        if data.size and not 0 <= data.min() <= data.max() < self.values:
            raise SparkgenError(
                f"the model gives tokens from {data.min()} to {data.max()}, and there are those from 0 "
                f"to {self.values - 1}"
            )
        return data.astype(self.dtype)

    def draw(self, data: Array, path: str | Path, *, title: str = "") -> None:
        """Writes one block per line: as text where tokens are bytes, else as numbers."""
        lines = [title] if title else []
        lines += [self._written(block) for block in data]
        Path(path).write_text("\n".join([*lines, ""]), encoding="utf-8")

    def draw_pairs(self, given: Array, made: Array, path: str | Path, *, title: str = "") -> None:
        self.draw(np.stack([given, made], axis=1).reshape(-1, *self.shape), path, title=title)

    def _written(self, block: Array) -> str:
        if self.values != 256:
            return " ".join(map(str, block.tolist()))
        text = block.astype(np.uint8).tobytes().decode("utf-8", errors="backslashreplace")
        return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


KINDS: dict[str, type[Record]] = {kind.kind: kind for kind in (ImageRecord, TokenRecord)}


def make_record(kind: str, shape: tuple[int, ...], values: int = 256) -> Record:
    """The form of the records of a kind, by the kind's name.

    Raises:
        ValueError: there is no such kind, or it cannot have that shape or so many values.
    """
    if kind not in KINDS:
        raise ValueError(f"record must be one of {', '.join(KINDS)}, found {kind}")
    return KINDS[kind](tuple(shape), values)


def record_of(dataset: DatasetConfig) -> Record:
    """The form of the records that a dataset's configuration asks for.

    Raises:
        RequestError: an unknown kind, or a shape or number of values that the kind cannot have.
    """
    if dataset.record not in KINDS:
        raise RequestError(
            "a known kind of records as dataset.record",
            found=repr(dataset.record),
            mend=choose(dataset.record, KINDS),
        )
    try:
        return make_record(dataset.record, dataset.shape, dataset.values)
    except ValueError as error:
        raise RequestError(
            "values that fit together in dataset", found="values that do not", mend=str(error)
        ) from None


class DataSpec(NamedTuple):
    """The information on a dataset that a model is built from."""

    record: Record
    classes: int
    """Labels are 0 .. classes - 1."""
    seen: tuple[int, ...] | None = None
    """The labels that training rows have, ascending; None: all of them."""

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that a model can generate: those of the training rows."""
        return tuple(range(self.classes)) if self.seen is None else self.seen

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record's array, such as (height, width, channels)."""
        return self.record.shape

    @property
    def size(self) -> int:
        """The number of entries of one record's array, such as height * width * channels."""
        return self.record.size
