"""Finds source files by path, glob or URI, sorted by path."""

import hashlib
from collections import Counter
from collections.abc import Collection
from fnmatch import fnmatchcase
from urllib.parse import quote

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, is_remote, open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.files.folder import Found, list_folder, none_there, reachable

_WILD = frozenset("*?[")
_PLAIN = "/!$&'()*+,;=:@~"  # in the path of a URI, beside letters and digits


def find_files(uri: str) -> list[SourceEntry]:
    """The files that a path, a glob or a folder stands for, at least one.

    A name that is there is that file or folder, whatever letters it has; only one that is not is a
    glob. Hidden files, and those that start with `_`, are not data, as Spark has it.

    Raises:
        RequestError: there are none.
    """
    with reachable(uri):
        filesystem, found = _matches(uri)
        if not _is_glob(uri) and found[0].type == fs.FileType.Directory:
            root = found[0].path
            inside = filesystem.get_file_info(fs.FileSelector(root, recursive=True))
            found = [f for f in inside if not _is_hidden(f.path[len(root) :], (".", "_"))]
        files = [f for f in found if f.type == fs.FileType.File]
        _refuse_none(uri, files)
        return [_entry(uri, f) for f in sorted(files, key=lambda f: f.path)]


def is_there(uri: str) -> bool:
    """Whether a path, a glob or a folder stands for a file that is there; hidden ones do not count.

    Raises:
        RequestError: it cannot be read.
    """
    with reachable(uri):
        filesystem, found = _matches(uri)
        folders = [f.path for f in found if f.type == fs.FileType.Directory]
        return any(f.type == fs.FileType.File for f in found) or any(
            f.type == fs.FileType.File and not _is_hidden(f.path[len(folder) :], (".", "_"))
            for folder in folders
            for f in filesystem.get_file_info(fs.FileSelector(folder, recursive=True))
        )


def passed_over(uri: str) -> Counter[str]:
    """How many files of a folder are not among those of `find_files`, by reason."""
    filesystem, path = open_uri(uri)
    if _is_glob(uri) or filesystem.get_file_info(path).type != fs.FileType.Directory:
        return Counter()
    return Counter(
        f.fault or "hidden" for f in list_folder(uri) if f.fault or _is_hidden(f.name, (".", "_"))
    )


def find_trees(uri: str, class_names: Collection[str] = ()) -> list[SourceEntry]:
    """The files and folders that a path or a glob stands for, at least one.

    A folder stands there by the digest of all paths, sizes and time stamps in it. Those whose names
    begin with `.` are left out, unless that is the name of a class.

    Raises:
        RequestError: there are none.
    """
    with reachable(uri):
        found = [f for f in _matches(uri)[1] if f.type != fs.FileType.NotFound]
        _refuse_none(uri, found)
        one = not _is_glob(uri)
        return [
            _tree(uri if one else _located(uri, f.path), class_names)
            if f.type == fs.FileType.Directory
            else _entry(uri, f)
            for f in sorted(found, key=lambda f: f.path)
        ]


def _tree(uri: str, class_names: Collection[str]) -> SourceEntry:
    files = [f for f in list_folder(uri) if not _is_hidden(f.name, (".",), class_names)]
    _refuse_none(uri, files)
    path = _located(uri, open_uri(uri)[1])
    listing = "\n".join(f"{path}/{f.name} {f.size} {f.modified}" for f in files)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return SourceEntry(uri=absolute(uri), size=sum(f.size for f in files), modified=digest)


def _matches(uri: str) -> tuple[fs.FileSystem, list[fs.FileInfo]]:
    """The file or folder at a path, or all that match a glob."""
    if not uri:  # which would be the working directory
        raise RequestError("the path of source files", found="an empty one", mend="state it")
    base, patterns = _split(uri)
    filesystem, path = open_uri(base)
    found = [filesystem.get_file_info(path)]
    for pattern in patterns:
        folders = [f.path for f in found if f.type == fs.FileType.Directory]
        inside = [f for p in folders for f in filesystem.get_file_info(fs.FileSelector(p))]
        found = [
            f
            for f in inside
            if fnmatchcase(f.base_name, pattern) and not _is_hidden(f.base_name, (".", "_"))
        ]
    return filesystem, found


def _is_glob(uri: str) -> bool:
    """Whether a path has wild cards that are no letters of something that is there."""
    return bool(_split(uri)[1])


def _is_hidden(path: str, marks: tuple[str, ...], shown: Collection[str] = ()) -> bool:
    """Whether a part of a path begins with one of some marks, and is none of the names in `shown`."""
    parts = path.strip("/").split("/")
    return any(part.startswith(marks) and part not in shown for part in parts)


def _refuse_none(uri: str, found: list[fs.FileInfo] | list[Found]) -> None:
    if not found:
        raise none_there(uri)


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


def _located(uri: str, path: str) -> str:
    """The URI of a path that pyarrow found below `uri`; of remote storage it gives paths unquoted."""
    return f"{uri.partition('://')[0]}://{quote(path, safe=_PLAIN)}" if is_remote(uri) else path


def _entry(uri: str, info: fs.FileInfo) -> SourceEntry:
    return SourceEntry(
        uri=_located(uri, info.path), size=int(info.size), modified=str(info.mtime_ns or "")
    )
