"""Where a URI leads: a pyarrow file system and a path in it.

Local paths, `file:`, `dbfs:/` and `/Volumes` (both mounted on Databricks machines), and whatever
pyarrow knows by scheme (`s3:`, `gs:`, `abfss:`, `hdfs:`).
"""

import os
import uuid

from pyarrow import fs


def open_uri(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI or path, and the path within it."""
    if uri.startswith("dbfs:/"):
        return fs.LocalFileSystem(), "/dbfs/" + uri.removeprefix("dbfs:").lstrip("/")
    if "://" in uri and not uri.startswith("file:"):
        scheme, _, rest = uri.partition("://")
        scheme = "s3" if scheme in ("s3a", "s3n") else scheme
        return fs.FileSystem.from_uri(f"{scheme}://{rest}")
    if uri.startswith("file:"):
        uri = "/" + uri.removeprefix("file:").lstrip("/")
    return fs.LocalFileSystem(), os.path.abspath(uri)


def absolute(uri: str) -> str:
    """The URI or path as it is understood from every working directory."""
    return uri if ":" in uri.partition("/")[0] else os.path.abspath(uri)


def read_bytes(uri: str) -> bytes:
    """All bytes of a file; `FileNotFoundError` where there is none."""
    filesystem, path = open_uri(uri)
    with filesystem.open_input_stream(path) as stream:
        return bytes(stream.read())


def write_bytes(uri: str, data: bytes) -> None:
    """Writes a file so that it is there whole or not at all."""
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


def remove_folder(uri: str) -> None:
    """Removes a folder with all that is in it, where there is one."""
    filesystem, path = open_uri(uri)
    if filesystem.get_file_info(path).type == fs.FileType.Directory:
        filesystem.delete_dir(path)
