"""Source files by path, glob or URI, sorted by path."""

import hashlib
from fnmatch import fnmatchcase

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import open_uri
from sparkgen.errors import RequestError

_WILD = frozenset("*?[")


def find_files(uri: str) -> list[SourceEntry]:
    """The files that a path, a glob or a folder stands for, at least one.

    Hidden files, and those that start with `_`, are not data, as Spark has it.

    Raises:
        RequestError: there are none.
    """
    parts = uri.split("/")
    wild = next((i for i, part in enumerate(parts) if _WILD & set(part)), None)
    base = uri if wild is None else "/".join(parts[:wild]) or ("/" if wild else ".")
    pattern = [] if wild is None else parts[wild:]
    filesystem, path = open_uri(base)
    info = filesystem.get_file_info(path)
    found = [info]
    if info.type == fs.FileType.Directory:
        selector = fs.FileSelector(path, recursive=len(pattern) != 1)
        found = filesystem.get_file_info(selector)
    files = [f for f in found if f.type == fs.FileType.File and _wanted(f.path, path, pattern)]
    if not files:
        raise RequestError(
            "source files that are there",
            found=f"none at {uri}",
            mend="correct the dataset's source, or say where the data is: "
            "--set environment.data=FOLDER",
        )
    return [_entry(base, f) for f in sorted(files, key=lambda f: f.path)]


def find_tree(uri: str) -> SourceEntry:
    """A file as it is; a folder by the digest of all paths, sizes and time stamps in it."""
    if open_uri(uri)[0].get_file_info(open_uri(uri)[1]).type != fs.FileType.Directory:
        return find_files(uri)[0]
    files = find_files(uri)
    listing = "\n".join(f"{f.uri} {f.size} {f.modified}" for f in files)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    return SourceEntry(uri=uri, size=sum(f.size for f in files), modified=digest)


def _wanted(path: str, base: str, pattern: list[str]) -> bool:
    if path == base:
        return True
    inner = path[len(base) :].strip("/").split("/")
    if any(part.startswith((".", "_")) for part in inner):
        return False
    return not pattern or (
        len(inner) == len(pattern)
        and all(fnmatchcase(name, wild) for name, wild in zip(inner, pattern, strict=True))
    )


def _entry(base: str, info: fs.FileInfo) -> SourceEntry:
    scheme = base.partition("://")[0] + "://" if "://" in base else ""
    scheme = "" if scheme == "file://" else scheme
    return SourceEntry(
        uri=scheme + info.path, size=int(info.size), modified=str(info.mtime_ns or "")
    )
