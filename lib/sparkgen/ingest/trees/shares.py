"""Reads image files of folders and archives and decodes them, a share of them as blocks."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sparkgen.ingest.block import Block, block_rows
from sparkgen.ingest.captions import text_of
from sparkgen.ingest.files.archives import read_members
from sparkgen.ingest.images.decode import ImageRule
from sparkgen.ingest.images.formats import ending, format_of
from sparkgen.ingest.images.pictures import Picture, decode_pictures
from sparkgen.ingest.looking.survey import Tally
from sparkgen.ingest.trees.checks import printable
from sparkgen.ingest.trees.placement import Candidate

BLOCK_MEMBERS = 256


class ImageShare(NamedTuple):
    """Some blocks of a source: the one at `first` has `block_members` candidates, and so on."""

    split: str
    file: int
    uri: str
    first: int
    candidates: tuple[Candidate, ...]
    rule: ImageRule

    def blocks(self) -> Iterator[Block]:
        readable = [c.member for c in self.candidates if c.reason is None]
        contents, captions = read_members(self.uri, readable), self._captions()
        members = block_members(self.rule)
        for start in range(0, len(self.candidates), members):
            some = self.candidates[start : start + members]
            number = self.first + start // members
            records = decode_pictures(
                self._pictures(some, contents, captions), self.rule, most=len(some), uri=self.uri
            )
            yield Block(self.split, self.file, number, records)

    def tally(self) -> Tally:
        """How many candidates there are of each label, and how many are bad."""
        good = Counter((self.split, c.label) for c in self.candidates if c.reason is None)
        return Tally(good, Counter(c.reason for c in self.candidates if c.reason is not None))

    def examples(self, numbers: Sequence[int]) -> Iterator[Picture]:
        """Some of the good candidates, by their numbers in rising order."""
        good = [c for c in self.candidates if c.reason is None]
        some = tuple(good[number] for number in numbers)
        return self._pictures(some, read_members(self.uri, [c.member for c in some]), {})

    def _captions(self) -> dict[int, bytes | None]:
        """The bytes of the captions, by the numbers of their members."""
        beside = {c.caption.number: c.caption for c in self.candidates if c.caption is not None}
        members = [beside[number] for number in sorted(beside)]
        contents = read_members(self.uri, members) if members else []
        return {m.number: data for m, data in zip(members, contents, strict=False)}

    def _pictures(
        self,
        some: tuple[Candidate, ...],
        contents: Iterator[bytes | None],
        captions: dict[int, bytes | None],
    ) -> Iterator[Picture]:
        for member, label, reason, beside in some:
            data = next(contents) if reason is None else b""
            if data is None:
                data, reason = b"", "unreadable-member"
            elif reason is None and not ending(member.name) and format_of(data) is None:
                data, reason = b"", "unknown-type"
            caption, wrong = text_of((beside and captions.get(beside.number)) or b"")
            yield Picture(printable(member.name), label, data, reason or wrong, caption)


def block_members(rule: ImageRule) -> int:
    """The number of candidates of a block, which depends on the size of the decoded pictures."""
    return block_rows(BLOCK_MEMBERS, math.prod(rule.shape))


def image_shares(
    split: str,
    file: int,
    uri: str,
    found: list[Candidate],
    *,
    rule: ImageRule,
    tasks: int,
) -> list[ImageShare]:
    """The shares of one source for about four times `tasks`, so that uneven ones even out."""
    members = block_members(rule)
    blocks = -(-len(found) // members)
    share = max(1, -(-blocks // (4 * tasks)))
    size = share * members
    return [
        ImageShare(
            split, file, uri, first * share, tuple(found[first * size : (first + 1) * size]), rule
        )
        for first in range(-(-blocks // share))
    ]
