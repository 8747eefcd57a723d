"""Parses one line of libsvm text in plain Python, and names what is wrong with a bad line.

```
line  = [label [qid] {pair}] [comment]      label = whole number, 0 .. classes - 1, or a stated value
pair  = index ":" value                     index = whole number, ascending
qid   = "qid:" digits                       comment = "#" anything
```
"""

import math
import re
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

_NUMBER = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_NOT_FINITE = re.compile(rb"[+-]?(nan|inf|infinity)", re.IGNORECASE)
_QID = re.compile(rb"qid:\d+")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
PAIR_BYTES, LINE_BYTES = 64, 1 << 20  # of a pair, and beside the pairs, at most
SLACK = 1e-6  # of the range of values; single precision rounds 1 / 0.1 and the like by 1e-7


class LineRule(NamedTuple):
    """The part of the configuration that says how lines are read.

    A value v becomes round((v - value_min) / (value_max - value_min) * 255), halves to even; a
    column that a line does not name has the value 0. A value that lies outside by no more than
    rounding (`SLACK` of the range) counts as the bound.
    """

    width: int
    classes: int
    first_index: int = 1
    value_min: float = 0.0
    value_max: float = 255.0
    label_values: tuple[float, ...] | None = None
    """The numbers that stand for the labels 0, 1, ...; None: the labels themselves."""

    def labels(self, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """The labels that numbers stand for, of the same shape; -1 for one that stands for none."""
        if self.label_values is None:
            return numbers
        values = np.array(self.label_values)
        order = np.argsort(values)
        at = order[np.searchsorted(values, numbers, sorter=order).clip(max=len(values) - 1)]
        return np.where(values[at] == numbers, at, -1)

    @property
    def zero_based(self) -> bool:
        """Whether indices start at 0."""
        return self.first_index == 0

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that is accepted."""
        slack = SLACK * (self.value_max - self.value_min)
        return self.value_min - slack, self.value_max + slack

    @property
    def longest(self) -> int:
        """The greatest accepted length of a line in bytes; no record needs a longer line."""
        return PAIR_BYTES * self.width + LINE_BYTES

    def pixels(self, values: npt.ArrayLike) -> npt.NDArray[np.uint8]:
        """Values as pixels, uint8 of the same shape."""
        unit = (np.asarray(values) - self.value_min) / (self.value_max - self.value_min)
        return np.rint(unit * 255).astype(np.uint8)


class Line(NamedTuple):
    """A good line. `columns` count from 0."""

    label: int
    columns: list[int]
    values: list[float]


class BadLine(Exception):
    """The error for a bad line: the reason for the quarantine, and the number that caused it."""

    def __init__(self, reason: str, found: float | None = None) -> None:
        super().__init__(reason)
        self.reason, self.found = reason, found


def parse_line(line: bytes, rule: LineRule) -> Line | None:
    """A line's record; None for a blank line or a comment.

    Raises:
        BadLine: the first thing wrong with it, from the left.
    """
    text = line.partition(b"#")[0]
    if len(text) > rule.longest:
        raise BadLine("line-too-long")
    if _CONTROL.search(text):
        raise BadLine("not-text")
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise BadLine("not-text") from None
    tokens = text.split()
    if not tokens:
        return None
    label = _label(tokens[0], rule)
    features = tokens[2:] if _QID.fullmatch(b"".join(tokens[1:2])) else tokens[1:]
    columns: list[int] = []
    values: list[float] = []
    for token in features:
        index, colon, value = token.partition(b":")
        if not colon:
            raise BadLine("unparsable-number")
        columns.append(_column(index, columns, features, rule))
        values.append(_value(value, features, rule))
    return Line(label, columns, values)


def _number(token: bytes) -> float:
    if _NOT_FINITE.fullmatch(token):
        raise BadLine("nan-or-infinite")
    if not _NUMBER.fullmatch(token):
        raise BadLine("unparsable-number")
    number = float(token)
    if not math.isfinite(number):
        raise BadLine("nan-or-infinite")
    return number


def _label(token: bytes, rule: LineRule) -> int:
    if b":" in token:
        raise BadLine("missing-label")
    number = _number(token)
    label = float(rule.labels(np.array(number)))
    if label != int(label) or not 0 <= label < rule.classes:
        raise BadLine("unknown-label", number)
    return int(label)


def _column(token: bytes, before: list[int], features: list[bytes], rule: LineRule) -> int:
    index = _number(token)
    if index != int(index):
        raise BadLine("unparsable-number")
    column = int(index) - rule.first_index
    if column < 0:
        raise BadLine("index-zero" if index == 0 else "negative-index", index)
    if before and column == before[-1]:
        raise BadLine("duplicate-index")
    if before and column < before[-1]:
        raise BadLine("duplicate-index" if column in before else "descending-index")
    if column >= rule.width:
        raise BadLine("beyond-width", max(index, *_numbers(features, 0)))
    return column


def _value(token: bytes, features: list[bytes], rule: LineRule) -> float:
    value = _number(token)
    low, high = rule.bounds
    if not low <= value <= high:
        farthest = max(_numbers(features, 2), key=lambda v: max(low - v, v - high))
        raise BadLine("value-out-of-range", farthest)
    return value


def _numbers(features: list[bytes], part: int) -> list[float]:
    """The finite numbers before (0) or behind (2) the colons, to say how far a bad line reaches."""
    parts = [feature.partition(b":")[part] for feature in features]
    numbers = [float(text) for text in parts if _NUMBER.fullmatch(text)]
    return [number for number in numbers if math.isfinite(number)]
