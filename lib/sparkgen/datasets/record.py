"""Defines what every record is: an array whose bytes mean what its kind says.

`records.py` lists the kinds.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Array = npt.NDArray[Any]
CAPTION = "caption"
"""The column of the captions of pictures, and their entry in a batch."""


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
    fixed: ClassVar[bool] = True
    """Whether all records have the array's `shape`, and so one size in bytes."""
    alone: ClassVar[bool] = False
    """Whether a model sees one record at a time, since two of them are no batch."""
    tokenizer: ClassVar[Any] = None
    """What its numbers mean as text; None: nothing."""
    caption: ClassVar[Any] = None
    """The form of the tokens that stand beside each record, and say in words what it shows; None: none
    do."""
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
        """The size of one stored record's array in bytes; an estimate where it is not fixed."""
        return self.size * self.dtype.itemsize

    @property
    def columns(self) -> dict[str, "Record"]:
        """The columns of a row beside its id and label, and the form of each."""
        return {self.kind: self} | ({} if self.caption is None else {CAPTION: self.caption})

    @property
    def bare(self) -> "Record":
        """The form of the same records where no captions stand beside them."""
        return self

    @property
    def schema(self) -> pa.Schema:
        """The schema of a Parquet file of rows.

        `id` is the record's number among the records of its source split that the label filter left,
        from 0, in source order; where a limit leaves records out, their numbers are missing.
        """
        return pa.schema(
            [("id", pa.int64()), ("label", pa.int32()), *((c, pa.binary()) for c in self.columns)],
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

    def decode(self, column: pa.ChunkedArray | pa.Array | Sequence[bytes]) -> Array:
        """A Parquet column of N records as an array, (N, *shape) of `dtype`; it may not be written to."""
        held = isinstance(column, pa.ChunkedArray | pa.Array)
        data = _joined(column) if held else b"".join(column)
        return np.frombuffer(data, self.dtype).reshape(len(column), *self.shape)

    def encode(self, stored: Array) -> pa.BinaryArray:
        """N records, (N, ...) of `dtype`, as a Parquet column without missing values."""
        offsets = np.arange(len(stored) + 1, dtype=np.int32) * self.row_bytes
        data = np.ascontiguousarray(stored, self.dtype)
        buffers = [None, pa.py_buffer(offsets), pa.py_buffer(data)]
        return pa.BinaryArray.from_buffers(pa.binary(), len(stored), buffers)


def _joined(column: pa.ChunkedArray | pa.Array) -> Any:
    """The bytes of all cells of a column without missing values, one cell after the other.

    Arrow holds them so: those of a column in one piece are not copied.
    """
    pieces = column.chunks if isinstance(column, pa.ChunkedArray) else [column]
    found = [_bytes_of(piece) for piece in pieces if len(piece)]
    return found[0] if len(found) == 1 else b"".join(found)


def _bytes_of(piece: pa.Array) -> Any:
    if piece.type != pa.binary() or piece.null_count:
        return b"".join(piece.to_pylist())
    _, offsets, data = piece.buffers()
    edges = np.frombuffer(offsets, np.int32)[piece.offset :]
    return memoryview(data).toreadonly()[edges[0] : edges[len(piece)]]
