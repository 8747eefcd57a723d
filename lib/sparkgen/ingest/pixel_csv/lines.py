"""Parses lines of pixels, `label,value,value,...`, to records, one block of a CSV at a time.

Whole numbers of at most three digits are read digit by digit in a few NumPy passes over a block; lines
with other numbers by Arrow's parser, and what that does not take is bad.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkgen.ingest.block import Bad, Block, Records
from sparkgen.ingest.class_values import UNKNOWN, as_value
from sparkgen.ingest.files.compressed import Turns, blocks_in_turn, opened, turns
from sparkgen.ingest.libsvm.lines import BLOCK_BYTES, BYTE_ORDER_MARK, line_blocks, read_block
from sparkgen.ingest.pixel_csv.columns import Form
from sparkgen.ingest.pixel_scale import FRACTION, OUTSIDE, Scale

Array = npt.NDArray[Any]

NEWLINE, ZERO = b"\n0"
LEFT_OUT_BYTES = 1 << 20  # of a file, that are looked at for columns that are not used
DIGITS = 3  # of a whole number on the fast path
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


class PixelRule(NamedTuple):
    """How the lines of a file are read: its columns, the scale, and the label of each value.

    Without a column of labels every label is 0.
    """

    form: Form
    scale: Scale
    labels: Mapping[str, int] = {}


class PixelShare(NamedTuple):
    """Some blocks of one file."""

    split: str
    file: int
    uri: str
    rule: PixelRule
    turns: Turns

    def blocks(self) -> Iterator[Block]:
        for number, text in self._texts():
            records = parse_lines(text, self.rule, first=number == 0)
            yield Block(self.split, self.file, number, records)

    def numbers(self) -> Iterator[Array]:
        """The values of the pixels of each block, as they are written: NaN where one is no number."""
        for number, text in self._texts():
            lines = _lines(text, self.rule.form, first=number == 0)
            yield _numbers(lines, self.rule.form)[0]

    def values(self) -> Iterator[Counter[str]]:
        """The values in the column of labels of each block."""
        for number, text in self._texts():
            yield _values(text, self.rule.form, first=number == 0)

    def _texts(self) -> Iterator[tuple[int, bytes]]:
        return blocks_in_turn(self.uri, self.turns, of_stream=line_blocks, at=read_block)


def pixel_shares(
    split: str, file: int, uri: str, *, size: int, rule: PixelRule, tasks: int
) -> list[PixelShare]:
    """The shares of one file, for about as many tasks as there are cores."""
    blocks = -(-size // BLOCK_BYTES)
    return [PixelShare(split, file, uri, rule, some) for some in turns(uri, blocks, tasks=tasks)]


def left_out_values(uri: str, form: Form) -> dict[str, list[str]]:
    """The values of the columns that are not used in the first lines of a file, by the columns' names."""
    if not form.left_out:
        return {}
    with opened(uri) as stream:
        text = bytes(stream.read(LEFT_OUT_BYTES)).decode("utf-8-sig", "replace")
    lines = (line.split(form.delimiter.decode()) for line in text.split("\n")[:-1] if line.strip())
    rows = [[field.strip().strip('"').strip() for field in line] for line in lines]
    names, whole = rows[0], [row for row in rows[1:] if len(row) == form.columns]
    return {name: [row[names.index(name)] for row in whole] for name in form.left_out}


class _Lines(NamedTuple):
    """The lines of a block as tokens: where those of the lines of right width begin and end.

    `good` are numbers of lines, `starts` and `ends` (len(good), columns); `bad` are lines of other width.
    """

    text: bytes
    length: int
    good: Array
    starts: Array
    ends: Array
    bad: Array
    bounds: Array
    """Where each line begins, and the end of the last."""

    def line(self, number: int) -> bytes:
        return self.text[self.bounds[number] : self.bounds[number + 1]].rstrip(b"\r\n")


def parse_lines(text: bytes, rule: PixelRule, *, first: bool = False) -> Records:
    """The records of a text of whole lines. Blank lines, and the names of the columns, are none.

    Args:
        text: lines, the last one with or without its newline.
        rule: columns, scale, labels.
        first: whether the text begins its file.
    """
    lines = _lines(text, rule.form, first=first)
    values, parsed = _numbers(lines, rule.form)
    label = _labels(lines, rule)
    outside, fraction = rule.scale.outside(values), rule.scale.fractions(values)
    bad = [Bad(n, "wrong-width", lines.line(n)) for n in lines.bad.tolist()]
    wrong = outside.any(1) | fraction.any(1) | (label < 0)
    for row in np.flatnonzero(wrong).tolist():
        number = int(lines.good[row])
        reason, found = _reason(values[row], parsed[row], outside[row], fraction[row])
        if reason is None:
            empty = not lines.text[
                lines.starts[row, rule.form.label] : lines.ends[row, rule.form.label]
            ]
            reason = "no-label" if empty else "unknown-label"
        bad.append(Bad(number, reason, lines.line(number), found))
    bad.sort(key=lambda b: int(b.position))
    kept = values[~wrong]
    pixels, seen = rule.scale.levels(kept), rule.scale.seen(kept)
    return Records(label[~wrong].astype(np.int32), pixels, bad, lines.length, seen)


