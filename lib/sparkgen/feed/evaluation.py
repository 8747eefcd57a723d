"""Rows of a split in shard order: a rank's share as padded batches, and the first rows as arrays."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from sparkgen.feed.plan import Segment, Share
from sparkgen.feed.shards import Rows, Split, read_in_order
from sparkgen.noise import NoiseSpec, Stream, row_noises

Arrays = dict[str, Any]
PADDING_ID = -1


class RowRange(NamedTuple):
    """The files that rows [start, stop) of a split lie in, and the rows of each."""

    split: Split
    segments: list[Segment]

    def check(self) -> None:
        """Raises a `ManifestError` where one of the files is missing or has not its size."""
        self.split.check(segment.shard for segment in self.segments)

    def read(self) -> Iterator[Rows]:
        """The rows, a file at a time."""
        order = [segment.shard for segment in self.segments]
        for segment, rows in zip(self.segments, read_in_order(self.split, order), strict=True):
            yield rows.take(slice(segment.start, segment.stop))


def row_range(split: Split, start: int, stop: int) -> RowRange:
    """Rows [start, stop) of a split, counted in the order of its files."""
    edges = np.cumsum([0, *(file.rows for file in split.files)]).tolist()
    segments = [
        Segment(shard, max(start - left, 0), min(stop, right) - left)
        for shard, (left, right) in enumerate(pairwise(edges))
        if max(start, left) < min(stop, right)
    ]
    return RowRange(split, segments)


def cut_batches(
    rows: RowRange, share: Share, *, batch_rows: int, noise: Mapping[str, NoiseSpec], seed: int
) -> Iterator[Arrays]:
    """A rank's share as `share.batches` batches of `batch_rows`, padded with rows of weight 0."""
    held = Rows.empty(rows.split.row_bytes)
    batches = 0
    for part in rows.read():
        held = Rows.concatenate([held, part])
        while len(held.id) >= batch_rows:
            yield _padded(held.take(slice(batch_rows)), batch_rows, noise, seed)
            held = held.take(slice(batch_rows, None))
            batches += 1
    for _ in range(batches, share.batches):
        yield _padded(held, batch_rows, noise, seed)
        held = held.take(slice(0, 0))


def _padded(rows: Rows, batch_rows: int, noise: Mapping[str, NoiseSpec], seed: int) -> Arrays:
    missing = batch_rows - len(rows.id)
    weight = np.ones(len(rows.id), np.float32)
    noises = row_noises(noise, rows.id.tolist(), seed=seed, stream=Stream.EVALUATE)
    return {
        "id": np.pad(rows.id, (0, missing), constant_values=PADDING_ID),
        "label": np.pad(rows.label, (0, missing)),
        "image": np.pad(rows.image, ((0, missing), (0, 0))),
        "weight": np.pad(weight, (0, missing)),
        "noise": {
            k: np.pad(n, [(0, missing)] + [(0, 0)] * (n.ndim - 1)) for k, n in noises.items()
        },
    }
