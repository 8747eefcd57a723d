"""Opens Parquet files, and cuts them into blocks by what their footers say.

The driver reads only the footers, and the labels where nothing else says which classes there are. A
block is a run of rows of one row group.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.block import block_rows
from sparkgen.ingest.class_values import tell_unused
from sparkgen.ingest.images.decode import ImageRule
from sparkgen.ingest.tables.classes import plain_labels, values_of
from sparkgen.ingest.tables.columns import Columns, may_be_labels

BLOCK_ROWS = 4096
BATCH_BYTES = 4 << 20  # of the cells of a block, about
BUFFER_BYTES = 1 << 20  # that are read ahead of a column
THREADS = 32  # that wait for storage

# What Arrow raises over damaged files: ValueError where names in them are no UTF-8.
_DAMAGE = (OSError, ValueError, pa.ArrowException)


class Cut(NamedTuple):
    """A block of a file: `rows` rows of a row group, after the first `skip` ones."""

    group: int
    skip: int
    rows: int


def read_footers(
    uris: Sequence[str], rule: ImageRule, find: Callable[[pa.Schema, str], Columns]
) -> list[tuple[Columns, tuple[Cut, ...]]]:
    """The columns and the blocks of each file, by its footer alone.

    Args:
        uris: of the files.
        rule: how pictures are decoded.
        find: gives the columns of a schema and a URI.

    Raises:
        RequestError: one is no Parquet file, or has no such columns.
    """

    def read(uri: str) -> tuple[Columns, tuple[Cut, ...]]:
        with opened_parquet(uri) as file, _whole(uri):
            columns = find(file.schema_arrow, uri)
            return columns, _cuts(file.metadata, columns, rule)

    with ThreadPoolExecutor(THREADS) as readers:
        return list(readers.map(read, uris))


def count_labels(files: Sequence[tuple[str, str]]) -> Iterator[Counter[str]]:
    """How many rows of each file there are of each label.

    Args:
        files: the URI of each, and the name of its column of labels.

    Raises:
        IngestError: one cannot be read.
    """

    def read(one: tuple[str, str]) -> Counter[str]:
        uri, label = one
        found: Counter[str] = Counter()
        with readable_parquet(uri), opened_parquet(uri) as file:
            for batch in file.iter_batches(1 << 16, columns=[label], use_threads=False):
                values, counts = pc.value_counts(plain_labels(batch.column(0))).flatten()
                for value, count in zip(values_of(values), counts.to_pylist(), strict=True):
                    found.update({} if value is None else {value: count})
        return found

    with ThreadPoolExecutor(THREADS) as readers:
        yield from readers.map(read, files)


def tell_unused_columns(uri: str, columns: Columns) -> None:
    """Warns of columns of a file that may be labels, by the rows of its first and its last group.

    Raises:
        IngestError: it cannot be read.
    """
    with readable_parquet(uri), opened_parquet(uri) as file:
        names = may_be_labels(file.schema_arrow, columns)
        groups = sorted({*range(file.num_row_groups)[:1], *range(file.num_row_groups)[-1:]})
        rows = file.read_row_groups(groups, columns=names, use_threads=False)
        tell_unused({name: rows.column(name).to_pylist() for name in names}, where=uri)


@contextmanager
def opened_parquet(uri: str) -> Iterator[pq.ParquetFile]:
    """A Parquet file whose columns are read as they are needed, not all at once.

    Raises:
        RequestError: it is none, is encrypted, or its footer is damaged.
    """
    filesystem, path = open_uri(uri)
    with _whole(uri):
        raw = filesystem.open_input_file(path)
    with raw:
        with _whole(uri):
            file = pq.ParquetFile(raw, buffer_size=BUFFER_BYTES)
        yield file


@contextmanager
def readable_parquet(uri: str) -> Iterator[None]:
    """Gives what goes wrong inside the file's name: an `IngestError`."""
    try:
        yield
    except _DAMAGE as error:
        raise IngestError(f"{uri} cannot be read: {_line(error)}") from error


@contextmanager
def _whole(uri: str) -> Iterator[None]:
    """Refuses a file of which Arrow cannot read the footer."""
    try:
        yield
    except _DAMAGE as error:
        raise RequestError(
            f"a whole Parquet file that is not encrypted at {uri}",
            found=_line(error),
            mend="write or download it again, or correct the dataset's source",
        ) from None


def _cuts(metadata: Any, columns: Columns, rule: ImageRule) -> tuple[Cut, ...]:
    """The blocks of a file, which depend on it and on the size of decoded pictures alone."""
    most, cuts = block_rows(BLOCK_ROWS, math.prod(rule.shape)), []
    for number in range(metadata.num_row_groups):
        group = metadata.row_group(number)
        rows = min(most, _batch_rows(group, columns.image))
        cuts += [
            Cut(number, skip, min(rows, group.num_rows - skip))
            for skip in range(0, group.num_rows, rows)
        ]
    return tuple(cuts)


def _batch_rows(group: Any, image: str) -> int:
    """The rows of a row group whose pictures take about `BATCH_BYTES` together."""
    columns = (group.column(n) for n in range(group.num_columns))
    size = sum(
        column.total_uncompressed_size
        for column in columns
        if f"{column.path_in_schema}.".startswith(f"{image}.")
    )
    return max(1, int(group.num_rows * BATCH_BYTES / max(size, 1)))


def _line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
