"""Counts the records of one split that are exact copies of records of another.

Records are compared by a digest of 64 bits of their bytes, whatever their labels are: two that differ
have the same one with a chance of about 2^-64. Whoever deals the rows also gives the digests of those
that are held out, and a task that writes rows compares its own with them.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.ingest.layout import FILE, Layout, Output
from sparkgen.noise import Stream, generator

DIGEST = "digest"
"""The column of digests in a table of rows on their way to a file."""
HELD_OUT = ("test", "validation")
MOST_HELD_OUT = 1 << 24
"""The most rows of a split that others are compared with: 128 MiB of digests, of which a task holds
about three times as much while it sorts them."""
CACHED_BYTES = 200_000  # of records that are mixed at a time: what a processor holds near it

log = logging.getLogger(__name__)
Digests = npt.NDArray[np.uint64]
HeldOut = dict[str, Digests]
"""The digests of each split that is held out, sorted."""
EMPTY = np.empty(0, np.uint64)
_COLUMNS = pa.schema([(FILE, pa.int64()), (DIGEST, pa.uint64())])


def digests_of(data: npt.NDArray[Any]) -> Digests:
    """A digest of each of N records, uint64 (N,).

    Args:
        data: (N, size), of any unsigned type.
    """
    row_bytes = data.shape[1] * data.itemsize
    rows = np.ascontiguousarray(data).view(np.uint8).reshape(len(data), row_bytes)
    random = generator(0, Stream.INGEST, "digest")
    keys = random.integers(0, 2**64, (3, -(-row_bytes // 8)), dtype=np.uint64)
    digests, some = np.empty(len(rows), np.uint64), max(1, CACHED_BYTES // row_bytes)
    for first in range(0, len(rows), some):
        digests[first : first + some] = _mixed(rows[first : first + some], keys)
    return digests


def _mixed(rows: npt.NDArray[np.uint8], keys: Digests) -> Digests:
    if rows.shape[1] % 8:
        rows = np.pad(rows, ((0, 0), (0, -rows.shape[1] % 8)))
    # Each word is mixed by itself, so that like changes in two places do not cancel in the sum.
    words = rows.view("<u8") + keys[0]
    for odd in keys[1:] | np.uint64(1):
        words *= odd
        words ^= words >> np.uint64(32)
    return words.sum(axis=1, dtype=np.uint64)


def compared(layout: Layout) -> list[Output]:
    """The splits that are held out and not too large to be compared with; it tells of those that are."""
    splits = [layout.outputs[name] for name in HELD_OUT]
    for split in splits:
        if split.rows > MOST_HELD_OUT:
            log.warning(
                "copies of the %d %s rows are not counted: more than %d",
                split.rows,
                split.folder,
                MOST_HELD_OUT,
            )
    return [split for split in splits if 0 < split.rows <= MOST_HELD_OUT]


def held_out(parts: Iterable[pa.RecordBatch], splits: Sequence[Output]) -> pa.Table:
    """The columns `FILE` and `DIGEST` of those of some dealt rows that are in one of the splits."""
    kept = []
    for part in parts:
        if DIGEST in part.schema.names:
            files = part.column(FILE).to_numpy()
            within = np.zeros(len(files), np.bool_)
            for split in splits:
                within |= split.has(files)
            kept.append(part.select(_COLUMNS.names).filter(pa.array(within)))
    return pa.Table.from_batches(kept, _COLUMNS)


def by_split(rows: Iterable[pa.Table], splits: Sequence[Output]) -> HeldOut:
    """The digests of each split, of tables from `held_out`."""
    found: dict[str, list[Digests]] = {split.folder: [] for split in splits}
    for table in rows:
        files, digests = table[FILE].to_numpy(), table[DIGEST].to_numpy()
        for split in splits:
            found[split.folder].append(digests[split.has(files)])
    return {name: np.unique(np.concatenate(some or [EMPTY])) for name, some in found.items()}


def count_copies(folder: str, digests: Digests, held: HeldOut) -> dict[str, int]:
    """How many of a file's rows are copies of rows of splits that are held out, and of which.

    Args:
        folder: of the file, the name of its split.
        digests: of its rows.
        held: from `by_split`.
    """
    # Of two splits, each pair is counted once, in the rows of the one that is trained on more.
    others = HELD_OUT[: HELD_OUT.index(folder)] if folder in HELD_OUT else HELD_OUT
    counts = {f"{folder} in {name}": _among(digests, held[name]) for name in others if name in held}
    return {splits: count for splits, count in counts.items() if count}


def _among(digests: Digests, known: Digests) -> int:
    at = np.searchsorted(known, digests)
    return int((known[np.minimum(at, len(known) - 1)] == digests).sum()) if len(known) else 0
