"""Reads the size that an image file declares from its first bytes, without a decoder.

Decoders take memory by the declared size, some of them as soon as a file is opened (WebP), and
Pillow does not tell a size of zero from any other damage.
"""

import re
import struct
from collections.abc import Callable
from typing import NamedTuple

BMP_HEADER_BYTES = (40, 52, 56, 64, 108, 124)  # of the versions that have 32-bit sizes


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def declared_size(data: bytes, kind: str) -> Size | None:
    """The size in the header of an image file of the format `kind`; None where it is not found."""
    try:
        return _SIZES[kind](data)
    except (struct.error, OverflowError):  # the header is cut short, or points nowhere
        return None


def _png(data: bytes) -> Size | None:
    return Size(*struct.unpack_from(">II", data, 16)) if data[12:16] == b"IHDR" else None


def _gif(data: bytes) -> Size:
    return Size(*struct.unpack_from("<HH", data, 6))


def _bmp(data: bytes) -> Size | None:
    (header_bytes,) = struct.unpack_from("<I", data, 14)
    if header_bytes == 12:  # OS/2
        return Size(*struct.unpack_from("<HH", data, 18))
    if header_bytes not in BMP_HEADER_BYTES:
        return None
    width, height = struct.unpack_from("<ii", data, 18)
    return Size(abs(width), abs(height))  # a negative height: rows from the top


def _webp(data: bytes) -> Size | None:
    """The WebP container's three kinds (RFC 9649)."""
    if data[12:16] == b"VP8X":
        canvas = data[24:30].ljust(6, b"\0")
        width, height = (int.from_bytes(canvas[i : i + 3], "little") + 1 for i in (0, 3))
        return Size(width, height)
    if data[12:16] == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return Size((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if data[12:16] == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return Size(width & 0x3FFF, height & 0x3FFF)
    return None


def _jpeg(data: bytes) -> Size | None:
    """The frame header: the first marker SOF0 .. SOF15 that is none of DHT, JPG and DAC."""
    at = 2
    while (at := data.find(b"\xff", at)) >= 0:
        marker, length = struct.unpack_from(">BH", data, at + 1)
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack_from(">HH", data, at + 5)
            return Size(width, height)
        standalone = marker in (0x00, 0x01, 0xFF) or 0xD0 <= marker <= 0xD8
        at += 1 if standalone else 2 + length
    return None


def _pnm(data: bytes) -> Size | None:
    """Two numbers after the mark, each after white space and comments."""
    found = re.match(rb"P[1-6](?:\s|#[^\n]*\n)+(\d{1,18})(?:\s|#[^\n]*\n)+(\d{1,18})[\s#]", data)
    return Size(*map(int, found.groups())) if found else None


def _tiff(data: bytes) -> Size | None:
    """Of the first page (TIFF 6.0, section 2), or of its tiles where these are larger.

    Decoders hold a whole tile, whatever the size of the page is.
    """
    order, big = "<" if data.startswith(b"II") else ">", b"+" in data[2:4]
    (start,) = struct.unpack_from(order + ("Q" if big else "I"), data, 8 if big else 4)
    (count,) = struct.unpack_from(order + ("Q" if big else "H"), data, start)
    first, entry, value = (start + 8, 20, 12) if big else (start + 2, 12, 8)
    tags: dict[int, int] = {}
    for at in range(first, min(first + count * entry, len(data)), entry):
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in _TIFF_TAGS and kind in _TIFF_TYPES:
            (tags[tag],) = struct.unpack_from(order + _TIFF_TYPES[kind], data, at + value)
    page, tile = (Size(tags.get(w, 0), tags.get(h, 0)) for w, h in ((256, 257), (322, 323)))
    if not {256, 257} <= tags.keys():
        return None
    return max(page, tile, key=_area) if _area(page) else page


_TIFF_TAGS = (256, 257, 322, 323)  # width and height of a page, and of its tiles
_TIFF_TYPES = {1: "B", 3: "H", 4: "I", 16: "Q"}


def _heif(data: bytes) -> Size | None:
    """The largest of the sizes in the `meta` box of a HEIF or AVIF file (ISO/IEC 23008-12)."""
    at = 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size == 1:
            (size,) = struct.unpack_from(">Q", data, at + 8)
        end = at + size if size else len(data)  # 0: up to the end of the file
        if kind == b"meta":
            found = [m.end() + 4 for m in re.finditer(b"ispe", data[:end]) if m.start() > at]
            sizes = [Size(*struct.unpack_from(">II", data, place)) for place in found]
            return max(sizes, key=_area, default=None)
        at = max(end, at + 8)
    return None


def _area(size: Size) -> int:
    return size.width * size.height


_SIZES: dict[str, Callable[[bytes], Size | None]] = {
    "BMP": _bmp,
    "GIF": _gif,
    "JPEG": _jpeg,
    "PNG": _png,
    "PPM": _pnm,
    "TIFF": _tiff,
    "WEBP": _webp,
    "AVIF": _heif,
    "HEIF": _heif,
}
