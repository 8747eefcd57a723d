"""Counts the texts of a source, and divides them into splits.

Of documents that are read whole, a share is held out: the last ones, or random ones by the seed. Of a
text that is read in parts, its end is held out, to the character: first comes the training split, then
validation, then test. So no text of one split is in another.
"""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from sparkgen.ingest.shuffle import shuffled
from sparkgen.ingest.texts.chunk import Chunk, Key

SPLITS = ("train", "validation", "test")
"""In the order in which they lie in a text whose end is held out."""


class Count(NamedTuple):
    """A chunk in numbers: its good documents or, of parts, lines; characters, empty documents, labels."""

    key: Key
    units: int
    characters: int
    empty: int
    part: bool
    ends: bool
    labels: dict[str, int]


class Piece(NamedTuple):
    """Those texts of a chunk that are of one split, with their numbers in the chunk where it has some."""

    split: str
    texts: Sequence[str]
    numbers: Sequence[int]
    ends: bool


class Shares(NamedTuple):
    """How much of the training source is held out, and how it is chosen."""

    test: float
    validation: float
    at_end: bool
    seed: int


class Division(NamedTuple):
    """The split of every text.

    `before` says for each chunk of the training source how many documents or, where the end of a text is
    held out, characters come before it, and `total` how many there are. `ends` are the chunks with which
    a document of several parts ends.
    """

    before: Mapping[Key, int]
    total: int
    tested: int
    validated: int
    at_end: bool
    seed: int
    ends: frozenset[Key]

    def pieces(self, chunk: Chunk) -> list[Piece]:
        """The texts of a chunk by their splits."""
        ends = chunk.key in self.ends
        if chunk.split != "train" or not self.tested + self.validated:
            return [Piece(chunk.split, chunk.texts, range(len(chunk.texts)), ends)]
        if not chunk.part:
            return list(self._documents(chunk))
        if not self.at_end:
            (split,) = self._splits(np.array([self.before[chunk.key]]))
            return [Piece(split, chunk.texts, range(len(chunk.texts)), ends)]
        return list(self._cut(chunk, ends))

    def _documents(self, chunk: Chunk) -> Iterator[Piece]:
        splits = self._splits(self.before[chunk.key] + np.arange(len(chunk.texts)))
        for split in sorted(set(splits)):
            numbers = [n for n, found in enumerate(splits) if found == split]
            yield Piece(split, [chunk.texts[n] for n in numbers], numbers, False)

    def _splits(self, ordinals: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> list[str]:
        if self.at_end:
            ranks = self.total - 1 - ordinals
        else:
            ranks = shuffled(ordinals, self.total, seed=self.seed)
        names = np.array(["test", "validation", "train"], object)
        bounds = [self.tested, self.tested + self.validated]
        return list(names[np.searchsorted(bounds, ranks, side="right")])

    def _cut(self, chunk: Chunk, ends: bool) -> Iterator[Piece]:
        """The parts of a chunk before and after the characters at which the splits begin."""
        first, second = self.total - self.tested - self.validated, self.total - self.tested
        at = self.before[chunk.key]
        found: dict[str, list[tuple[int, str]]] = {}
        for number, text in enumerate(chunk.texts):
            cuts = (
                0,
                *(min(max(bound - at, 0), len(text)) for bound in (first, second)),
                len(text),
            )
            for split, start, stop in zip(SPLITS, cuts[:-1], cuts[1:], strict=True):
                if start < stop:
                    found.setdefault(split, []).append((number, text[start:stop]))
            at += len(text)
        for split, some in found.items():
            numbers, texts = zip(*some, strict=True)
            yield Piece(split, texts, numbers, False)
        if ends:  # then there is no text in it
            yield Piece(self._split_before(at), (), (), True)

    def _split_before(self, at: int) -> str:
        """The split of the character before a place."""
        left = self.total - at
        if left < self.tested:
            return "test"
        return "validation" if left < self.tested + self.validated else "train"


def count(chunk: Chunk) -> Count:
    """A chunk in numbers."""
    lines = sum(text.count("\n") for text in chunk.texts) if chunk.part else len(chunk.texts)
    return Count(
        chunk.key,
        max(lines, 1) if chunk.part and chunk.texts else lines,
        sum(map(len, chunk.texts)),
        chunk.empty,
        chunk.part,
        chunk.ends,
        dict(Counter(chunk.labels or ())),
    )


def divide(counts: Iterable[Count], shares: Shares, *, one: bool = False) -> Division:
    """The division of a source whose chunks were counted.

    Args:
        counts: of all chunks.
        shares: how much is held out.
        one: whether all files of a split are one document.
    """
    found = sorted(counts)
    train = [chunk for chunk in found if chunk.key[0] == "train"]
    part = any(chunk.part for chunk in train)
    by_characters = part and shares.at_end
    before, total = {}, 0
    for chunk in train:
        if part and not by_characters:  # the number of the file is that of its document
            before[chunk.key], total = chunk.key[1], chunk.key[1] + 1
        else:
            before[chunk.key] = total
            total += chunk.characters if by_characters else chunk.units
    number = _share_of_characters if by_characters else _share
    tested = number(total, shares.test)
    validated = number(total - tested, shares.validation)
    return Division(before, total, tested, validated, shares.at_end, shares.seed, _ends(found, one))


def _ends(counts: Sequence[Count], one: bool) -> frozenset[Key]:
    """The chunks that end a document of parts: of each file the first one without text, if it has any.

    Where all files of a split are one document, only the last of them ends it.
    """
    first: dict[tuple[str, int], Key] = {}
    filled: set[tuple[str, int]] = set()
    for chunk in counts:
        if chunk.characters:
            filled.add(chunk.key[:2])
        if chunk.ends:
            first.setdefault(chunk.key[:2], chunk.key)
    ends = [first[file] for file in sorted(filled & first.keys())]
    return frozenset({key[0]: key for key in ends}.values() if one else ends)


def _share(total: int, fraction: float) -> int:
    return round(total * fraction)


def _share_of_characters(total: int, fraction: float) -> int:
    """What is left when training has the first characters, rounded down: as others cut this text."""
    return math.ceil(total * Fraction(str(fraction)))
