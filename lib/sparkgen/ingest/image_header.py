"""Reads the size that an image file declares from its first bytes, without a decoder.

Decoders take memory by the declared size, some of them as soon as a file is opened (WebP), and
Pillow does not tell a size of zero from any other damage.
"""

import struct
from typing import NamedTuple

BMP_HEADER_BYTES = (40, 52, 56, 64, 108, 124)  # of the versions that have 32-bit sizes


class Size(NamedTuple):
    """Width and height in pixels."""

    width: int
    height: int


def declared_size(data: bytes) -> Size | None:
    """The size in the header of a PNG, GIF, BMP, WebP or JPEG file; None where it is not found."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n") and data[12:16] == b"IHDR":
            return Size(*struct.unpack_from(">II", data, 16))
        if data.startswith((b"GIF87a", b"GIF89a")):
            return Size(*struct.unpack_from("<HH", data, 6))
        if data.startswith(b"BM"):
            return _bmp(data)
        if data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
        if data.startswith(b"\xff\xd8"):
            return _jpeg(data)
    except struct.error:  # the header is cut short
        pass
    return None


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
