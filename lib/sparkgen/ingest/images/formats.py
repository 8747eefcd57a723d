"""Lists the image formats that are read: how their files end, how they begin, and what decodes them."""

import re
from typing import NamedTuple


class ImageFormat(NamedTuple):
    """A format by the name that Pillow has for it, the endings of its files, and their first bytes."""

    name: str
    endings: tuple[str, ...]
    beginning: re.Pattern[bytes]


def _format(name: str, endings: str, beginning: bytes) -> ImageFormat:
    dotted = tuple(f".{ending}" for ending in endings.split())
    return ImageFormat(name, dotted, re.compile(beginning, re.DOTALL))


FORMATS = (
    _format("JPEG", "jpg jpeg jpe jfif", rb"\xff\xd8"),
    _format("PNG", "png", rb"\x89PNG\r\n\x1a\n"),
    _format("GIF", "gif", rb"GIF8[79]a"),
    _format("BMP", "bmp", rb"BM"),
    _format("WEBP", "webp", rb"RIFF....WEBP"),
    _format("TIFF", "tif tiff", rb"II[*+]\0|MM\0[*+]"),
    _format("PPM", "ppm pgm pbm pnm", rb"P[1-6][\s#]"),
    # Both are HEIF containers. The brands `mif1` and `msf1` say no more; of AVIF another one follows.
    _format("AVIF", "avif", rb"....ftyp(?:avi[fs]|m[is]f1.{4}(?:.{4}){0,9}?avi[fs])"),
    _format("HEIF", "heic heif hif", rb"....ftyp(?:he[iv][cmsx]|m[is]f1)"),
)
ENDINGS = frozenset(ending for found in FORMATS for ending in found.endings)
DECODERS = {
    "avif-needs-pillow-11.3": "pillow>=11.3",
    "heif-needs-pillow-heif": "pillow-heif",
}
"""Why an image cannot be decoded here, as the quarantine has it, with the package that decodes it."""


def format_of(data: bytes) -> str | None:
    """The name of the format that a file has by its first bytes; None: it is no image."""
    for found in FORMATS:
        if found.beginning.match(data):
            return found.name
    return None


def ending(name: str) -> str:
    """The ending of a file's name in lower case, with its dot; empty: it has none."""
    stem, dot, last = name.replace("\\", "/").rpartition("/")[2].rpartition(".")
    return dot + last.lower() if stem else ""
