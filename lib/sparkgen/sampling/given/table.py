"""The source `table` gives the pictures or texts of a column of Parquet files: row i to sample i.

Rows come in the order of the files' names, and in a file as they lie. The files of a sample set of
pictures are such a table.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from threading import Lock
from typing import Any, NamedTuple

from sparkgen.datasets.manifest import DatasetVersion, SourceEntry
from sparkgen.datasets.storage import absolute
from sparkgen.errors import RequestError
from sparkgen.ingest.images.decode import BadImage
from sparkgen.sampling.given._pictures import PictureConfig, open_pictures
from sparkgen.sampling.given._source import GivenSource, Wanted
from sparkgen.sampling.given._texts import open_texts
from sparkgen.sampling.given.folder import check_there

_ONE_AT_A_TIME = Lock()


class Config(PictureConfig):
    """It gives the pictures or texts of a column of Parquet files. A picture is the bytes of an image
    file, or a struct with such `bytes`. What is none is left out, and told.
    """

    path: str
    """A Parquet file, or a folder or glob of them, the files' names ending with `.parquet`. `{data}` at
    its start stands for `environment.data`."""
    column: str | None = None
    """The column; null: the only one of bytes, or of a struct with bytes; for texts the only one of
    strings."""

    def check(self, wanted: Wanted) -> None:
        if wanted.what != "text":
            super().check(wanted)
        check_there(self.path, wanted)

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        from sparkgen.ingest.files.find import find_files
        from sparkgen.ingest.tables.delta import is_delta

        if is_delta(self.path):
            raise RequestError(
                f"Parquet files as {wanted.key}.path",
                found=f"{self.path}, a Delta table",
                mend="write its rows as Parquet files",
            )
        files = [file for file in find_files(self.path) if file.uri.endswith(".parquet")]
        if not files:
            raise RequestError(
                f"files that end with .parquet as {wanted.key}.path",
                found=f"none at {self.path}",
                mend="correct it",
            )
        if wanted.what == "text":
            return open_texts(
                [text for file in files for text in _texts(file, self.column)], wanted
            )
        places = [place for file in files for place in _rows(file, self.column)]
        return open_pictures(places, wanted, max_pixels=self.max_pixels)


class RowPlace(NamedTuple):
    """A row of a Parquet file."""

    uri: str
    modified: str
    group: int
    row: int
    """Within the row group."""
    column: str
    name: str

    def read(self) -> bytes:
        with _ONE_AT_A_TIME:  # threads look at rows of the same group
            cell = _cells(self.uri, self.modified, self.group, self.column)[self.row]
        if isinstance(cell, dict):
            cell = cell.get("bytes")
        if cell is None:
            raise BadImage("null-image")
        return bytes(cell)


def _rows(entry: SourceEntry, column: str | None) -> Iterator[RowPlace]:
    from sparkgen.ingest.tables.columns import find_columns
    from sparkgen.ingest.tables.parquet import opened_parquet

    uri = absolute(entry.uri)
    with opened_parquet(uri) as file:
        image = find_columns(file.schema_arrow, image=column, label=None, uri=uri).image
        rows = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
    stem, before = uri.rpartition("/")[2], 0
    for group, count in enumerate(rows):
        for row in range(count):
            yield RowPlace(uri, entry.modified, group, row, image, f"{stem}:{before + row}")
        before += count


def _texts(entry: SourceEntry, column: str | None) -> Iterator[str | None]:
    import pyarrow as pa

    from sparkgen.ingest.tables.columns import listed
    from sparkgen.ingest.tables.parquet import opened_parquet, readable_parquet

    with readable_parquet(entry.uri), opened_parquet(absolute(entry.uri)) as file:
        kinds = (pa.types.is_string, pa.types.is_large_string)
        strings = [f.name for f in file.schema_arrow if any(is_kind(f.type) for is_kind in kinds)]
        found = [name for name in strings if column in (None, name)]
        if len(found) != 1:
            raise RequestError(
                f"one column of strings{f' called {column}' if column else ''} in {entry.uri}",
                found=listed(strings) or "none",
                mend="name one of its columns as column",
            )
        for batch in file.iter_batches(columns=found):
            yield from batch.column(0).to_pylist()


@lru_cache(maxsize=2)
def _cells(uri: str, modified: str, group: int, column: str) -> list[Any]:
    """The cells of a row group, which many samples share; `modified` tells a file from one before it."""
    from sparkgen.ingest.tables.parquet import opened_parquet, readable_parquet

    with readable_parquet(uri), opened_parquet(uri) as file:
        return list(file.read_row_group(group, columns=[column])[column].to_pylist())
