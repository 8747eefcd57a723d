"""Defines a block: neighbouring records of one source file, after parsing.

Blocks are cut by the source alone (so many bytes, so many members), never by how many tasks there
are: whatever the cluster, the same blocks make the same dataset version.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

Labels = npt.NDArray[np.int32]
Data = npt.NDArray[Any]

RECORD_BYTES = 64 << 20  # of the records of a block, about; Arrow's columns of bytes end at 2 GiB


def block_rows(most: int, row_bytes: int) -> int:
    """The number of records of a block: `most`, or fewer if they would exceed `RECORD_BYTES`."""
    return max(1, min(most, RECORD_BYTES // row_bytes))


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
    """The result of parsing a block: N good records, and the bad ones.

    `labels` are int32 (N,), `data` (N, record.size) of the record's dtype. `length` is how far the
    block reaches in the numbering of its file, such as lines or pictures. `seen` is what the source
    format will want to know of the good records: None, or what JSON can say. `documents` is how many good
    records of the source they are, where the source has other records than the version; None: N.
    `captions` are the N texts that stand beside the good records, where the source has such.
    """

    labels: Labels
    data: Data
    bad: list[Bad]
    length: int
    seen: Any = None
    documents: int | None = None
    captions: Sequence[str] | None = None


class Block(NamedTuple):
    """The records of a block, with its split, the number of its file, and its number in the file.

    The numbers of a file's blocks rise in its order; some may be missing.
    """

    split: str
    file: int
    number: int
    records: Records
