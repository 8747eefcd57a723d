"""Lists and reads the members of tar archives.

`tarfile` stops without an error at the first block that is no header, whether that is the end of the
archive, a damaged header, or the start of another archive. So the rest of the file is read as well:
it must begin with the mark of the end, and all of it must be zeros.
"""

import tarfile
from collections.abc import Iterator
from typing import Any

from sparkgen.ingest.files.member import DAMAGE, Member, damaged

READ_BYTES = 1 << 20
MARK = slice(257, 262)  # of a header's bytes: `ustar`, but for the oldest tars
MOST_HEADER_BYTES = 1 << 20  # of a long name or a pax header; tarfile would take any size declared


class _Tape:
    """A stream as tarfile reads it: forward only. `last` is what tarfile read last."""

    def __init__(self, stream: Any, *, seeks: bool) -> None:
        self._stream, self._seeks, self._at = stream, seeks, 0
        self.last = b""

    def tell(self) -> int:
        return self._at

    def read(self, size: int) -> bytes:
        if size > MOST_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {size} bytes")
        self.last = self.content(size)
        return self.last

    def content(self, size: int) -> bytes:
        """The next bytes, as many as there are up to `size`."""
        data = bytes(self._stream.read(size))
        self._at += len(data)
        return data

    def seek(self, offset: int) -> None:
        if offset < self._at:
            raise tarfile.ReadError("a member of negative size")
        if self._seeks:
            self._stream.seek(offset)
            self._at = offset
        while self._at < offset:
            if not self.content(min(READ_BYTES, offset - self._at)):
                raise tarfile.ReadError("unexpected end of data")


def list_tar(uri: str, stream: Any, *, seeks: bool) -> list[Member]:
    """The files and links of a tar archive, in order.

    Args:
        uri: of the archive, for messages.
        stream: what it holds, not compressed.
        seeks: whether the stream can go to any place; else what is not wanted is read as well.

    Raises:
        RequestError: the archive is damaged, cut short, or followed by something else.
    """
    tape = _Tape(stream, seeks=seeks)
    try:
        with tarfile.open(fileobj=tape, mode="r:") as archive:  # type: ignore[call-overload]
            members = [_member(n, info) for n, info in enumerate(archive) if not info.isdir()]
        _refuse_rest(uri, tape)
    except DAMAGE as error:
        raise damaged(uri, f"{error or type(error).__name__} at byte {tape.tell()}") from None
    return members


def read_streamed(stream: Any, members: list[Member]) -> Iterator[bytes]:
    """The bytes of some members of a tar that can only be read from its start."""
    wanted = {member.number for member in members}
    tape = _Tape(stream, seeks=False)
    with tarfile.open(fileobj=tape, mode="r:") as archive:  # type: ignore[call-overload]
        for number, info in enumerate(archive):
            if number in wanted:
                tape.seek(info.offset_data)
                yield tape.content(info.size)
            if number == members[-1].number:
                return


def _member(number: int, info: tarfile.TarInfo) -> Member:
    fault = None if info.isreg() else "link-member"
    if info.issparse():  # its bytes in the archive are not those of the file
        fault = "sparse-member"
    return Member(number, info.name, info.offset_data, info.size, fault)


def _refuse_rest(uri: str, tape: _Tape) -> None:
    """Refuses an archive that tarfile did not read to its end."""
    start = tape.tell() - len(tape.last)
    if len(tape.last) < tarfile.BLOCKSIZE:
        raise damaged(uri, f"no mark of its end at byte {start}, so it may be cut short")
    if tape.last.strip(b"\0"):
        raise damaged(uri, f"no header of a member at byte {start}")
    while data := tape.content(READ_BYTES):
        zeros = len(data) - len(data.lstrip(b"\0"))
        if zeros < len(data):
            at = tape.tell() - len(data) + zeros
            raise damaged(uri, f"more data after its end, at byte {at}, such as another archive")
