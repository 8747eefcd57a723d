"""Source files by path, glob or URI, sorted by path."""

import hashlib
from fnmatch import fnmatchcase
from urllib.parse import quote

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import is_remote, open_uri
from sparkgen.errors import RequestError

_WILD = frozenset("*?[")
_PLAIN = "/!$&'()*+,;=:@~"  # in the path of a URI, beside letters and digits


def find_files(uri: str) -> list[SourceEntry]:
    """The files that a path, a glob or a folder stands for, at least one.

    A name that is there is that file or folder, whatever letters it has; only one that is not is a
    glob. Hidden files, and those that start with `_`, are not data, as Spark has it.

    Raises:
        RequestError: there are none.
    """
    base, pattern = _split(uri)
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


def _split(uri: str) -> tuple[str, list[str]]:
    """The part of a URI that is there or has no wild card, and the parts after it."""
    parts = uri.split("/")
    for number, part in enumerate(parts):
        if _WILD & set(part) and not _is_there("/".join(parts[: number + 1])):
            return "/".join(parts[:number]) or ("/" if number else "."), parts[number:]
    return uri, []


def _is_there(uri: str) -> bool:
    filesystem, path = open_uri(uri)
    return bool(filesystem.get_file_info(path).type != fs.FileType.NotFound)


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
    # Paths within a remote storage come unquoted.
    remote = f"{base.partition('://')[0]}://{quote(info.path, safe=_PLAIN)}"
    uri = remote if is_remote(base) else info.path
    return SourceEntry(uri=uri, size=int(info.size), modified=str(info.mtime_ns or ""))
