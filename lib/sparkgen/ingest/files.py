"""Source files by path, glob or URI, sorted by path."""

import hashlib
from collections import Counter
from fnmatch import fnmatchcase

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.folder import Found, list_folder, reachable

_WILD = frozenset("*?[")


def find_files(uri: str) -> list[SourceEntry]:
    """The files that a path, a glob or a folder stands for, at least one.

    Hidden files, and those that start with `_`, are not data, as Spark has it.

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


def passed_over(uri: str) -> Counter[str]:
    """How many files of a folder are not among those of `find_files`, by reason."""
    filesystem, path = open_uri(uri)
    if _is_glob(uri) or filesystem.get_file_info(path).type != fs.FileType.Directory:
        return Counter()
    return Counter(
        f.fault or "hidden" for f in list_folder(uri) if f.fault or _is_hidden(f.name, (".", "_"))
    )


def find_trees(uri: str) -> list[SourceEntry]:
    """The files and folders that a path or a glob stands for, at least one.

    A folder stands there by the digest of all paths, sizes and time stamps in it.

    Raises:
        RequestError: there are none.
    """
    with reachable(uri):
        found = [f for f in _matches(uri)[1] if f.type != fs.FileType.NotFound]
        _refuse_none(uri, found)
        one = not _is_glob(uri)
        return [
            _tree(uri if one else _scheme(uri) + f.path)
            if f.type == fs.FileType.Directory
            else _entry(uri, f)
            for f in sorted(found, key=lambda f: f.path)
        ]


def _tree(uri: str) -> SourceEntry:
    files = [f for f in list_folder(uri) if not _is_hidden(f.name, (".",))]
    _refuse_none(uri, files)
    path = _scheme(uri) + open_uri(uri)[1]
    listing = "\n".join(f"{path}/{f.name} {f.size} {f.modified}" for f in files)
    digest = hashlib.sha256(listing.encode(errors="surrogateescape")).hexdigest()
    return SourceEntry(uri=absolute(uri), size=sum(f.size for f in files), modified=digest)


def _matches(uri: str) -> tuple[fs.FileSystem, list[fs.FileInfo]]:
    """What stands at a path, or all that matches a glob."""
    if not _is_glob(uri):
        filesystem, path = open_uri(uri)
        return filesystem, [filesystem.get_file_info(path)]
    parts = uri.split("/")
    first = next(i for i, part in enumerate(parts) if _WILD & set(part))
    filesystem, path = open_uri("/".join(parts[:first]) or ("/" if first else "."))
    found = [filesystem.get_file_info(path)]
    for pattern in parts[first:]:
        folders = [f.path for f in found if f.type == fs.FileType.Directory]
        inside = [f for p in folders for f in filesystem.get_file_info(fs.FileSelector(p))]
        found = [
            f
            for f in inside
            if fnmatchcase(f.base_name, pattern) and not _is_hidden(f.base_name, (".", "_"))
        ]
    return filesystem, found


def _is_glob(uri: str) -> bool:
    """Whether a path has wild cards, and is not itself the path of something."""
    if not _WILD & set(uri):
        return False
    filesystem, path = open_uri(uri)
    return bool(filesystem.get_file_info(path).type == fs.FileType.NotFound)


def _is_hidden(path: str, marks: tuple[str, ...]) -> bool:
    return any(part.startswith(marks) for part in path.strip("/").split("/"))


def _refuse_none(uri: str, found: list[fs.FileInfo] | list[Found]) -> None:
    if not found:
        raise RequestError(
            "source files that are there",
            found=f"none at {uri}",
            mend="correct the dataset's source, or say where the data is: "
            "--set environment.data=FOLDER",
        )


def _scheme(uri: str) -> str:
    """What stands before a path of pyarrow to make it a URI again."""
    scheme = uri.partition("://")[0] + "://" if "://" in uri else ""
    return "" if scheme == "file://" else scheme


def _entry(uri: str, info: fs.FileInfo) -> SourceEntry:
    return SourceEntry(
        uri=_scheme(uri) + info.path, size=int(info.size), modified=str(info.mtime_ns or "")
    )
