"""Lists all files below a folder, with the reason where one cannot be read."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import pyarrow as pa
from pyarrow import fs

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import RequestError


class Found(NamedTuple):
    """A file somewhere below a folder: its path from there, its bytes, its time stamp.

    `fault` is why it cannot be read, as the quarantine names it; None where nothing is wrong.
    """

    name: str
    size: int
    modified: str
    fault: str | None = None


def list_folder(uri: str) -> list[Found]:
    """All files below a folder, sorted by path.

    Raises:
        RequestError: a folder in it cannot be read.
    """
    with reachable(uri):
        filesystem, path = open_uri(uri)
        if isinstance(filesystem, fs.LocalFileSystem):
            return sorted(_walk(path, "", (os.path.realpath(path),)))
        infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
        files = [i for i in infos if i.type == fs.FileType.File]
        return sorted(Found(i.path[len(path) + 1 :], i.size, str(i.mtime_ns or "")) for i in files)


def none_there(uri: str) -> RequestError:
    """The error for a source that is not there."""
    return RequestError(
        "source files that are there",
        found=f"none at {uri}",
        mend="correct the dataset's source, or say where the data is: --set environment.data=FOLDER",
    )


@contextmanager
def reachable(uri: str) -> Iterator[None]:
    """Says in one line what storage does not give, or what names pyarrow cannot read."""
    try:
        yield
    except UnicodeDecodeError as error:
        raise RequestError(
            f"names in UTF-8 at {uri}", found=repr(error.object), mend="rename the file"
        ) from None
    except (OSError, pa.ArrowException) as error:
        raise RequestError(
            f"source files at {uri} that can be read",
            found=str(error),
            mend="correct the dataset's source, or the access to it",
        ) from None


def _walk(folder: str, prefix: str, above: tuple[str, ...]) -> Iterator[Found]:
    """The files of a local folder; also those that pyarrow passes over or cannot name.

    Args:
        folder: its path.
        prefix: what stands before the names.
        above: the true paths of the folder and of those that led to it.
    """
    for entry in os.scandir(folder):
        name = prefix + entry.name
        try:
            info = entry.stat()
        except OSError:
            yield Found(name, 0, "", "broken-link")
            continue
        if not stat.S_ISDIR(info.st_mode):
            yield Found(name, info.st_size, str(info.st_mtime_ns), _fault(name, info.st_mode))
            continue
        true = os.path.realpath(entry.path) if entry.is_symlink() else f"{above[-1]}/{entry.name}"
        if true in above:
            yield Found(name, 0, "", "link-loop")
        else:
            yield from _walk(entry.path, f"{name}/", (*above, true))


def _fault(name: str, mode: int) -> str | None:
    if not stat.S_ISREG(mode):
        return "special-file"
    try:
        name.encode()
    except UnicodeEncodeError:
        return "name-not-utf-8"
    return None
