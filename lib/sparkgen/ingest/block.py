"""A block: a run of neighbouring records of one source file, parsed.

Blocks are cut by the source alone (so many bytes, so many members), never by how many tasks there
are: whatever the cluster, the same blocks make the same dataset version.
"""

from collections.abc import Iterator
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sparkgen.ingest.seen import Seen

Labels = npt.NDArray[np.int32]
Pixels = npt.NDArray[np.uint8]

PICTURE_BYTES = 64 << 20  # of a block, about; Arrow's columns of bytes end at 2 GiB


def block_rows(most: int, row_bytes: int) -> int:
    """Records of a block: `most`, or fewer where their pictures would exceed `PICTURE_BYTES`."""
    return max(1, min(most, PICTURE_BYTES // row_bytes))


class Bad(NamedTuple):
    """A record that could not be used.

    `position` is a number, from 0 at the start of the block, or the name of a member. `found` is
    the number that broke the rule, such as the index beyond the width, where the reason is one.
    """

    position: int | str
    reason: str
    record: bytes
    found: float | None = None


class Records(NamedTuple):
    """What a parser makes of a block: labels int32 (N,), pixels uint8 (N, H * W * C), and the rest.

    `length` is how far the block reaches in the numbering of its file: lines, or pictures. `seen`
    is what the numbers of the good records reach over, where they were numbers of text.
    """

    labels: Labels
    pixels: Pixels
    bad: list[Bad]
    length: int
    seen: Seen | None = None


class Block(NamedTuple):
    """Records with their place: the split, the number of the file in it, and of the block in that.

    The numbers of a file's blocks rise in its order; some may be missing.
    """

    split: str
    file: int
    number: int
    records: Records


class Slice(Protocol):
    """A share of the sources that one task reads. It travels to the executors by pickle."""

    def blocks(self) -> Iterator[Block]:
        """The blocks of this share, one at a time in memory."""
        ...
