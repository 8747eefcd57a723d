"""Parses libsvm text, `label index:value index:value ...` per line, to pixels, one block at a time.

Lines whose separators alternate as they should are read together, in a few NumPy passes over the
whole chunk: whole numbers digit by digit, other numbers by Arrow's parser. A line that does not
fit is suspect: it alone goes through `line.py`, the grammar in plain Python, which reads it after
all or names what is wrong with it.
"""

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkgen.ingest.block import Bad, Records, block_rows
from sparkgen.ingest.libsvm.line import BadLine, LineRule, parse_line
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.reach import Reach

Array = npt.NDArray[Any]

CHUNK_BYTES = 1 << 18  # all passes over a chunk then stay in the processor's own cache
MAX_DIGITS = 4  # of a whole number on the fast path; longer ones go the way of decimal fractions
LABEL_BYTES = 64  # of a line, among which its label is looked for
SPACE, NEWLINE, COLON, ZERO = b" \n:0"

_WHITE = bytes.maketrans(b"\t\r\v\f", b"    ")
_COMMENT = re.compile(rb"#[^\n]*")
_QID = re.compile(rb"(?m)^( *[^ :\n]+) +qid:\d+(?= |$)")
_SPACES = re.compile(rb" {2,}")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE = re.compile(_NUMBER.encode())


class _Tokens(NamedTuple):
    """The tokens of a chunk: each one's number, the byte that ends it, whether it fits there."""

    numbers: Array
    marks: Array
    fits: Array

    def only(self, keep: Array) -> "_Tokens":
        return _Tokens(self.numbers[keep], self.marks[keep], self.fits[keep])


def parse_block(text: bytes, rule: LineRule) -> Iterator[Records]:
    """The records of a text of whole lines, in pieces of about `RECORD_BYTES`.

    Lines may be short and pictures large. Blank lines and comments are no records.

    Args:
        text: lines, the last one with or without its newline.
        rule: width, labels and values.
    """
    most = block_rows(len(text), rule.width)
    parts: list[Records] = []
    for chunk in _chunks(text, most):
        parts.append(_parse_chunk(chunk, rule))
        if sum(part.length for part in parts) >= most:
            yield joined(parts, rule)
            parts = []
    if parts:
        yield joined(parts, rule)


def label_values(text: bytes) -> Counter[str]:
    """How many lines of a text begin with each whole number, as the text of the number."""
    heads = (line[:LABEL_BYTES].partition(b"#")[0].split(None, 1) for line in text.split(b"\n"))
    counts = Counter(head[0] for head in heads if head)
    values: Counter[str] = Counter()
    for token, count in counts.items():
        if (
            _WHOLE.fullmatch(token)
            and math.isfinite(number := float(token))
            and number.is_integer()
        ):
            values[str(int(number))] += count
    return values


def joined(parts: Iterable[Records], rule: LineRule) -> Records:
    """Several `Records` joined to one, with positions counted from the first."""
    labels, pixels = [np.zeros(0, np.int32)], [np.zeros((0, rule.width), np.uint8)]
    bad: list[Bad] = []
    length, seen = 0, Seen()
    for part in parts:
        labels.append(part.labels)
        pixels.append(part.data)
        bad += [b._replace(position=int(b.position) + length) for b in part.bad]
        length += part.length
        seen = seen.joined(part.seen or Seen())
    return Records(np.concatenate(labels), np.concatenate(pixels), bad, length, seen)


