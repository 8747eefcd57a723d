"""Training batches are cut here from shards, many steps at a time as planned, and get their noise."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from sparkgen.datasets.rows import Rows, Split
from sparkgen.feed.feeds import Feed
from sparkgen.feed.plan import IntArray, Lane, Plan, Span
from sparkgen.feed.shards import read_in_order
from sparkgen.noise import FloatArray, NoiseSpec, training_noise

Arrays = dict[str, Any]


def shard_order(plan: Plan, spans: Iterator[Span]) -> Iterator[int]:
    """The shards in the order in which `cut_spans` needs them, once for each lane and epoch."""
    at: dict[int, tuple[int, int]] = {}
    for span in spans:
        for lane in span.lanes:
            for segment in plan.segments(span, lane):
                if at.get(lane.number) != (span.epoch, segment.shard):
                    at[lane.number] = (span.epoch, segment.shard)
                    yield segment.shard


def cut_spans(
    split: Split,
    plan: Plan,
    spans: Iterator[Span],
    order: Iterator[int],
    *,
    feed: Feed,
    noise: Mapping[str, NoiseSpec],
    keep_bytes: int,
) -> Iterator[Arrays]:
    """Gives spans as arrays (steps, local rows, ...), the rows of a step by ascending lane.

    Args:
        split: the training split.
        plan: of its order.
        spans: what to cut.
        order: `shard_order` of the same spans.
        feed: what reads the shards.
        noise: of a row, by name.
        keep_bytes: memory for shards that are not read again.
    """
    shards = read_in_order(split, order, feed=feed, keep_bytes=keep_bytes)
    hands: dict[int, _Hand] = {}
    for span in spans:
        lanes = [_lane_rows(plan, span, lane, hands, shards) for lane in span.lanes]
        columns = [lane.columns(split.record) for lane in lanes]
        arrays = {
            name: _by_step([one[name] for one in columns], span.steps)
            for name in split.record.schema.names
        }
        yield arrays | {"noise": {k: _span_noise(k, spec, plan, span) for k, spec in noise.items()}}


class _Hand(NamedTuple):
    """The shard that a lane is reading now, with its rows and their order."""

    epoch: int
    shard: int
    rows: Rows
    order: IntArray


def _lane_rows(
    plan: Plan, span: Span, lane: Lane, hands: dict[int, _Hand], shards: Iterator[Rows]
) -> Rows:
    """What a lane gives to a span: (steps * B/K) rows."""
    cut = []
    for segment in plan.segments(span, lane):
        hand = hands.get(lane.number)
        if hand is None or (hand.epoch, hand.shard) != (span.epoch, segment.shard):
            order = plan.row_order(span.epoch, segment.shard)
            hand = _Hand(span.epoch, segment.shard, next(shards), order)
            hands[lane.number] = hand
        cut.append(hand.rows.take(hand.order[segment.start : segment.stop]))
    return Rows.concatenate(cut)


def _by_step(lanes: list[Any], steps: int) -> Any:
    """(steps * B/K, ...) of each lane as (steps, lanes * B/K, ...)."""
    stacked = np.stack([lane.reshape(steps, -1, *lane.shape[1:]) for lane in lanes], axis=1)
    return stacked.reshape(steps, -1, *stacked.shape[3:])


def _span_noise(name: str, spec: NoiseSpec, plan: Plan, span: Span) -> FloatArray:
    rows = plan.lane_rows
    noise = np.empty((span.steps, len(span.lanes), rows, *spec.shape), np.float32)
    for i in range(span.steps):
        for j, lane in enumerate(span.lanes):
            noise[i, j] = training_noise(
                spec,
                name=name,
                seed=plan.seed,
                epoch=span.epoch,
                step=span.step + i,
                lane=lane.number,
                rows=rows,
            )
    return noise.reshape(span.steps, -1, *spec.shape)
