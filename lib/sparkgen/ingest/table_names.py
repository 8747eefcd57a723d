"""Finds what kind of table a name or a path means: Parquet, Delta, a catalog's table, and others."""

import hashlib
import re
from collections.abc import Sequence
from typing import NamedTuple

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, is_remote, open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.files import find_files

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
LOG = "_delta_log"

_NAME = re.compile(r"\w[\w-]*(\.\w[\w-]*){0,2}")
_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint.*\.parquet)")
# How the files of a split begin, or the folder that they lie in, where several splits lie side by side.
_SPLIT = re.compile(r"(train|test|validation|valid|val|dev|eval)(?![a-z])", re.IGNORECASE)


class Found(NamedTuple):
    """What a name or a path means: the format, its files, and how many others lie among them.

    `direct`: they are Parquet files whose rows are read as they lie.
    """

    reader: str
    files: list[SourceEntry]
    others: int = 0
    direct: bool = False


def find_table(uri: str, *, reader: str | None = None, order_by: str | None = None) -> Found:
    """What is at a path, or what a name means.

    Args:
        uri: a path, folder or glob, or the name of a catalog's table.
        reader: the format, if it is known.
        order_by: a column by which rows are to be sorted.

    Raises:
        RequestError: nothing is there, nothing says what it is, or there are files of several splits.
    """
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
    if reader != PARQUET:
        return Found(reader, files)
    # Where no name ends as that of a Parquet file does, all files are meant.
    named = [file for file in files if reader_by_ending(file.uri) == PARQUET] or files
    names = _below(uri, named)
    _refuse_splits(uri, names)
    partitioned = any("=" in name.rpartition("/")[0] for name in names)
    direct = order_by is None and not partitioned
    return Found(PARQUET, named, len(files) - len(named), direct)


def reader_by_ending(name: str) -> str | None:
    """What reads a file of this name; None: its ending does not say."""
    return next((how for end, how in ENDINGS.items() if name.lower().endswith(end)), None)


def is_catalog_name(name: str) -> bool:
    """Whether a name may be a catalog's table: `table`, `schema.table` or `catalog.schema.table`."""
    return _NAME.fullmatch(name) is not None and reader_by_ending(name) is None


def is_delta(uri: str) -> bool:
    """Whether a folder is a Delta table."""
    filesystem, path = open_uri(uri)
    return bool(filesystem.get_file_info(f"{path}/{LOG}").type == fs.FileType.Directory)


def delta_entry(uri: str) -> SourceEntry:
    """A Delta table, with its newest version as its time stamp.

    Raises:
        RequestError: its log has no version.
    """
    filesystem, path = open_uri(uri)
    selector = fs.FileSelector(f"{path}/{LOG}", allow_not_found=True)
    names = [info.base_name for info in filesystem.get_file_info(selector)]
    versions = [int(found[1]) for found in map(_COMMIT.fullmatch, names) if found]
    if not versions:
        raise RequestError(
            f"a version in {uri}/{LOG}", found="none", mend="correct the dataset's source"
        )
    return SourceEntry(uri=absolute(uri), size=0, modified=f"version {max(versions)}")


def one_entry(uri: str, files: Sequence[SourceEntry]) -> SourceEntry:
    """All files of a table as one entry, by the digest of their paths, sizes and time stamps."""
    listing = "\n".join(f"{f.uri} {f.size} {f.modified}" for f in files)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return SourceEntry(uri=uri, size=sum(f.size for f in files), modified=digest)


def spark_path(uri: str) -> str:
    """A path as Spark takes it, whose own default need not be this machine's files."""
    path = absolute(uri)
    if is_remote(path) or path.startswith("/Volumes/"):
        return path
    if path.startswith("/dbfs/"):
        return f"dbfs:{path.removeprefix('/dbfs')}"
    return f"file://{path}"


def _below(uri: str, files: Sequence[SourceEntry]) -> list[str]:
    """The paths of files from a folder; those of a glob or a single file are none."""
    root = absolute(uri).rstrip("/") + "/"
    return [file.uri.removeprefix(root) for file in files if file.uri.startswith(root)]


def _refuse_splits(uri: str, names: Sequence[str]) -> None:
    """Refuses a folder that holds the files of several splits, as Hugging Face lays them out."""
    splits = {found[1].lower(): name for name in names if (found := _SPLIT.match(name))}
    if len(splits) < 2:
        return
    ways = [
        f"source.{split} to {uri.rstrip('/')}/{_pattern(splits[split])}"
        for split in ("train", "test")
        if split in splits
    ]
    raise RequestError(
        f"the files of one split at {uri}",
        found=f"those of {', '.join(sorted(splits))}",
        mend=f"set {' and '.join(ways) or 'source.train to those of one of them'}",
    )


def _pattern(name: str) -> str:
    """The folder of a split, or a glob for its files, by the path of one of them."""
    folder, below, _ = name.partition("/")
    return folder if below else f"{_SPLIT.match(name)[0]}-*"  # type: ignore[index]
