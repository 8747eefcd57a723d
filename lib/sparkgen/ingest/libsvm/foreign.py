"""Refuses files that are no libsvm text by how they begin, before any work is done."""

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from sparkgen.errors import RequestError
from sparkgen.ingest.files.compressed import (
    BEGINNINGS,
    ENDINGS,
    compression,
    opened,
    plain,
    readable,
)
from sparkgen.ingest.files.tar import MARK

HEAD_BYTES = 4096
THREADS = 32  # that wait for storage

_BEGINNINGS = {
    **{
        BEGINNINGS[how]: f"{how} data without {end} at the end of its name"
        for end, how in ENDINGS.items()
    },
    b"PK\x03\x04": "a zip archive",
    b"PAR1": "a Parquet file",
    b"ARROW1": "an Arrow file",
    b"\x89PNG": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF8": "a GIF image",
    b"\x00\x00\x08": "an idx file",
    b"\x93NUMPY": "a NumPy file",
    b"\x89HDF": "an HDF5 file",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}
_MENDS = {
    "image": "set source.format to images",
    "idx": "set source.format to idx",
    "NumPy": "set source.format to numpy",
    "comma-separated": "set source.format to csv",
    "UTF-16": "convert it: iconv -f UTF-16 -t UTF-8",
}
_LIBSVM = re.compile(rb"^\s*[^\s:,]+\s+(qid:)?\d+:", re.MULTILINE)


def refuse_foreign(uris: Sequence[str]) -> None:
    """Refuses a file whose first bytes show that it is no libsvm text.

    Raises:
        RequestError: the first that begins as no libsvm text does, or not as its name says.
        IngestError: the first that cannot be read.
    """
    with ThreadPoolExecutor(THREADS) as readers:
        for _ in readers.map(_refuse_foreign, uris):
            pass


def _refuse_foreign(uri: str) -> None:
    how, kind = compression(uri), None
    if how:
        with readable(uri), plain(uri) as stream:
            raw = bytes(stream.read(HEAD_BYTES))
        if raw and not raw.startswith(BEGINNINGS[how]):
            kind = looks_like(raw) or "text that is not compressed"
    if kind is None:
        with opened(uri) as stream:
            kind = looks_like(bytes(stream.read(HEAD_BYTES)))
    if kind is not None:
        mends = (mend for word, mend in _MENDS.items() if word in kind)
        raise RequestError(
            f"libsvm text{f' in {how} form' if how else ''} in {uri}",
            found=f"what looks like {kind}",
            mend=next(mends, "correct the file's name or the dataset's source"),
        )


def looks_like(head: bytes) -> str | None:
    """The kind of a file by its first bytes, if it is clearly no libsvm text; else None."""
    for beginning, kind in _BEGINNINGS.items():
        if head.startswith(beginning):
            return kind
    if head[MARK] == b"ustar":
        return "a tar archive"
    if _is_wide(head):
        return "UTF-16 text"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if _LIBSVM.search(text):
        return None
    first = text.partition(b"\n")[0].partition(b"#")[0]
    if first.startswith((b"{", b"[")):
        return "JSON"
    if first.startswith(b"<"):
        return "HTML or XML"
    return "comma-separated text" if b"," in first and b":" not in first else None


def _is_wide(head: bytes) -> bool:
    """Whether every second byte of the beginning is zero, as in English text of 16 bits."""
    halves = head[:64:2], head[1:64:2]
    return len(head) > 3 and any(not any(a) and all(b) for a, b in (halves, halves[::-1]))
