"""Rows of a split in shard order: a rank's share as padded batches, and the first rows as arrays."""

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

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
    edges = np.cumsum([0, *(file.entry.rows for file in split.files)]).tolist()
    segments = [
        Segment(shard, max(start - left, 0), min(stop, right) - left)
        for shard, (left, right) in enumerate(pairwise(edges))
        if max(start, left) < min(stop, right)
    ]
    return RowRange(split, segments)


def cut_batches(
    rows: RowRange, share: Share, *, batch_rows: int, noise: Mapping[str, NoiseSpec], seed: int
) -> Iterator[Arrays]:
    """A rank's share, padded with rows of weight 0, as stacks of batches (n, batch_rows, ...).

    Args:
        rows: of the share.
        share: the number of batches in all stacks together.
        batch_rows: rows of a batch.
        noise: of a row, by name.
        seed: of the noise, which is a function of it and the row's id.
    """
    held = Rows.empty(rows.split.row_bytes)
    left = share.batches
    for part in rows.read():
        held = Rows.concatenate([held, part])
        whole = len(held.id) // batch_rows
        yield _batches(held.take(slice(whole * batch_rows)), whole, batch_rows, noise, seed)
        held = held.take(slice(whole * batch_rows, None))
        left -= whole
    yield _batches(held, left, batch_rows, noise, seed)


def _batches(
    rows: Rows, batches: int, batch_rows: int, noise: Mapping[str, NoiseSpec], seed: int
) -> Arrays:
    """Rows and their noise as (batches, batch_rows, ...), with padding after the last."""
    missing = batches * batch_rows - len(rows.id)

    def cut(values: npt.NDArray[Any], padding: int = 0) -> npt.NDArray[Any]:
        widths = [(0, missing)] + [(0, 0)] * (values.ndim - 1)
        padded = np.pad(values, widths, constant_values=padding) if missing else values
        return padded.reshape(batches, batch_rows, *values.shape[1:])

    noises = row_noises(noise, rows.id.tolist(), seed=seed, stream=Stream.EVALUATE)
    return {
        "id": cut(rows.id, PADDING_ID),
        "label": cut(rows.label),
        "image": cut(rows.image),
        "weight": cut(np.ones(len(rows.id), np.float32)),
        "noise": {name: cut(values) for name, values in noises.items()},
    }
