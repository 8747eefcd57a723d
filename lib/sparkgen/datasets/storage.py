"""Opens URIs of local folders and object stores: each becomes a pyarrow file system and a path.

A local path is taken as it is, letter by letter; `file:` URIs are unquoted, as URIs are. Beside them
`dbfs:/` and `/Volumes` (both mounted on Databricks machines), and what pyarrow knows by scheme.
"""

import os
import re
import shutil
import threading
import uuid
from urllib.parse import quote, unquote

from pyarrow import ArrowException, fs

from sparkgen.errors import RequestError

SCHEMES = ("s3", "s3a", "s3n", "gs", "gcs", "abfs", "abfss", "hdfs", "viewfs")
ANSWER_SECONDS = 60  # of a storage that is there; a client left alone tries for many minutes

_REMOTE = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_LEGAL = "/?#[]@!$&'()*+,;=:%~"  # in URIs, beside letters, digits and _.-


def open_uri(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI or path, and the path within it.

    Raises:
        RequestError: a scheme that is not known here, or a URI that is none.
    """
    uri = absolute(uri)
    if not is_remote(uri):
        return fs.LocalFileSystem(), uri
    scheme, _, rest = uri.partition("://")
    try:
        return fs.FileSystem.from_uri(f"{_known(scheme, uri)}://{quote(rest, safe=_LEGAL)}")
    except (ArrowException, OSError, ImportError) as error:
        raise RequestError(
            f"a storage that this machine can reach at {uri}",
            found=str(error).splitlines()[0],
            mend="give a path or a URI of another storage",
        ) from None


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
    return uri if is_remote(uri) else os.path.abspath(uri)


def as_uri(path: str) -> str:
    """A path or URI for libraries that parse every path as a URI; special characters are quoted."""
    return path if is_remote(path) or quote(path) == path else f"file://{quote(path)}"


def check_answers(uri: str, *, seconds: float = ANSWER_SECONDS) -> None:
    """Checks that a storage answers within `seconds`.

    Raises:
        RequestError: it refuses, or does not answer.
    """
    failed: list[Exception] = []

    def ask() -> None:
        try:
            filesystem, path = open_uri(uri)
            filesystem.get_file_info(path)
        except Exception as error:
            failed.append(error)

    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(seconds)
    if failed and isinstance(failed[0], RequestError):
        raise failed[0]
    if failed or asking.is_alive():
        said = str(failed[0]).splitlines()[0] if failed else f"no answer in {seconds:g} seconds"
        raise RequestError(
            f"a storage that answers at {uri}",
            found=said,
            mend="correct the URI, or what lets this machine in",
        )


def _known(scheme: str, uri: str) -> str:
    if scheme not in SCHEMES:
        raise RequestError(
            f"a path, or a URI of {', '.join(SCHEMES)}, file or dbfs", found=uri, mend="correct it"
        )
    return "s3" if scheme in ("s3a", "s3n") else scheme


def read_bytes(uri: str) -> bytes:
    """All bytes of a file; `FileNotFoundError` where the file does not exist."""
    filesystem, path = open_uri(uri)
    with filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file atomically: it exists whole, or not at all."""
    filesystem, path = open_uri(uri)
    filesystem.create_dir(os.path.dirname(path), recursive=True)
    if not isinstance(filesystem, fs.LocalFileSystem):
        with filesystem.open_output_stream(path) as stream:
            stream.write(data)
        return
    temporary = f"{path}.{uuid.uuid4().hex}.tmp"
    try:
        with open(temporary, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def copy_in(path: str, uri: str) -> None:
    """Copies a local file to a URI atomically: it exists whole, or not at all."""
    filesystem, place = open_uri(uri)
    filesystem.create_dir(os.path.dirname(place), recursive=True)
    if not isinstance(filesystem, fs.LocalFileSystem):
        fs.copy_files(path, place, fs.LocalFileSystem(), filesystem)
        return
    temporary = f"{os.path.dirname(place)}/.{uuid.uuid4().hex}.tmp"
    try:
        shutil.copyfile(path, temporary)
        os.replace(temporary, place)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def remove_folder(uri: str) -> None:
    """Removes a folder with all its content, if it exists."""
    filesystem, path = open_uri(uri)
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        filesystem.delete_dir(path)
