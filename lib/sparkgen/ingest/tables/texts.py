"""Reads the texts of Parquet files as chunks, each task some of them."""

from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.tokenizer import Unicode
from sparkgen.errors import IngestError
from sparkgen.ingest.class_values import Classes
from sparkgen.ingest.images.decode import ImageRule
from sparkgen.ingest.tables.classes import plain_labels, values_of
from sparkgen.ingest.tables.parquet import opened_parquet, readable_parquet
from sparkgen.ingest.tables.shares import Part, table_shares
from sparkgen.ingest.texts.chunk import Chunk, fault, normalised, of_fields
from sparkgen.ingest.texts.fields import Read

Row = tuple[bytes | None, str | None]
"""The bytes of a text and the value for its class."""


class TableTexts(NamedTuple):
    """Some blocks of some files: a `ChunkShare`."""

    parts: tuple[Part, ...]
    unicode: Unicode
    most: int

    def chunks(self) -> Iterator[Chunk]:
        for part in self.parts:
            with readable_parquet(part.uri), opened_parquet(part.uri) as file:
                rows = _rows(part, file)
                for number, cut in enumerate(part.cuts, part.number):
                    some = list(islice(rows, cut.rows))
                    if len(some) != cut.rows:
                        raise IngestError(f"{part.uri} ends before the last row that it declares")
                    chunk = Chunk(part.split, part.file, number, (), (), [], cut.rows)
                    yield self._chunk(chunk, some, labelled=part.columns.label is not None)

    def _chunk(self, chunk: Chunk, rows: list[Row], *, labelled: bool) -> Chunk:
        found = [_read(text, label, self.most, labelled=labelled) for text, label in rows]
        raw = [(text or b"").decode(errors="replace") for text, _ in rows]
        chunk = of_fields(chunk, found, range(len(rows)), raw, labelled=labelled)
        return chunk._replace(texts=normalised(chunk.texts, self.unicode))


def text_shares(
    parts: Sequence[Part], rule: ImageRule, unicode: Unicode, most: int, *, tasks: int
) -> list[TableTexts]:
    """The blocks of all parts, divided as those of pictures are.

    Args:
        parts: of all splits.
        rule: that the parts were cut by.
        unicode: the form that texts are brought into.
        most: the longest text in bytes.
        tasks: how many run at a time.
    """
    shares = table_shares(parts, Classes((), {}), rule, tasks=tasks)
    return [TableTexts(share.parts, unicode, most) for share in shares]


def named(dataset: DatasetConfig, parts: Sequence[Part]) -> DatasetConfig:
    """A configuration with the class names that the table has, where it states none."""
    names = next((part.columns.names for part in parts if part.columns.names), None)
    return dataset.model_copy(update={"class_names": dataset.class_names or names})


def _rows(part: Part, file: pq.ParquetFile) -> Iterator[Row]:
    """The rows of all blocks of a part, one after the other."""
    for group, cuts in groupby(part.cuts, lambda cut: cut.group):
        first, *_ = found = list(cuts)
        rows = _of_group(part, file, group, first.rows)
        yield from islice(rows, first.skip, first.skip + sum(cut.rows for cut in found))


def _of_group(part: Part, file: pq.ParquetFile, group: int, size: int) -> Iterator[Row]:
    columns = part.columns
    for batch in file.iter_batches(size, [group], columns=columns.read, use_threads=False):
        texts: list[Any] = _bytes(batch.column(columns.image)).to_pylist()
        labels: list[Any] = [None] * len(texts)
        if columns.label is not None:
            labels = values_of(plain_labels(batch.column(columns.label)))
        yield from zip(texts, labels, strict=True)


def _bytes(column: pa.Array) -> pa.Array:
    """A column of texts as one of bytes, which need not be UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    large = pa.types.is_large_string(column.type) or pa.types.is_large_binary(column.type)
    return column.cast(pa.large_binary() if large else pa.binary())


def _read(text: bytes | None, label: str | None, most: int, *, labelled: bool) -> Read:
    if text is None:
        return "null-text"
    if (reason := fault(text, most)) is not None:
        return reason
    if labelled and label is None:
        return "null-label"
    return text.decode(), label or ""
