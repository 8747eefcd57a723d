"""Finds which columns of a CSV of pixels hold the label and the pixels, by its first line."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import shown
from sparkgen.ingest.files.compressed import opened
from sparkgen.ingest.files.path_list import NAMES
from sparkgen.ingest.looking.shape_guess import square_shape

DELIMITERS = b",;\t|"
LABELS = (*NAMES["label"], "emotion", "digit", "letter", "character", "y")
"""What the column of labels is called, the likeliest name first."""
READ_BYTES = 1 << 16
MOST_LINE_BYTES = 1 << 26
LOOKED = 8  # lines by which a file is recognised

_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NUMBERED = re.compile(r".*\d")


class Form(NamedTuple):
    """The form of one file: its columns, and whether its first line has their names.

    `label` is a column by number, from 0; None: there is none. `pixels` are columns too.
    """

    delimiter: bytes
    header: bool
    columns: int
    label: int | None
    pixels: tuple[int, ...]
    left_out: tuple[str, ...] = ()

    def __str__(self) -> str:
        label = "no labels" if self.label is None else f"labels in column {self.label}"
        names = "names" if self.header else "no names"
        others = f"; not used: {shown(self.left_out)}" if self.left_out else ""
        pixels = f"{len(self.pixels)} pixels from column {self.pixels[0]}"
        return f"{names} in the first line, {label}, {pixels}{others}"


def first_line(uri: str) -> bytes:
    """The first line of a file that is not empty, without its end.

    Raises:
        IngestError: the file cannot be read.
    """
    text = b""
    with opened(uri) as stream:
        while len(text) < MOST_LINE_BYTES and (data := bytes(stream.read(READ_BYTES))):
            text = (text + data).removeprefix(b"\xef\xbb\xbf").lstrip(b"\r\n")
            if b"\n" in text:
                break
    return text.partition(b"\n")[0].rstrip(b"\r")


def guess_size(head: bytes) -> int | None:
    """How many pixels the lines of a file have that begins so; None: it is no CSV of pixels."""
    lines = [line for line in head.removeprefix(b"\xef\xbb\xbf").split(b"\n")[:-1] if line.strip()]
    if len(lines) < 2:
        return None
    delimiter, names = _fields(lines[0])
    header = _is_header(names)
    rows = [_fields(line) for line in lines[header : LOOKED + header]]
    columns = {len(fields) for _, fields in rows}
    if {len(names)} != columns or delimiter not in lines[-1]:
        return None
    lower = [name.lower() for name in names]
    label = next((lower.index(name) for name in LABELS if name in lower), None) if header else None
    numbers = [n for n in range(len(names)) if all(_NUMBER.fullmatch(row[n]) for _, row in rows)]
    pixels = [n for n in numbers if n != label and (not header or _NUMBERED.fullmatch(names[n]))]
    if label is not None or header:
        return len(pixels) or None
    without_label = len(names) - 1  # the first column of a file without names is that of the labels
    return without_label if square_shape(without_label) else len(pixels)


def _fields(line: bytes) -> tuple[bytes, list[str]]:
    """The delimiter of a line, and its fields without quotes."""
    delimiter = max((bytes([d]) for d in DELIMITERS), key=line.count)
    text = line.decode("utf-8", "replace").split(delimiter.decode())
    return delimiter, [field.strip().strip('"').strip() for field in text]


def find_form(uri: str, line: bytes, *, shape: Sequence[int], label: str | int | None) -> Form:
    """The form of a file.

    Args:
        uri: of the file, for messages.
        line: its first one.
        shape: of a picture.
        label: the stated column of the labels, by name or number; None: found by name, or the first
            one of a file without names that has one column more than there are pixels.

    Raises:
        RequestError: not as many columns of pixels as the shape has; no such column of labels.
    """
    delimiter, fields = _fields(line)
    size = math.prod(shape)
    header = _is_header(fields)
    at = _label_column(uri, fields, header, size, label)
    others = [n for n in range(len(fields)) if n != at]
    pixels = others
    if header and len(others) > size:
        pixels = [n for n in others if _NUMBERED.fullmatch(fields[n])]
    if len(pixels) != size:
        raise RequestError(
            f"{size} columns of pixels in {uri}, for the shape {list(shape)}"
            + ("" if label is not None else ", and one of labels"),
            found=f"{len(fields)} columns, {shown([f[:20] for f in fields])}",
            mend="set the dataset's shape to that of the pictures"
            + (", or name the column of labels as source.label" if at is None else ""),
        )
    left_out = tuple(fields[n] for n in sorted({*others} - {*pixels}))
    return Form(delimiter, header, len(fields), at, tuple(pixels), left_out)


def _is_header(fields: Sequence[str]) -> bool:
    """Whether fields are names: most are no numbers, or the numbers among them only count the columns.

    A label may be a word in every line, and so may a pixel by an error; that is no line of names. Numbers
    that count to 255 or less may be pixels, unless a word stands beside them.
    """
    numbers = [field for field in fields if _NUMBER.fullmatch(field)]
    words = len(fields) - len(numbers)
    counted = any(
        numbers == [str(n) for n in range(first, first + len(numbers))] for first in (0, 1)
    )
    return 2 * words > len(fields) or (counted and (words > 0 or len(fields) > 256))


def _label_column(
    uri: str, fields: Sequence[str], header: bool, size: int, label: str | int | None
) -> int | None:
    if label is None:
        lower = [field.lower() for field in fields]
        named = next((lower.index(name) for name in LABELS if name in lower), None)
        return named if header else 0 if len(fields) == size + 1 else None
    if isinstance(label, str) and header and label in fields:
        return fields.index(label)
    if isinstance(label, int) and 0 <= label < len(fields):
        return label
    there = shown([f[:20] for f in fields]) if header else f"{len(fields)} columns without names"
    raise RequestError(
        f"source.label, a column of {uri} by name or by number from 0",
        found=f"{label}, where there are {there}",
        mend="correct it",
    )
