"""Finds width, first index, scale and side of the pictures of libsvm text by its numbers."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from itertools import islice
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.errors import RequestError
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.lines import BLOCK_BYTES, LineShare
from sparkgen.ingest.libsvm.parse import parse_block
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.looking.shape_guess import square_shape, white_of
from sparkgen.ingest.looking.survey import Survey
from sparkgen.ingest.reach import Reach

ANY = 1e30  # a bound that every value keeps
MOST_NUMBERS = 1 << 20  # of a picture: text of larger indices has other features than pixels
LABEL_BLOCKS = 128  # of a file
ROWS = 2000  # of pictures by which the length of their rows is found
WIDER = 1.5  # times the least side that a picture can have

_LIBSVM = re.compile(rb"\s*[+-]?\d+(\.0*)?([ \t]+(qid:)?\d+:\S+)+\s*(#.*)?")
_INDEX = re.compile(rb"[ \t](\d{1,7}):")


class Numbers(NamedTuple):
    """What stands in the text: the least and greatest index and value, whether all values are whole.

    `shape` is that of pictures which have these indices, and `about_shape` how it was found.
    """

    indices: Reach
    values: Reach
    whole: bool
    shape: tuple[int, int, int]
    about_shape: str

    @property
    def told(self) -> str:
        """The ranges in words."""
        kind = "whole numbers" if self.whole else "fractions"
        (first, last), (low, high) = self.indices, self.values
        return f"indices {first:g} to {last:g}, values {low:g} to {high:g}, {kind}"

    @property
    def keys(self) -> dict[str, float | bool]:
        """The keys of the source that are not default."""
        keys: dict[str, float | bool] = {"zero_based": True} if self.indices.low == 0 else {}
        if self.values.low < 0:
            return {**keys, "value_min": self.values.low, "value_max": max(self.values.high, 0.0)}
        white = white_of(self.values.high, whole=self.whole).value_max
        return keys if white is None else {**keys, "value_max": white}


class FirstLabels(NamedTuple):
    """How many lines begin with each whole number; `whole`: all lines were looked at."""

    counts: Counter[str]
    whole: bool

    @property
    def told(self) -> tuple[str, ...]:
        """What is to be said where not all lines were looked at."""
        size = LABEL_BLOCKS * BLOCK_BYTES >> 20
        return (
            () if self.whole else (f"labels are those of the first {size} MiB of each file alone",)
        )


def first_labels(shares: Sequence[LineShare]) -> FirstLabels:
    """The labels of the first `LABEL_BLOCKS` blocks of each file, one share each."""
    counts: Counter[str] = Counter()
    whole = True
    for share in shares:
        values = share.values()
        for some in islice(values, LABEL_BLOCKS):
            counts += some
        whole = whole and next(values, None) is None
    return FirstLabels(counts, whole)


def is_libsvm(head: bytes) -> bool:
    """Whether a file that begins so is libsvm text: all of its first lines are, but for some."""
    lines = [line for line in head.split(b"\n")[:64] if line.split(b"#")[0].strip()]
    if len(lines) > 1 and not head.endswith(b"\n"):
        lines = lines[:-1]  # which the head may have cut
    good = sum(_LIBSVM.fullmatch(line) is not None for line in lines)
    return bool(lines) and 2 * good > len(lines)


def missed(survey: Survey) -> Seen:
    """The numbers of records that are bad by the guessed keys alone, where they are too many."""
    found = survey.too_many("beyond-width", "index-zero", "value-out-of-range")
    values = found.pop("value-out-of-range", None)
    whole = all(float(value).is_integer() for value in values or ())
    indices = (Seen(indices=reach) for reach in found.values())
    return reduce(Seen.joined, indices, Seen(values=values, whole=whole))


def look_at_numbers(
    texts: Sequence[bytes], labels: Sequence[float], wider: Seen | None = None
) -> Numbers | None:
    """What stands in some whole lines.

    Args:
        texts: the lines.
        labels: all that lines begin with.
        wider: what is known of other lines.

    Raises:
        RequestError: their indices are those of other features than pixels.
    """
    seen = _seen(texts, labels).joined(wider or Seen())
    if seen.indices is None or seen.values is None:
        return None
    values = Reach(min(seen.values.low, 0), seen.values.high)
    first = 0 if seen.indices.low == 0 else 1
    width = int(seen.indices.high) + 1 - first
    _refuse_words(width)
    high = max(values.high, 1.0)
    rule = LineRule(width, len(labels), first, values.low, high, tuple(labels))
    parts = [records.data for text in texts[:1] for records in parse_block(text, rule)]
    shape, about = _shape(width, np.concatenate(parts)[:ROWS] if parts else None)
    return Numbers(seen.indices, values, seen.whole, shape, about)


def _seen(texts: Sequence[bytes], labels: Sequence[float]) -> Seen:
    """The ranges of all numbers of some lines; the width is raised until all indices are within."""
    width = 1 + max((int(i) for text in texts for i in _INDEX.findall(text[: 1 << 20])), default=0)
    _refuse_words(width - 1)
    while True:
        rule = LineRule(width, len(labels), 0, -ANY, ANY, tuple(labels))
        seen, beyond = Seen(), 0.0
        for records in (records for text in texts for records in parse_block(text, rule)):
            seen = seen.joined(records.seen or Seen())
            found = [bad.found or 0 for bad in records.bad if bad.reason == "beyond-width"]
            beyond = max([beyond, *found])
        if not width <= beyond <= MOST_NUMBERS:
            return seen
        width = int(beyond) + 1


def _refuse_words(width: int) -> None:
    """Refuses text whose indices are those of other features than pixels."""
    if width > MOST_NUMBERS:
        raise RequestError(
            f"indices of pixels, at most {MOST_NUMBERS}, in libsvm text",
            found=str(width),
            mend="give the path of pictures",
        )


def _shape(width: int, pictures: npt.NDArray[np.uint8] | None) -> tuple[tuple[int, int, int], str]:
    """The shape of pictures of at least `width` numbers, and how it was found."""
    text = "height, width, channels"
    exact = square_shape(width)
    if exact is not None:
        return exact, f"{text}: indices reach {width}, which is a square"
    least = math.isqrt(width - 1) + 1
    side = least if pictures is None or width < 2 * least else _row_length(pictures, least)
    return (side, side, 1), (
        f"{text}: indices reach {width}; in rows of {side} neighbours are the most alike"
    )


def _row_length(pictures: npt.NDArray[np.uint8], least: int) -> int:
    """The number of columns at which a picture is most like itself, from `least` on."""
    values = pictures.astype(np.float32)
    values -= values.mean()
    lags = range(least, min(int(WIDER * least) + 1, values.shape[1]))
    return max(
        lags, key=lambda lag: float((values[:, :-lag] * values[:, lag:]).mean()), default=least
    )
