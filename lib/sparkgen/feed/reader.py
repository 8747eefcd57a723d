"""TensorFlow data sets give the batches of a dataset version, for training and for evaluation.

Arrays are cut in Python, for training many steps at a time, and travel as bytes; TensorFlow takes
them apart into steps and makes the floats.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np
import tensorflow as tf

from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Split, open_split, seen_columns
from sparkgen.feed.evaluation import check_share, cut_batches
from sparkgen.feed.failure import feed_errors, remembered
from sparkgen.feed.feeds import AUTO, load_feed
from sparkgen.feed.plan import START, Plan, Position, Span, evaluation_share, plan_of
from sparkgen.feed.training import cut_spans, shard_order
from sparkgen.noise import NoiseSpec

__all__ = ["Position", "evaluation_batches", "feed_errors", "training_batches"]

Noise = Mapping[str, NoiseSpec]

KEEP_BYTES = 2**30
SPAN_BYTES = 4 * 2**20  # of records and noise that are cut at once


def training_batches(
    version_uri: str,
    manifest: Manifest,
    *,
    batch_size: int,
    seed: int,
    rank: int,
    size: int,
    noise: Noise,
    start: Position = START,
    epochs: int,
    feed: str = AUTO,
    keep_bytes: int = KEEP_BYTES,
) -> tf.data.Dataset:
    """The batches of one rank, from `start` to the end of epoch `epochs - 1`, no pause in between.

    Args:
        version_uri: where the version lies.
        manifest: of the version.
        batch_size: rows of a global batch; this rank gets batch_size / size of them.
        seed: of order and noise.
        rank: 0 to size - 1.
        size: workers; divides the lanes.
        noise: the model's training noise.
        start: the first step; the batches are those that an undisturbed run gets from there on.
        epochs: how many in all, counted from epoch 0.
        feed: the name of what reads the shards; the batches do not depend on it.
        keep_bytes: memory for shards that stay decoded, beside one of each lane and those ahead.

    Returns:
        batches as in `sparkgen.models.contract`, rows by ascending lane.

    Raises:
        RequestError: what was asked for does not fit the data, or the feed cannot be used here.
        ManifestError: a file of the first epoch is missing or has not its size. For one that is
            damaged `feed_errors` around the reading raises it.
    """
    split = open_split(version_uri, manifest, "train")
    plan = plan_of(manifest, batch_size=batch_size, seed=seed)
    lanes = plan.owned_lanes(rank, size)
    local_rows = batch_size // size
    steps = max(1, SPAN_BYTES // (local_rows * _row_bytes(split, noise)))
    # A rank looks at its own files of the epoch, so that all ranks together look at each file once.
    split.check(shard for lane in plan.epoch_lanes(start.epoch, lanes) for shard in lane.shards)
    spans = partial(plan.spans, lanes, start=start, epochs=epochs, steps=steps)
    cut = partial(_cut, split, plan, spans, feed=load_feed(feed), noise=noise)
    made = remembered(partial(cut, keep_bytes=keep_bytes))
    signature = _signature(local_rows, split, noise)
    stacks = tf.data.Dataset.from_generator(made, output_signature=signature)
    # The next span is cut while this one is taken apart.
    return _finished(stacks.prefetch(1).unbatch(), split.record, local_rows)


def evaluation_batches(
    version_uri: str,
    manifest: Manifest,
    *,
    split: str,
    batch_rows: int,
    rank: int,
    size: int,
    noise: Noise,
    seed: int,
    feed: str = AUTO,
    keep_bytes: int = KEEP_BYTES,
) -> tf.data.Dataset:
    """The evaluation batches of one rank, in shard order; over all ranks each row comes exactly once.

    Every rank has the same number of batches, of `batch_rows` rows each; the missing rows are
    padding: weight 0, id -1, all else 0.

    Args:
        version_uri: where the version lies.
        manifest: of the version.
        split: its name.
        batch_rows: rows of a local batch.
        rank: 0 to size - 1.
        size: ranks; any number, also more than there are files.
        noise: noises of a row, which are a function of its id and `seed`.
        seed: of the noise.
        feed: as for `training_batches`.
        keep_bytes: batches that fit are kept, for those who go over them more than once.

    Raises:
        ManifestError: no such split, or a file is missing or has not its size; `feed_errors` as for
            `training_batches`.
        RequestError: no such feed can be used here.
    """
    opened = open_split(version_uri, manifest, split)
    share = evaluation_share(opened.rows, batch_rows=batch_rows, rank=rank, size=size)
    check_share(opened, share)
    cut = partial(cut_batches, opened, share, batch_rows=batch_rows, noise=noise, seed=seed)
    stacks = tf.data.Dataset.from_generator(
        remembered(partial(cut, feed=load_feed(feed))),
        output_signature=_signature(batch_rows, opened, noise)
        | {"weight": tf.TensorSpec((None, batch_rows), tf.float32)},
    )
    batches = stacks.unbatch()
    if share.batches * batch_rows * _row_bytes(opened, noise) <= keep_bytes:
        batches = batches.cache()
    return _finished(batches, opened.record, batch_rows)


def _cut(
    split: Split, plan: Plan, spans: Callable[[], Iterator[Span]], **options: Any
) -> Iterator[dict[str, Any]]:
    return cut_spans(split, plan, spans(), shard_order(plan, spans()), **options)


def _row_bytes(split: Split, noise: Noise) -> int:
    stored = sum(one.row_bytes for one in split.record.columns.values())
    return stored + sum(4 * int(np.prod(spec.shape)) for spec in noise.values())


def _signature(rows: int, split: Split, noise: Noise) -> dict[str, Any]:
    """What stacks of batches of `rows` rows look like."""
    record = split.record
    return {
        "id": tf.TensorSpec((None, rows), tf.int64),
        "label": tf.TensorSpec((None, rows), tf.int32),
        **{k: tf.TensorSpec((None, rows, *r.shape), r.dtype) for k, r in record.columns.items()},
        "noise": {k: tf.TensorSpec((None, rows, *s.shape), tf.float32) for k, s in noise.items()},
    }


def _finished(batches: tf.data.Dataset, record: Record, rows: int) -> tf.data.Dataset:
    """Batches with records as a model sees them and a weight for every row, made ahead of need."""

    def finish(batch: dict[str, Any]) -> dict[str, Any]:
        return {"weight": tf.ones(rows), **batch, **seen_columns(batch, record, tf.cast)}

    return batches.map(finish).prefetch(2)
