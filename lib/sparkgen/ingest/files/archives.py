"""Lists folders and archives of images once, and reads their members in place, from many tasks.

The driver reads only the index: a folder's listing, the headers of a .tar, the directory of a .zip.
A task then reads its own members by their offsets (tar) or numbers (zip), or as files (folder). A
compressed tar has no index and can only be read from its start, so each task inflates it and keeps
its own share.
"""

from collections.abc import Iterator
from typing import Any, Literal

from pyarrow import fs

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.files.compressed import BEGINNINGS, inflated
from sparkgen.ingest.files.folder import list_folder, none_there
from sparkgen.ingest.files.member import DAMAGE, Member, damaged
from sparkgen.ingest.files.tar import MARK, list_tar, read_streamed
from sparkgen.ingest.files.zip import list_zip, read_zip

MOST_BYTES = 256 << 20  # of one image file; a member that declares more is not read

Kind = Literal["folder", "zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"]
_ENDINGS: dict[str, Kind] = {
    ".tar": "tar",
    ".tar.gz": "tar.gz",
    ".tgz": "tar.gz",
    ".tar.bz2": "tar.bz2",
    ".tbz2": "tar.bz2",
    ".tar.xz": "tar.xz",
    ".txz": "tar.xz",
    ".tar.zst": "tar.zst",
    ".tzst": "tar.zst",
    ".zip": "zip",
}
# How files begin, as far as it is known; a tar has its mark further on.
_BEGINNINGS = {
    b"PK\x03\x04": "zip",
    b"PK\x05\x06": "zip",
    BEGINNINGS["gzip"]: "tar.gz",
    BEGINNINGS["bz2"]: "tar.bz2",
    BEGINNINGS["xz"]: "tar.xz",
    BEGINNINGS["zstd"]: "tar.zst",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
}
_PACKED: dict[Kind, str] = {
    "tar.gz": "gzip",
    "tar.bz2": "bz2",
    "tar.xz": "xz",
    "tar.zst": "zstd",
}


def is_archive(name: str) -> bool:
    """Whether a file's name ends as that of an archive."""
    return name.lower().endswith(tuple(_ENDINGS))


def fault_of(member: Member) -> str | None:
    """Why a member can be no record, whatever its name and place; None: it may be one."""
    if member.fault is not None:
        return member.fault
    if member.size == 0:
        return "empty-image"
    return "decompression-bomb" if member.size > MOST_BYTES else None


def list_members(uri: str) -> list[Member]:
    """All files and links of a folder or an archive, in order.

    Raises:
        RequestError: it is neither, or an archive that is damaged or does not end where it should.
    """
    kind = _kind(uri)
    if kind == "folder":
        found = list_folder(uri)
        return [Member(n, f.name, 0, f.size, f.fault) for n, f in enumerate(found)]
    try:
        return _list(uri, kind)
    except DAMAGE as error:
        raise damaged(uri, f"an error ({error or type(error).__name__})") from None


def own_name(uri: str) -> str:
    """The name of a folder or an archive without the ending of its kind."""
    name = uri.rstrip("/").rpartition("/")[2]
    endings = sorted(_ENDINGS, key=len, reverse=True)
    found = next((end for end in endings if name.lower().endswith(end)), "")
    return name[: len(name) - len(found)]


def read_members(uri: str, members: list[Member]) -> Iterator[bytes | None]:
    """The bytes of some members, in their order; None for one that its archive cannot give.

    Raises:
        IngestError: the folder or archive cannot be read.
    """
    try:
        yield from _read(uri, _kind(uri), members)
    except DAMAGE as error:
        raise IngestError(f"{uri} cannot be read: {error or type(error).__name__}") from error


def _list(uri: str, kind: Kind) -> list[Member]:
    filesystem, path = open_uri(uri)
    _refuse_other_kind(uri, kind)
    if kind in _PACKED:
        with inflated(uri, _PACKED[kind]) as stream:
            return list_tar(uri, stream, seeks=False)
    with filesystem.open_input_file(path) as file:
        return list_zip(uri, file) if kind == "zip" else list_tar(uri, file, seeks=True)


def _read(uri: str, kind: Kind, members: list[Member]) -> Iterator[bytes | None]:
    filesystem, path = open_uri(uri)
    if kind == "folder":
        for member in members:
            yield _file(filesystem, f"{path}/{member.name}")
    elif kind in _PACKED:
        with inflated(uri, _PACKED[kind]) as stream:
            yield from read_streamed(stream, members)
    else:
        with filesystem.open_input_file(path) as file:
            if kind == "zip":
                yield from read_zip(file, members)
            else:
                yield from _read_at(file, members)


def _file(filesystem: fs.FileSystem, path: str) -> bytes | None:
    try:
        with filesystem.open_input_stream(path, compression=None) as stream:
            return bytes(stream.read())
    except (FileNotFoundError, PermissionError):
        return None


def _read_at(file: Any, members: list[Member]) -> Iterator[bytes]:
    for member in members:
        file.seek(member.offset)
        yield bytes(file.read(member.size))


def _kind(uri: str) -> Kind:
    filesystem, path = open_uri(uri)
    there = filesystem.get_file_info(path).type
    if there == fs.FileType.Directory:
        return "folder"
    if there == fs.FileType.NotFound:
        raise none_there(uri)
    kind = next((k for ending, k in _ENDINGS.items() if path.lower().endswith(ending)), None)
    if kind is None:
        raise RequestError(
            f"a folder, or an archive that ends with {', '.join(_ENDINGS)}, as source.path",
            found=uri,
            mend="give the folder or the archive that holds the images; unpack one of another kind",
        )
    return kind


def _refuse_other_kind(uri: str, kind: Kind) -> None:
    """Refuses a file that begins as no archive of its ending does."""
    filesystem, path = open_uri(uri)
    with filesystem.open_input_stream(path, compression=None) as stream:
        head = bytes(stream.read(512))
    found = next((k for begin, k in _BEGINNINGS.items() if head.startswith(begin)), None)
    if found == kind or (found is None and kind == "tar" and _may_be_tar(head)):
        return
    shown = f"a file that begins {head[:16]!r}" if head else "an empty file"
    raise RequestError(
        f"a {kind} archive at {uri}",
        found=f"one of the kind {found}" if found else shown,
        mend="give it the ending of its kind" if found else "make or download the archive again",
    )


def _may_be_tar(head: bytes) -> bool:
    """Whether these are the first bytes of a tar archive; an old one has zeros in place of the mark."""
    return head[MARK] == b"ustar" or (len(head) == 512 and not head[MARK].strip(b"\0"))
