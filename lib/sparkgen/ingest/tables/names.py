"""Finds what kind of table a name or a path means: Parquet, Delta, a catalog's table, and others."""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.files.find import find_files
from sparkgen.ingest.files.split_words import refuse_splits
from sparkgen.ingest.tables.delta import delta_entry, is_delta

CATALOG, DELTA, PARQUET = "catalog", "delta", "parquet"
ENDINGS = {
    ".parquet": PARQUET,
    ".parq": PARQUET,
    ".pq": PARQUET,
    ".orc": "orc",
    ".avro": "avro",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".csv": "csv",
}

_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*){0,2}")


class Found(NamedTuple):
    """What a name or a path means: the format, its files, and how many others lie among them.

    `root` is the folder that holds them all. `direct`: they are Parquet files whose rows are read as
    they lie.
    """

    reader: str
    files: list[SourceEntry]
    root: str = ""
    others: int = 0
    direct: bool = False


def find_table(
    uri: str, *, split: str = "train", reader: str | None = None, order_by: str | None = None
) -> Found:
    """What is at a path, or what a name means.

    Args:
        uri: a path, folder or glob, or the name of a catalog's table.
        split: what the table is, `train` or `test`.
        reader: the format, if it is known.
        order_by: a column by which rows are to be sorted.

    Raises:
        RequestError: nothing is there, nothing says what it is, or there are files of several splits.
    """
    reader = reader and reader.lower()
    filesystem, path = open_uri(uri)
    kind = filesystem.get_file_info(path).type
    if reader == CATALOG or (
        reader is None and kind == fs.FileType.NotFound and is_catalog_name(uri)
    ):
        return Found(CATALOG, [])
    if reader == DELTA or (reader is None and kind == fs.FileType.Directory and is_delta(uri)):
        return Found(DELTA, [delta_entry(uri)])
    files = find_files(uri)
    reader = reader or next(filter(None, (reader_by_ending(file.uri) for file in files)), None)
    if reader is None:
        raise RequestError(
            f"a table at {uri}: files that end with {', '.join(ENDINGS)}, a Delta table, or the name "
            "of a catalog's table",
            found=f"{len(files)} files, such as {files[0].uri.rpartition('/')[2]}",
            mend="set source.reader, such as binaryFile, or correct the dataset's source",
        )
    root = _root(uri)
    if reader != PARQUET:
        refuse_splits(uri, split, [file.uri for file in files])
        return Found(reader, files, root)
    # Where no name ends as that of a Parquet file does, all files are meant.
    named = [file for file in files if reader_by_ending(file.uri) == PARQUET] or files
    refuse_splits(uri, split, [file.uri for file in named])
    names = [file.uri.removeprefix(f"{root}/") for file in named]
    # Folders such as label=3 are a column, as Spark writes them, which the files themselves lack.
    partitioned = any("=" in name.rpartition("/")[0] for name in names)
    direct = order_by is None and not partitioned
    return Found(PARQUET, named, root, len(files) - len(named), direct)


def reader_by_ending(name: str) -> str | None:
    """What reads a file of this name; None: its ending does not say."""
    return next((how for end, how in ENDINGS.items() if name.lower().endswith(end)), None)


def is_catalog_name(name: str) -> bool:
    """Whether a name may be a catalog's table: `table`, `schema.table` or `catalog.schema.table`."""
    return _NAME.fullmatch(name) is not None and reader_by_ending(name) is None


def one_entry(uri: str, files: Sequence[SourceEntry]) -> SourceEntry:
    """All files of a table as one entry, by the digest of their paths, sizes and time stamps."""
    listing = "\n".join(f"{f.uri} {f.size} {f.modified}" for f in files)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return SourceEntry(uri=uri, size=sum(f.size for f in files), modified=digest)


def _root(uri: str) -> str:
    """The folder that holds all files of a path: itself, or what stands before its last part or glob."""
    path = absolute(uri).rstrip("/")
    filesystem, plain = open_uri(path)
    if filesystem.get_file_info(plain).type == fs.FileType.Directory:
        return path
    parts = path.split("/")[:-1]
    wild = next((n for n, part in enumerate(parts) if set(part) & set("*?[")), len(parts))
    return "/".join(parts[:wild])
