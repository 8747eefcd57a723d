"""Opens URIs of local folders and object stores: each becomes a pyarrow file system and a path.

A local path is taken as it is, letter by letter; `file:` URIs are unquoted, as URIs are. Beside them
`dbfs:/` and `/Volumes` (both mounted on Databricks machines), and what pyarrow knows by scheme.
"""

import os
import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, unquote

import pyarrow as pa
from pyarrow import fs

from sparkgen.datasets.disks import on_disk
from sparkgen.datasets.remote import open_remote
from sparkgen.errors import RequestError
from sparkgen.unexpected import first_line

ANSWER_SECONDS = 60  # of a storage that is there; a client left alone tries for many minutes

_REMOTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def open_uri(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI or path, and the path within it.

    Raises:
        RequestError: a scheme that is not known here, or a URI that is none.
    """
    uri = absolute(uri)
    if not is_remote(uri):
        return fs.LocalFileSystem(), uri
    return open_remote(uri)


def is_remote(uri: str) -> bool:
    """Whether a URI names remote storage, not a folder of this machine."""
    return _REMOTE.match(uri) is not None and not uri.startswith("file:")


def absolute(uri: str) -> str:
    """A URI or path that does not depend on the working directory; local ones become paths.

    Raises:
        RequestError: no storage can have it.
    """
    if "\0" in uri:
        raise RequestError(
            "a path without the character NUL", found=ascii(uri), mend="correct the path"
        )
    if uri.startswith("dbfs:/"):
        return "/dbfs/" + uri.removeprefix("dbfs:").lstrip("/")
    if uri.startswith("file:/"):
        host, slash, path = uri.removeprefix("file:").removeprefix("//").partition("/")
        if host not in ("", "localhost"):
            raise RequestError(
                "a file: URI of this machine, file:///path", found=uri, mend="write three slashes"
            )
        return os.path.abspath(unquote(slash + path))
    return _plain(uri) if is_remote(uri) else os.path.abspath(uri)


def _plain(uri: str) -> str:
    """A remote URI without empty steps in its path, which object storage would take for names."""
    place, question, query = uri.partition("?")
    scheme, _, rest = place.partition("://")
    host, *steps = rest.split("/")
    return f"{scheme}://{'/'.join([host, *filter(None, steps)])}{question}{query}"


def as_uri(path: str) -> str:
    """A path or URI for libraries that parse every path as a URI; special characters are quoted."""
    return path if is_remote(path) or quote(path) == path else f"file://{quote(path)}"


def check_answers(uri: str, *, writes: bool = False, seconds: float = ANSWER_SECONDS) -> None:
    """Checks that a storage answers within `seconds`.

    Args:
        uri: a place in it.
        writes: it must take a file at this place, which is removed again.
        seconds: to wait, at most.

    Raises:
        RequestError: it refuses, does not answer, or has no such bucket.
    """
    failed: list[Exception] = []

    def ask() -> None:
        try:
            _try(uri, writes=writes)
        except Exception as error:  # told by the thread that waits for the answer
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if failed and isinstance(failed[0], RequestError):
        raise failed[0]
    if failed or asking.is_alive():
        said = first_line(failed[0]) if failed else f"no answer in {seconds:g} seconds"
        raise RequestError(
            f"a storage that answers at {uri}",
            found=said,
            mend="correct the URI, or what lets this machine in",
        )


def _try(uri: str, *, writes: bool) -> None:
    filesystem, path = open_uri(uri)
    bucket = path.partition("/")[0]
    if bucket and filesystem.get_file_info(bucket).type == fs.FileType.NotFound:
        raise RequestError(
            f"a bucket or container that is there at {uri}",
            found=f"no {bucket}",
            mend="make it, or correct the URI",
        )
    if writes:
        trial = f"{path}/.sparkgen-{uuid.uuid4().hex}"
        _send(filesystem, trial, pa.py_buffer(b"written to see whether it can be"))
        filesystem.delete_file(trial)
    else:
        filesystem.get_file_info(path)


def read_bytes(uri: str) -> bytes:
    """All bytes of a file; `FileNotFoundError` where the file does not exist."""
    filesystem, path = open_uri(uri)
    with filesystem.open_input_stream(path, compression=None) as stream:
        return bytes(stream.read())


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file: on a disk and on object storage it exists whole, or not at all.

    On object storage that is mounted as a folder a process that is killed may leave the beginning of it.
    So what is written last of an artifact, and makes it visible, says itself whether it is whole.
    """
    filesystem, path = open_uri(uri)
    buffer = pa.py_buffer(data)
    if not isinstance(filesystem, fs.LocalFileSystem):
        _uninterrupted(_send, filesystem, path, buffer)
        return
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if not on_disk(path):
        with open(path, "wb") as file:
            file.write(buffer)
        return
    with _renamed(path) as temporary, open(temporary, "wb") as file:
        file.write(buffer)
        file.flush()
        os.fsync(file.fileno())


def copy_in(path: str, uri: str) -> None:
    """Copies a local file to a URI, as `write_bytes` writes one."""
    filesystem, place = open_uri(uri)
    if not isinstance(filesystem, fs.LocalFileSystem):
        _uninterrupted(fs.copy_files, path, place, fs.LocalFileSystem(), filesystem)
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if not on_disk(place):
        shutil.copyfile(path, place)
        return
    with _renamed(place) as temporary:
        shutil.copyfile(path, temporary)


def put(source: str, target: str) -> None:
    """Puts a file of a storage in the place of another one there, in one step where it is a disk.

    Where nothing can be renamed it is copied, and stays at its old place as well.
    """
    filesystem, path = open_uri(source)
    place = open_uri(target)[1]
    if not isinstance(filesystem, fs.LocalFileSystem):
        filesystem.copy_file(path, place)
        return
    os.makedirs(os.path.dirname(place), exist_ok=True)
    if on_disk(place):
        os.replace(path, place)
    else:
        shutil.copyfile(path, place)


def new_file(uri: str) -> Any:
    """A file to be written as a stream, which is only there for sure when it is closed."""
    filesystem, path = open_uri(uri)
    if isinstance(filesystem, fs.LocalFileSystem):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    return filesystem.open_output_stream(path, compression=None)


def remove_folder(uri: str) -> None:
    """Removes a folder with all its content, if it exists."""
    filesystem, path = open_uri(uri)
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        filesystem.delete_dir(path)


@contextmanager
def _renamed(path: str) -> Iterator[str]:
    """The path of a temporary file beside a file, whose name it gets in the end, unless that failed."""
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def _send(filesystem: fs.FileSystem, path: str, buffer: pa.Buffer) -> None:
    with filesystem.open_output_stream(path, compression=None) as stream:
        stream.write(buffer)


def _uninterrupted(send: Callable[..., object], *arguments: Any) -> None:
    """Calls a function in a thread, where no signal interrupts it.

    A stream of pyarrow that an exception ends is closed, and what it had got so far becomes the file.
    """
    with ThreadPoolExecutor(1, "storage") as sender:
        sender.submit(send, *arguments).result()
