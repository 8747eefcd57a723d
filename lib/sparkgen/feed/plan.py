"""The order of training rows is a pure function of (shard sizes, lanes, batch size, seed).

Every epoch the S shards are permuted and dealt to K lanes, lists of S/K shards each. A global batch of
B rows takes B/K rows from every lane, and rank r of N reads the lanes k with k % N == r. So a global
batch holds the same rows whatever N is, and every rank takes the same number of steps.

Shards of one version differ by at most one row. The larger ones are dealt first, so the lanes too
differ by at most one row, and an epoch has T = R // B steps of R rows: fewer than B are left out.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import Segment
from sparkgen.errors import RequestError
from sparkgen.noise import Stream, permutation

IntArray = npt.NDArray[np.int64]


class Position(NamedTuple):
    """A place in the training: an epoch, and a step within this epoch, both counted from 0."""

    epoch: int
    step: int


START = Position(0, 0)


class Lane(NamedTuple):
    """A lane in one epoch: shards that one rank reads in order, and the rows before each, (S/K + 1,)."""

    number: int
    shards: IntArray
    edges: IntArray

    def segments(self, start: int, stop: int) -> list[Segment]:
        """The rows [start, stop) of the lane, as one segment for each shard that they lie in.

        Rows are counted in the order that a shard's rows have in the epoch.
        """
        first, last = np.searchsorted(self.edges, [start, stop - 1], side="right") - 1
        edges = self.edges[first : last + 2].tolist()
        shards = self.shards[first : last + 1].tolist()
        return [
            Segment(shard, max(start - left, 0), min(stop, right) - left)
            for shard, (left, right) in zip(shards, pairwise(edges), strict=True)
            if right > left
        ]


class Span(NamedTuple):
    """Steps [step, step + steps) of one epoch, and the lanes that one rank reads for them."""

    epoch: int
    step: int
    steps: int
    lanes: tuple[Lane, ...]


class Plan(NamedTuple):
    """The order of training rows, made by `make_plan`; the number of workers does not change it."""

    shard_rows: IntArray
    lanes: int
    batch_size: int
    seed: int

    @property
    def lane_rows(self) -> int:
        """The number of rows that one lane gives to one step, B/K."""
        return self.batch_size // self.lanes

    @property
    def steps_per_epoch(self) -> int:
        """The number of steps in an epoch, T, the same in every epoch and on every rank."""
        return int(self.shard_rows.sum()) // self.batch_size

    def owned_lanes(self, rank: int, size: int) -> range:
        """The numbers of the lanes that one rank reads, ascending.

        Raises:
            RequestError: the number of workers does not divide the lanes.
        """
        if size < 1 or self.lanes % size:
            divisors = ", ".join(str(n) for n in range(1, self.lanes + 1) if self.lanes % n == 0)
            raise RequestError(
                f"a number of workers that divides the {self.lanes} lanes",
                found=str(size),
                mend=f"set environment.workers to one of {divisors}",
            )
        return range(rank, self.lanes, size)

    def epoch_lanes(self, epoch: int, numbers: Sequence[int]) -> tuple[Lane, ...]:
        """The lanes with these numbers in one epoch; no other lanes are held in memory."""
        order = self._shard_permutation(len(self.shard_rows), (epoch, 0, 0))
        large = self.shard_rows[order] > self.shard_rows.min()
        dealt = np.concatenate([order[large], order[~large]])
        lanes = []
        for number in numbers:
            hand = dealt[number :: self.lanes]
            # Dealt the larger first; within its lane a shard may come anywhere.
            shards = hand[self._shard_permutation(len(hand), (epoch, 1, number))]
            lanes.append(Lane(number, shards, np.cumsum([0, *self.shard_rows[shards]])))
        return tuple(lanes)

    def _shard_permutation(self, length: int, at: tuple[int, int, int]) -> IntArray:
        return permutation(length, seed=self.seed, stream=Stream.SHARDS, at=at)

    def row_order(self, epoch: int, shard: int) -> IntArray:
        """The order in which the rows of a shard are read in an epoch."""
        rows = int(self.shard_rows[shard])
        return permutation(rows, seed=self.seed, stream=Stream.ROWS, at=(epoch, shard, 0))

    def segments(self, span: Span, lane: Lane) -> list[Segment]:
        """The rows that a lane gives to the steps of a span, as segments of shards."""
        start = span.step * self.lane_rows
        return lane.segments(start, start + span.steps * self.lane_rows)

    def spans(
        self, numbers: Sequence[int], *, start: Position, epochs: int, steps: int
    ) -> Iterator[Span]:
        """All steps from `start` to the end of the last epoch, in spans of at most `steps` steps.

        Args:
            numbers: the lanes to read.
            start: the first step; going on from there is a seek.
            epochs: the number of the first epoch that is not read.
            steps: steps of a span; an epoch's last span may be shorter.
        """
        first, end = start.step, self.steps_per_epoch
        for epoch in range(start.epoch, epochs):
            lanes = self.epoch_lanes(epoch, numbers)
            for step in range(first, end, steps):
                yield Span(epoch, step, min(steps, end - step), lanes)
            first = 0


def make_plan(
    shard_rows: Sequence[int] | IntArray, *, lanes: int, batch_size: int, seed: int
) -> Plan:
    """The plan of a training split: which rows every training step takes.

    Args:
        shard_rows: rows of each shard, in the order of the manifest.
        lanes: K.
        batch_size: B, rows of a global batch.
        seed: of the order; 0 or more.

    Raises:
        RequestError: no whole batch in an epoch, or shards, lanes and batch size do not fit.
    """
    rows = np.asarray(shard_rows, np.int64)
    if batch_size < 1 or batch_size % lanes:
        below = max(lanes, batch_size // lanes * lanes)
        raise RequestError(
            f"a batch size that is a multiple of the {lanes} lanes",
            found=str(batch_size),
            mend=f"set training.batch_size to {below} or {below + lanes}",
        )
    if len(rows) == 0 or len(rows) % lanes:
        raise RequestError(
            f"a number of shards that is a multiple of the {lanes} lanes",
            found=str(len(rows)),
            mend="ingest the dataset again",
        )
    if rows.max() - rows.min() > 1:
        raise RequestError(
            "shards that differ by at most one row",
            found=f"shards of {rows.min()} to {rows.max()} rows",
            mend="ingest the dataset again",
        )
    if rows.sum() < batch_size:
        raise RequestError(
            f"at least one batch of {batch_size} rows in the training split",
            found=f"{rows.sum()} rows",
            mend="set training.batch_size lower, or ingest more rows",
        )
    return Plan(rows, lanes, batch_size, seed)


def plan_of(manifest: Manifest, *, batch_size: int, seed: int) -> Plan:
    """The plan of a dataset version's training split; raises the same errors as `make_plan`."""
    rows = [file.rows for file in manifest.split("train").files]
    return make_plan(rows, lanes=manifest.lanes, batch_size=batch_size, seed=seed)


class EvaluationShare(NamedTuple):
    """The rows [start, stop) of a split that one rank evaluates, and the number of their batches.

    Rows are in shard order.
    """

    start: int
    stop: int
    batches: int


def evaluation_share(rows: int, *, batch_rows: int, rank: int, size: int) -> EvaluationShare:
    """The share that one rank evaluates of a split of `rows` rows: each row on one rank, once.

    Shares differ by at most one row, and every rank has the same number of batches, the last ones
    padded: a rank that is out of rows still takes part in what ranks do together.
    """
    start, stop = rows * rank // size, rows * (rank + 1) // size
    largest = -(-rows // size)
    return EvaluationShare(start, stop, -(-largest // batch_rows))
