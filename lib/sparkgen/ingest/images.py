"""Images in class folders: which members are records, and a share of them as blocks."""

import math
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import NamedTuple

import numpy as np

from sparkgen.ingest.archives import MOST_BYTES, Member, read_members
from sparkgen.ingest.block import Bad, Block, Pixels, Records, block_rows
from sparkgen.ingest.decode import EXTENSIONS, BadImage, ImageRule, decode_image

BLOCK_MEMBERS = 256


class Candidate(NamedTuple):
    """A member that should be a record: its label, or why it is none."""

    member: Member
    label: int
    reason: str | None = None


class ImageSlice(NamedTuple):
    """Some blocks of a split: the one at `first` has `block_members` candidates, and so on."""

    split: str
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
            yield Block(self.split, 0, number, _decoded(some, contents, self.rule))


def candidates(
    members: list[Member], splits: dict[str, str], class_names: tuple[str, ...]
) -> dict[str, list[Candidate]]:
    """The candidates of each split, in order.

    A record lies at `<split>/<class>/<file>`, whatever lies above that; other files, such as a
    licence, and hidden ones are none. A class folder bears the name of its class or its number.

    Args:
        members: from `list_members`.
        splits: the folder of each split.
        class_names: in the order of the labels.
    """
    labels = {str(k): k for k in range(len(class_names))}
    labels |= {name: k for k, name in enumerate(class_names)}
    found: dict[str, list[Candidate]] = {split: [] for split in splits}
    for member in members:
        parts = PurePosixPath(member.name.replace("\\", "/")).parts
        split = next((s for s, folder in splits.items() if parts[-3:-2] == (folder,)), None)
        unsafe = _unsafe(member, parts)
        if unsafe is not None:
            found[split or "train"].append(Candidate(member, -1, unsafe))
        elif split is not None and not any(part.startswith((".", "__")) for part in parts):
            label = labels.get(parts[-2], -1)
            found[split].append(Candidate(member, label, _not_a_record(member, label)))
    return found


def block_members(rule: ImageRule) -> int:
    """Candidates of a block, as their pictures will be."""
    return block_rows(BLOCK_MEMBERS, math.prod(rule.shape))


def image_slices(
    split: str, uri: str, found: list[Candidate], *, rule: ImageRule, tasks: int
) -> list[ImageSlice]:
    """The shares of a split for about four times `tasks`, so that uneven ones even out."""
    members = block_members(rule)
    blocks = -(-len(found) // members)
    share = max(1, -(-blocks // (4 * tasks)))
    size = share * members
    return [
        ImageSlice(split, uri, first * share, tuple(found[first * size : (first + 1) * size]), rule)
        for first in range(-(-blocks // share))
    ]


def _unsafe(member: Member, parts: tuple[str, ...]) -> str | None:
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
        return "path-escape"
    return "link-member" if member.kind == "link" else None


def _not_a_record(member: Member, label: int) -> str | None:
    if not member.name.lower().endswith(EXTENSIONS):
        return "unknown-type"
    if label < 0:
        return "unknown-label"
    if member.size == 0:
        return "empty-image"
    return "decompression-bomb" if member.size > MOST_BYTES else None


def _decoded(
    some: tuple[Candidate, ...], contents: Iterator[bytes | None], rule: ImageRule
) -> Records:
    labels: list[int] = []
    pixels: list[Pixels] = []
    bad: list[Bad] = []
    for member, label, reason in some:
        if reason is not None:
            bad.append(Bad(member.name, reason, b""))
            continue
        data = next(contents)
        if data is None:
            bad.append(Bad(member.name, "unreadable-member", b""))
            continue
        try:
            pixels.append(decode_image(data, rule).reshape(-1))
            labels.append(label)
        except BadImage as error:
            bad.append(Bad(member.name, error.reason, data))
    size = int(np.prod(rule.shape))
    stacked = np.array(pixels, np.uint8).reshape(len(pixels), size)
    return Records(np.array(labels, np.int32), stacked, bad, len(some))
