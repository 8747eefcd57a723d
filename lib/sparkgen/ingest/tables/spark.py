"""Brings a table that only Spark can read into Parquet files, in an order that is the table's own.

Rows of a table have no order, and those that Spark reads come in that of its partitions. So they are
sorted by a column, or by the SHA-256 of the picture and the label: rows in which both are the same
are interchangeable. Spark writes nothing itself: its tasks write where the staged version lies.
"""

import itertools
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.access import with_access
from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, new_file
from sparkgen.errors import IngestError, RequestError, SparkgenError
from sparkgen.ingest.class_values import tell_unused
from sparkgen.ingest.files.find import find_files
from sparkgen.ingest.tables.columns import (
    Columns,
    find_columns,
    find_text_columns,
    may_be_labels,
)
from sparkgen.ingest.tables.delta import delta_frame
from sparkgen.ingest.tables.names import CATALOG, DELTA, Found, one_entry
from sparkgen.ingest.tables.spark_path import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

GROUP_BYTES = 16 << 20  # of pictures in a row group, about
GROUP_ROWS = 4096
THREADS = 32  # that wait for storage

# The time stamp of what has none: never that of another run.
_UNKNOWN = f"unknown {uuid.uuid4().hex}"
# The types that matter here; of some others Arrow has none.
_KINDS = frozenset(
    ["binary", "struct", "string", "byte", "short", "integer", "long", "boolean", "float", "double"]
)


class Table(NamedTuple):
    """A table as the configuration names it."""

    uri: str
    found: Found
    image: str | None
    label: str | None
    order_by: str | None
    text: bool = False
    """Whether `image` is the column of texts."""
    caption: str | None = None
    """The column of captions; None: there are none."""

    def columns(self, schema: pa.Schema, uri: str) -> Columns:
        """Its columns in a schema."""
        if self.text:
            return find_text_columns(schema, text=str(self.image), label=self.label, uri=uri)
        return find_columns(
            schema, image=self.image, label=self.label, uri=uri, caption=self.caption
        )

    @property
    def reader(self) -> str:
        """The format, as Spark calls it."""
        return self.found.reader


class Sorted(NamedTuple):
    """The Parquet files that hold the rows of a table in order."""

    uris: list[str]
    columns: Columns


def spark_entry(table: Table) -> SourceEntry:
    """The present state of a table: its version, or its files' sizes and time stamps.

    Where the time stamps of a catalog's files cannot be seen, each run of the program has another one.

    Raises:
        RequestError: there is no such table.
    """
    if table.reader == DELTA:
        return table.found.files[0]
    if table.reader != CATALOG:
        return one_entry(absolute(table.uri), table.found.files)
    with _refused(table):
        files = sorted(_frame(table).inputFiles())
    try:
        with ThreadPoolExecutor(THREADS) as lookers:
            found = [entry for entries in lookers.map(find_files, files) for entry in entries]
    except SparkgenError:
        found = []
    if found:
        return one_entry(table.uri, found)
    return SourceEntry(uri=table.uri, size=0, modified=_UNKNOWN)


def sort_table(table: Table, folder: str) -> Sorted:
    """Reads a table with Spark and writes its pictures or texts and labels, sorted, as Parquet files.

    Args:
        table: which, and by what its rows are sorted.
        folder: URI of the folder for the files.

    Raises:
        RequestError: Spark cannot read it, or it has no such columns.
        IngestError: reading failed while it was under way.
    """
    with _refused(table):
        frame = _frame(table)
        columns = _columns(table, frame)
        written = _written(columns)
        ordered = _ordered(table, frame, columns, written)

    def write(partition: int, found: Iterator[Any]) -> Iterator[tuple[int, str]]:
        uri = f"{folder}/part-{partition:05d}-{uuid.uuid4().hex}.parquet"
        if _write(uri, found, written):
            yield partition, uri

    with _failed(table):
        parts = ordered.rdd.mapPartitionsWithIndex(with_access(write)).collect()
    if not parts:
        raise RequestError(f"rows in the table {table.uri}", found="none", mend="write some")
    plain = columns._replace(
        image="image",
        is_struct=False,
        has_path=False,
        label="label" if columns.label else None,
        caption="caption" if columns.caption else None,
    )
    return Sorted([uri for _, uri in sorted(parts)], plain)


