"""Reads image files of folders and archives and decodes them, a share of them as blocks."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from sparkgen.errors import IngestError
from sparkgen.ingest.archives import read_members
from sparkgen.ingest.block import Bad, Block, Data, Records, block_rows
from sparkgen.ingest.decode import BadImage, ImageRule, decode_image
from sparkgen.ingest.image_formats import ending, format_of
from sparkgen.ingest.layout import RAW_BYTES
from sparkgen.ingest.placement import Candidate, printable

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
        contents = read_members(self.uri, readable)
        members = block_members(self.rule)
        for start in range(0, len(self.candidates), members):
            some = self.candidates[start : start + members]
            number = self.first + start // members
            yield Block(self.split, self.file, number, self._decoded(some, contents))

    def _decoded(self, some: tuple[Candidate, ...], contents: Iterator[bytes | None]) -> Records:
        labels: list[int] = []
        pixels: list[Data] = []
        bad: list[Bad] = []
        for member, label, reason in some:
            name = printable(member.name)
            if reason is not None:
                bad.append(Bad(name, reason, b""))
                continue
            data = next(contents)
            if data is None:
                bad.append(Bad(name, "unreadable-member", b""))
                continue
            if not ending(member.name) and format_of(data) is None:
                bad.append(Bad(name, "unknown-type", b""))
                continue
            try:
                pixels.append(decode_image(data, self.rule).reshape(-1))
                labels.append(label)
            except BadImage as error:
                bad.append(Bad(name, error.reason, data[:RAW_BYTES]))  # a block may be full of them
            except MemoryError as error:
                raise IngestError(f"too little memory to decode {name} in {self.uri}") from error
            except Exception as error:
                # Decoders raise of every kind over damage, and one picture stops no ingest: it goes to
                # quarantine by a reason of its own, counted and told like the others.
                reason = f"undecodable-image-{type(error).__name__}"
                bad.append(Bad(name, reason, data[:RAW_BYTES]))
        size = int(np.prod(self.rule.shape))
        stacked = np.array(pixels, np.uint8).reshape(len(pixels), size)
        return Records(np.array(labels, np.int32), stacked, bad, len(some))


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
