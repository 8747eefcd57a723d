"""Folders and archives of images, listed once, then read in place by many tasks.

The driver reads only the index: a folder's listing, the headers of a .tar, the directory of a .zip.
A task then reads its own members by their offsets (tar) or names (zip, folder). A compressed tar
has no index and can only be read from its start, so each task inflates it and keeps its own share.
"""

import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from stat import S_ISLNK
from typing import Any, Literal, NamedTuple

from pyarrow import fs

from sparkgen.datasets.storage import open_uri

STREAMED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2")
ARCHIVES = (".tar", ".zip", *STREAMED)
MOST_BYTES = 256 << 20  # of one image file; a member that declares more is not read


class Member(NamedTuple):
    """A file of a folder or an archive: its number there, path, kind, and bytes from `offset`."""

    number: int
    name: str
    kind: Literal["file", "link"]
    offset: int
    size: int


def list_members(uri: str) -> list[Member]:
    """All files and links of a folder or an archive, in order."""
    filesystem, path = open_uri(uri)
    if uri.endswith(".zip"):
        with filesystem.open_input_file(path) as file, zipfile.ZipFile(file) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir()]
            kinds = ["link" if S_ISLNK(i.external_attr >> 16) else "file" for i in infos]
            return [
                Member(n, i.filename, "link" if kind == "link" else "file", 0, i.file_size)
                for n, (i, kind) in enumerate(zip(infos, kinds, strict=True))
            ]
    if uri.endswith(ARCHIVES):
        with _open_tar(uri, filesystem, path) as archive:
            return [_member(n, info) for n, info in enumerate(archive) if not info.isdir()]
    infos = filesystem.get_file_info(fs.FileSelector(path, recursive=True))
    files = sorted((i.path[len(path) + 1 :], i.size) for i in infos if i.type == fs.FileType.File)
    return [Member(n, name, "file", 0, size) for n, (name, size) in enumerate(files)]


def read_members(uri: str, members: list[Member]) -> Iterator[bytes | None]:
    """The bytes of some members, in their order; None for one that its archive cannot give."""
    filesystem, path = open_uri(uri)
    if uri.endswith(".zip"):
        with filesystem.open_input_file(path) as file, zipfile.ZipFile(file) as archive:
            for member in members:
                yield _unzipped(archive, member.name)
    elif uri.endswith(STREAMED):
        yield from _read_streamed(uri, filesystem, path, members)
    elif uri.endswith(ARCHIVES):
        with filesystem.open_input_file(path) as file:
            for member in members:
                file.seek(member.offset)
                yield bytes(file.read(member.size))
    else:
        for member in members:
            with filesystem.open_input_stream(f"{path}/{member.name}", compression=None) as stream:
                yield bytes(stream.read())


def _unzipped(archive: zipfile.ZipFile, name: str) -> bytes | None:
    try:
        return archive.read(name)
    # A wrong checksum, damaged data, a password, an unknown compression.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError):
        return None


def _open_tar(uri: str, filesystem: fs.FileSystem, path: str) -> tarfile.TarFile:
    if uri.endswith(STREAMED):
        compression = "bz2" if uri.endswith("bz2") else "gzip"
        stream = filesystem.open_input_stream(path, compression=compression)
        return tarfile.open(fileobj=stream, mode="r|")
    return tarfile.open(fileobj=filesystem.open_input_file(path), mode="r:")


def _member(number: int, info: tarfile.TarInfo) -> Member:
    kind: Literal["file", "link"] = "file" if info.isreg() else "link"
    return Member(number, info.name, kind, info.offset_data, info.size)


def _read_streamed(
    uri: str, filesystem: fs.FileSystem, path: str, members: list[Member]
) -> Iterator[bytes]:
    wanted = {member.number for member in members}
    with _open_tar(uri, filesystem, path) as archive:
        for number, info in enumerate(archive):
            if number in wanted:
                content: Any = archive.extractfile(info)
                yield content.read()
            if number == members[-1].number:
                return