def _ordered(table: Table, frame: Any, columns: Columns, written: Any) -> Any:
    """The rows that are written, in the order that what is in them says."""
    from pyspark.sql import functions as f

    image = f.col(f"`{columns.image}`" + (".bytes" if columns.is_struct else ""))
    image = image.cast("binary") if table.text else image
    label = f.col(f"`{columns.label}`") if columns.label else f.lit("")
    label = label.cast("string" if columns.is_text or not columns.label else "bigint")
    keys = [f.col(f"`{table.order_by}`")] if table.order_by else []
    said = [f.col(f"`{columns.caption}`")] if columns.caption else []
    keys += [f.sha2(image, 256), label, *said]
    rows = frame.select(
        image.alias("image"),
        label.alias("label"),
        *(one.alias("caption") for one in said),
        *_keys(keys),
    )
    return rows.orderBy(*(f"key{n}" for n in range(len(keys)))).select(written.names)


def _columns(table: Table, frame: Any) -> Columns:
    """The columns of a table that are read; those that may be labels and are not are told."""
    from pyspark.sql.pandas.types import to_arrow_schema

    names = [field.name for field in frame.schema if field.dataType.typeName() in _KINDS]
    schema = to_arrow_schema(frame.select([f"`{name}`" for name in names]).schema)
    columns = table.columns(schema, table.uri)
    if columns.label is None and not table.text:
        may_be = may_be_labels(schema, columns)
        some = frame.select([f"`{name}`" for name in may_be]).limit(GROUP_ROWS).collect()
        tell_unused({name: [row[name] for row in some] for name in may_be}, where=table.uri)
    return columns


def _written(columns: Columns) -> pa.Schema:
    """The columns of the sorted files."""
    text = columns.is_text or columns.label is None
    fields = [("image", pa.binary()), ("label", pa.string() if text else pa.int64())]
    return pa.schema(fields + ([("caption", pa.string())] if columns.caption else []))


def _keys(keys: list[Any]) -> list[Any]:
    return [key.alias(f"key{n}") for n, key in enumerate(keys)]


def _write(uri: str, rows: Iterator[Any], schema: pa.Schema) -> int:
    """Writes rows of an image and more, and says how many; no file where there are none."""
    first = next(rows, None)
    if first is None:
        return 0
    count, size = 0, 0
    waiting: list[tuple[Any, ...]] = []
    with new_file(uri) as sink, pq.ParquetWriter(sink, schema, use_dictionary=False) as writer:
        for image, *others in itertools.chain([first], rows):
            waiting.append((None if image is None else bytes(image), *others))
            count, size = count + 1, size + len(image or b"")
            if size >= GROUP_BYTES or len(waiting) == GROUP_ROWS:
                writer.write_table(pa.table(list(zip(*waiting, strict=True)), schema=schema))
                size, waiting = 0, []
        if waiting:
            writer.write_table(pa.table(list(zip(*waiting, strict=True)), schema=schema))
    return count


def _frame(table: Table) -> "DataFrame":
    from pyspark.sql import SparkSession

    spark = SparkSession.active()
    if table.reader == CATALOG:
        return spark.table(table.uri)
    if table.reader == DELTA:
        return delta_frame(spark, table.uri, table.found.files[0].modified)
    reader = spark.read.format(table.reader).option("basePath", spark_path(table.found.root))
    return reader.load([spark_path(file.uri) for file in table.found.files])


@contextmanager
def _refused(table: Table) -> Iterator[None]:
    """What Spark says against a table before it reads it, in one line."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise RequestError(
            f"a table that Spark can read ({table.reader}) at {table.uri}",
            found=_line(error),
            mend="correct the dataset's source"
            + ("" if table.reader == CATALOG else ", or give Spark the package that reads it"),
        ) from None


@contextmanager
def _failed(table: Table) -> Iterator[None]:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JJavaError) as error:
        raise IngestError(f"{table.uri} cannot be read by Spark: {_line(error)}") from error


def _line(error: BaseException) -> str:
    """What Spark says in one line: of a task's traceback the last, of other messages the first."""
    java = getattr(error, "java_exception", None)
    if java is None:
        return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
    text = str(java.getMessage() or java).partition("\n\tat ")[0]
    return [line for line in text.splitlines() if line.strip()][-1].strip()[:300]