def _chunks(text: bytes, most_lines: int) -> Iterator[bytes]:
    """Whole lines of about `CHUNK_BYTES`, no more than `most_lines`."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + CHUNK_BYTES) + 1 or len(text)
        is_end = np.frombuffer(text, np.uint8, end - start, start) == NEWLINE
        if np.count_nonzero(is_end) > most_lines:
            end = start + int(np.flatnonzero(is_end)[most_lines - 1]) + 1
        yield text[start:end]
        start = end


def _parse_chunk(raw: bytes, rule: LineRule) -> Records:
    is_end = np.frombuffer(raw, np.uint8) == NEWLINE
    length = int(np.count_nonzero(is_end)) + (not is_end[-1])
    suspect = np.zeros(length, np.bool_)
    if len(raw) > CHUNK_BYTES + rule.longest:  # with a line that would take 20 times its memory
        suspect[:] = True
        tokens = _tokens(b"")
    else:
        tokens = _fitting(raw, suspect)
    labels = np.zeros(length, np.int32)
    pixels = np.full((length, rule.width), rule.pixels(0.0), np.uint8)
    seen = _fill(labels, pixels, suspect, tokens, rule)
    if not suspect.any():
        return Records(labels, pixels, [], length, seen)
    slow = _read_slowly(labels, pixels, suspect, raw.split(b"\n"), rule)
    return Records(labels[~suspect], pixels[~suspect], slow.bad, length, seen.joined(slow.seen))


def _fitting(raw: bytes, suspect: Array) -> _Tokens:
    """The tokens of the lines in which every one fits; the other lines become suspects."""
    tokens = _tokens(raw if raw.endswith(b"\n") else raw + b"\n")
    if not tokens.fits.all():
        tokens = _tokens(_normalised(raw))
    if not tokens.fits.all():
        is_end = tokens.marks == NEWLINE
        line_of = np.cumsum(is_end) - is_end
        suspect[line_of[~tokens.fits]] = True
        tokens = tokens.only(~suspect[line_of])
    return tokens


def _normalised(raw: bytes) -> bytes:
    """The same lines with one space between tokens, none at the margins, no comment and no qid."""
    text = raw if raw.endswith(b"\n") else raw + b"\n"
    text = _COMMENT.sub(b"", text).translate(_WHITE)
    if b"qid:" in text:
        text = _QID.sub(rb"\1", text)
    if b"  " in text:
        text = _SPACES.sub(b" ", text)
    return text.replace(b" \n", b"\n").replace(b"\n ", b"\n").removeprefix(b" ")


def _tokens(text: bytes) -> _Tokens:
    """A token is what lies between two of space, colon and newline; it may be empty."""
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((data - ZERO) > 9)
    marks = data[ends]
    is_colon, is_space = marks == COLON, marks == SPACE
    plain = bool((is_colon | is_space | (marks == NEWLINE)).all())
    if not plain:
        ends = np.flatnonzero((data == COLON) | (data == SPACE) | (data == NEWLINE))
        marks = data[ends]
        is_colon, is_space = marks == COLON, marks == SPACE
    lengths = np.diff(ends, prepend=-1) - 1
    # `label index:value index:value\n`: a colon ends exactly those tokens that a space begins.
    fits = (lengths > 0) & (is_colon == np.concatenate([[False], is_space[:-1]]))
    if plain and lengths.max(initial=0) <= MAX_DIGITS:
        return _Tokens(_whole_numbers(data, ends, lengths), marks, fits)
    numbers = _decimal_numbers(text, ends)
    return _Tokens(numbers, marks, fits & np.isfinite(numbers))


def _whole_numbers(data: Array, ends: Array, lengths: Array) -> Array:
    digits = data - ZERO
    numbers = digits[ends - 1].astype(np.int32)
    for place in range(1, int(lengths.max(initial=0))):
        digit = digits[ends - (1 + place)].astype(np.int32)
        numbers += digit * (lengths > place) * 10**place
    return numbers


def _decimal_numbers(text: bytes, ends: Array) -> Array:
    """float64, NaN where a token is no number."""
    offsets = np.concatenate([[0], ends + 1]).astype(np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(text)]
    tokens = pc.binary_slice(pa.BinaryArray.from_buffers(pa.binary(), len(ends), buffers), 0, -1)
    if b"+" in text:
        tokens = pc.replace_substring_regex(tokens, pattern=r"^\+([0-9.])", replacement=r"\1")
    try:
        return pc.cast(pc.cast(tokens, pa.string()), pa.float64()).to_numpy()
    except pa.ArrowInvalid:
        good = pc.match_substring_regex(tokens, pattern=_NUMBER)
        tokens = pc.if_else(good, tokens, pa.scalar(b"nan", pa.binary()))
        return pc.cast(pc.cast(tokens, pa.string()), pa.float64()).to_numpy()


def _fill(labels: Array, pixels: Array, suspect: Array, tokens: _Tokens, rule: LineRule) -> Seen:
    """Fills in the lines that are not suspect, and adds to the suspects those out of bounds."""
    lasts = np.flatnonzero(tokens.marks == NEWLINE)
    firsts = np.concatenate([[0], lasts[:-1] + 1]) if len(lasts) else lasts
    lines = np.flatnonzero(~suspect)
    label = rule.labels(tokens.numbers[firsts])
    suspect[lines[(label < 0) | (label >= rule.classes) | (label != np.trunc(label))]] = True
    labels[lines] = label

    colons = np.flatnonzero(tokens.marks == COLON)
    index, values = tokens.numbers[colons], tokens.numbers[colons + 1]
    line_of = np.repeat(lines, (lasts - firsts) // 2)
    columns = index.astype(np.int64) - rule.first_index
    places = line_of * rule.width + columns
    seen = Seen.of(label, index, values, rule)
    outside = np.zeros(len(places), np.bool_)
    if not _within(seen.indices, rule.first_index, rule.first_index + rule.width - 1):
        outside |= (columns < 0) | (columns >= rule.width)
    if not _within(seen.values, *rule.bounds):
        outside |= (values < rule.bounds[0]) | (values > rule.bounds[1])
    if index.dtype.kind == "f":
        outside |= index != columns + rule.first_index
    # With every column inside, places rise from line to line; within a line they rise or it is bad.
    outside[1:] |= places[1:] <= places[:-1]
    if outside.any():
        suspect[line_of[outside]] = True
    if suspect.any():
        good = ~suspect[line_of]
        places, index, values = places[good], index[good], values[good]
        seen = Seen.of(labels[~suspect], index, values, rule)
    pixels.reshape(-1)[places] = rule.pixels(values)
    return seen


def _within(numbers: Reach | None, low: float, high: float) -> bool:
    return numbers is None or low <= numbers.low <= numbers.high <= high


class _Slow(NamedTuple):
    bad: list[Bad]
    seen: Seen


def _read_slowly(
    labels: Array, pixels: Array, suspect: Array, lines: list[bytes], rule: LineRule
) -> _Slow:
    """Reads the suspects line by line; those that turn out good are filled in and cleared."""
    bad, seen = [], Seen()
    for number in np.flatnonzero(suspect).tolist():
        try:
            line = parse_line(lines[number], rule)
        except BadLine as error:
            bad.append(Bad(number, error.reason, lines[number], error.found))
            continue
        if line is not None:
            labels[number] = line.label
            pixels[number, line.columns] = rule.pixels(line.values)
            suspect[number] = False
            indices = [column + rule.first_index for column in line.columns]
            seen = seen.joined(Seen.of([line.label], indices, line.values, rule))
    return _Slow(bad, seen)
