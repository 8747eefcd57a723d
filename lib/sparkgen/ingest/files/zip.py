"""Lists and reads the members of zip archives.

`zipfile` finds the directory from the end of the file and passes over all that it does not name. So
the directory must begin with the first byte of the file, end with the last, and be complete.
"""

import struct
import zipfile
from collections.abc import Iterator
from stat import S_ISLNK
from typing import Any

from sparkgen.ingest.files.member import DAMAGE, Member, damaged

_END, _END_64 = b"PK\x05\x06", b"PK\x06\x06"
_END_BYTES, _END_64_BYTES = 22, 76  # of the record at the end, and of the two of zip64 before it
_ENCRYPTED = 1  # the bit among the flags of a member


def list_zip(uri: str, file: Any) -> list[Member]:
    """The files and links of a zip archive, in the order of its directory.

    Raises:
        RequestError: the directory is not complete, or something stands before or after the archive.
        DAMAGE: it is damaged in another way.
    """
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        _refuse_rest(uri, file, archive)
    return [
        Member(n, info.filename, 0, info.file_size, _fault(info))
        for n, info in enumerate(infos)
        if not info.is_dir()
    ]


def read_zip(file: Any, members: list[Member]) -> Iterator[bytes | None]:
    """The bytes of some members; None for one that the archive cannot give."""
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        for member in members:
            yield _unzipped(archive, infos[member.number])


def _unzipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes | None:
    """None: a wrong checksum, damaged data, an unknown compression."""
    try:
        return archive.read(info)
    except DAMAGE as error:
        # bzip2 has no other word for damage; else it is the storage that failed, not the member.
        if isinstance(error, OSError) and info.compress_type != zipfile.ZIP_BZIP2:
            raise
        return None


def _fault(info: zipfile.ZipInfo) -> str | None:
    if S_ISLNK(info.external_attr >> 16):
        return "link-member"
    return "encrypted-member" if info.flag_bits & _ENCRYPTED else None


def _refuse_rest(uri: str, file: Any, archive: zipfile.ZipFile) -> None:
    """Refuses an archive whose directory does not stand for the whole file."""
    size = file.seek(0, 2)
    start = max(0, size - (1 << 16) - _END_BYTES - _END_64_BYTES)
    file.seek(start)
    tail = bytes(file.read(size - start))
    end = tail.rfind(_END)
    (entries,) = struct.unpack_from("<H", tail, end + 10)
    if end >= _END_64_BYTES and tail[end - _END_64_BYTES :].startswith(_END_64):
        (entries,) = struct.unpack_from("<Q", tail, end - _END_64_BYTES + 32)
    infos = archive.infolist()
    if len(infos) != entries:
        raise damaged(uri, f"{len(infos)} members in a directory that declares {entries}")
    first = min((info.header_offset for info in infos), default=archive.start_dir)
    if first:
        raise damaged(uri, f"{first} bytes before its first member, such as another archive")
    rest = tail[end + _END_BYTES + len(archive.comment) :]
    if rest.strip(b"\0"):
        at = size - len(rest.lstrip(b"\0"))
        raise damaged(uri, f"more data after its end, at byte {at}")