def _reason(
    values: Array, parsed: Array, outside: Array, fraction: Array
) -> tuple[str | None, float | None]:
    """What is wrong with the numbers of a line, and the number that is; None: nothing."""
    if not parsed.all():
        return "unparsable-number", None
    if outside.any():
        worst = values[outside]
        return OUTSIDE, float(worst[np.argmax(np.abs(worst))])
    return (FRACTION, float(values[fraction].max())) if fraction.any() else (None, None)


def _lines(text: bytes, form: Form, *, first: bool) -> _Lines:
    text = _plain(text, first=first)
    data = np.frombuffer(text, np.uint8)
    ends = np.flatnonzero((data == NEWLINE) | (data == form.delimiter[0]))
    starts = np.concatenate([[0], ends[:-1] + 1]) if len(ends) else ends
    lasts = np.flatnonzero(data[ends] == NEWLINE)
    firsts = np.concatenate([[0], lasts[:-1] + 1]) if len(lasts) else lasts
    counts = lasts - firsts + 1
    blank = (counts == 1) & (starts[firsts] == ends[firsts])
    if first and form.header:
        blank[np.flatnonzero(~blank)[:1]] = True
    fits = (counts == form.columns) & ~blank
    whole = firsts[fits, None] + np.arange(form.columns)
    bounds = np.concatenate([starts[firsts], [len(text)]])
    good, bad = np.flatnonzero(fits), np.flatnonzero(~fits & ~blank)
    return _Lines(text, len(lasts), good, starts[whole], ends[whole], bad, bounds)


def _numbers(lines: _Lines, form: Form) -> tuple[Array, Array]:
    """The pixels of the lines, (N, pixels), NaN where one is no number; and whether it is one."""
    columns: Any = list(form.pixels)
    if columns == list(range(columns[0], columns[0] + len(columns))):
        columns = slice(columns[0], columns[0] + len(columns))
    starts, ends = lines.starts[:, columns], lines.ends[:, columns]
    data = np.frombuffer(lines.text, np.uint8)
    lengths = ends - starts
    digits = data - ZERO
    plain = (lengths > 0) & (lengths <= DIGITS)
    values = np.zeros(starts.shape, np.int16)
    for place in range(DIGITS if starts.size else 0):
        digit = digits[ends - (1 + place)]
        there = lengths > place
        plain &= (digit <= 9) | ~there
        values += np.where(there, digit, 0).astype(np.int16) * np.int16(10**place)
    parsed = np.ones(starts.shape, np.bool_)
    odd = np.flatnonzero(~plain.all(1))
    if len(odd):
        others = _decimal_numbers(lines.text, starts[odd], ends[odd])
        values = values.astype(np.float64)
        values[odd], parsed[odd] = others, ~np.isnan(others)
    return values, parsed


def _decimal_numbers(text: bytes, starts: Array, ends: Array) -> Array:
    """Numbers of any form, float64 of the shape of `starts`, NaN where a token is no number."""
    places = zip(starts.ravel().tolist(), ends.ravel().tolist(), strict=True)
    tokens = pa.array([text[start:end].strip() for start, end in places], pa.binary())
    good = pc.match_substring_regex(tokens, pattern=_NUMBER)
    tokens = pc.replace_substring_regex(tokens, pattern=r"^\+", replacement="")
    tokens = pc.if_else(good, tokens, pa.scalar(b"nan", pa.binary()))
    numbers = pc.cast(pc.cast(tokens, pa.string()), pa.float64())
    return numbers.to_numpy(zero_copy_only=False).reshape(starts.shape)


def _labels(lines: _Lines, rule: PixelRule) -> Array:
    """The label of every line, int64 (N,), `UNKNOWN` where it has none."""
    if rule.form.label is None:
        return np.zeros(len(lines.good), np.int64)
    known: dict[bytes, int] = {}
    labels = []
    for token in _label_tokens(lines, rule.form.label):
        if token not in known:
            known[token] = rule.labels.get(_as_text(token), UNKNOWN)
        labels.append(known[token])
    return np.array(labels, np.int64)


def _values(text: bytes, form: Form, *, first: bool) -> Counter[str]:
    """The values for classes in lines of the right width; their pixels are not looked at."""
    if form.label is None:
        return Counter()
    lines = _plain(text, first=first).split(b"\n")
    if first and form.header:
        del lines[: next((n + 1 for n, line in enumerate(lines) if line), 0)]
    counts = Counter(
        line.split(form.delimiter, form.label + 1)[form.label]
        for line in lines
        if line.count(form.delimiter) + 1 == form.columns
    )
    values: Counter[str] = Counter()
    for token, count in counts.items():
        if value := _as_text(token):
            values[value] += count
    return values


def _plain(text: bytes, *, first: bool) -> bytes:
    """Lines without quotes, without marks of order of bytes, and with an end each."""
    text = text.removeprefix(BYTE_ORDER_MARK) if first else text
    if b'"' in text or b"\r" in text:
        text = text.replace(b'"', b"").replace(b"\r\n", b"\n")
    return text if text.endswith(b"\n") or not text else text + b"\n"


def _label_tokens(lines: _Lines, column: int) -> list[bytes]:
    starts, ends = lines.starts[:, column].tolist(), lines.ends[:, column].tolist()
    return [lines.text[start:end] for start, end in zip(starts, ends, strict=True)]


def _as_text(token: bytes) -> str:
    return as_value(token.decode("utf-8", "replace"))
