"""Defines the records that are texts of any length, which are made from tokens."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa

from sparkgen.datasets.record import Array, Record
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.tokens import text_of
from sparkgen.drawing.texts import under_rules, write_texts


@dataclass(frozen=True)
class TextRecord(Record):
    """Texts of any length: shape ().

    N of them are an array of N strings, and in a file a column of strings.
    """

    shape: tuple[int, ...] = ()
    tokenizer: Tokenizer | None = None  # type: ignore[misc]  # of the class in other kinds
    """Of the tokens that a model makes; None: the texts are only read."""

    kind: ClassVar[str] = "text"
    model_dtype: ClassVar[str] = "int32"
    entries: ClassVar[str] = "characters"
    suffix: ClassVar[str] = ".txt"
    fixed: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if self.shape != ():
            raise ValueError(f"the shape of texts must be [], found {list(self.shape)}")

    def __str__(self) -> str:
        return "texts"

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(object)

    @property
    def row_bytes(self) -> int:
        return 1 << 12  # some thousand words, or fewer

    @property
    def schema(self) -> pa.Schema:
        return pa.schema([("id", pa.int64()), ("label", pa.int32()), (self.kind, pa.string())])

    def to_stored(self, data: Array) -> Array:
        """The texts of tokens, int (N, T), each up to its first padding; texts do not change."""
        if data.dtype.kind in "OU":
            return data.astype(object)
        if self.tokenizer is None:
            raise ValueError("a tokenizer is needed to make texts of tokens")
        return as_texts([text_of(block, self.tokenizer) for block in data])

    def draw(self, data: Iterable[str], path: str | Path, *, title: str = "") -> None:
        """Writes each text under a rule with its number."""
        write_texts(under_rules(data), path, title=title)

    def draw_pairs(
        self, given: Iterable[str], made: Iterable[str], path: str | Path, *, title: str = ""
    ) -> None:
        pairs = (f"{before}\n{'':-<8}\n{after}" for before, after in zip(given, made, strict=True))
        write_texts(under_rules(pairs), path, title=title)

    def decode(self, column: pa.ChunkedArray | Sequence[str]) -> Array:
        """A Parquet column of N strings as an array of N strings."""
        return as_texts(column.to_pylist() if hasattr(column, "to_pylist") else column)

    def encode(self, stored: Array) -> pa.StringArray:
        """N texts as a Parquet column of strings."""
        return pa.array(list(stored), pa.string())


def as_texts(texts: Iterable[str]) -> Array:
    """Texts as an array of N strings."""
    return np.array([*texts, None], object)[:-1]
