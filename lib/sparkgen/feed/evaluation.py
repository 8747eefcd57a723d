"""Each rank gets its own share of a split in padded batches, in the order of the split's files."""

from collections.abc import Iterator, Mapping
from typing import Any

from sparkgen.datasets.rows import Rows, Split, stored_batch
from sparkgen.feed.feeds import Feed
from sparkgen.feed.plan import EvaluationShare
from sparkgen.feed.shards import read_in_order
from sparkgen.noise import NoiseSpec, Stream, row_noises

Arrays = dict[str, Any]


def check_share(split: Split, share: EvaluationShare) -> None:
    """Raises a `ManifestError` if a file of the share is missing or has not the right size."""
    split.check(segment.shard for segment in split.segments(share.start, share.stop))


def cut_batches(
    split: Split,
    share: EvaluationShare,
    *,
    batch_rows: int,
    feed: Feed,
    noise: Mapping[str, NoiseSpec],
    seed: int,
) -> Iterator[Arrays]:
    """Gives a rank's share as stacks of batches (n, batch_rows, ...), padded with rows of weight 0.

    Args:
        split: what the share is of.
        share: the rows, and the number of batches in all stacks together.
        batch_rows: rows of a batch.
        feed: what reads the shards.
        noise: of a row, by name.
        seed: of the noise, which is a function of it and the row's id.
    """
    held = Rows.zeros(split.record)
    left = share.batches
    for part in _read(split, share, feed):
        held = Rows.concatenate([held, part])
        whole = len(held.id) // batch_rows
        yield _stack(held.take(slice(whole * batch_rows)), split, whole, batch_rows, noise, seed)
        held = held.take(slice(whole * batch_rows, None))
        left -= whole
    yield _stack(held, split, left, batch_rows, noise, seed)


def _read(split: Split, share: EvaluationShare, feed: Feed) -> Iterator[Rows]:
    """The rows of a share, a file at a time."""
    segments = split.segments(share.start, share.stop)
    order = [segment.shard for segment in segments]
    for segment, rows in zip(segments, read_in_order(split, order, feed=feed), strict=True):
        yield rows.take(slice(segment.start, segment.stop))


def _stack(
    rows: Rows,
    split: Split,
    batches: int,
    batch_rows: int,
    noise: Mapping[str, NoiseSpec],
    seed: int,
) -> Arrays:
    """Rows and their noise as (batches, batch_rows, ...), with padding after the last."""
    drawn = row_noises(noise, rows.id.tolist(), seed=seed, stream=Stream.EVALUATE)
    batch = stored_batch(rows, split.record, drawn, size=batches * batch_rows)

    def cut(values: Any) -> Any:
        return values.reshape(batches, batch_rows, *values.shape[1:])

    noises = {name: cut(values) for name, values in batch.pop("noise").items()}
    return {**{name: cut(values) for name, values in batch.items()}, "noise": noises}
