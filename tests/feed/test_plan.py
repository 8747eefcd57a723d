from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.errors import RequestError
from sparkgen.feed.plan import Plan, Position, evaluation_share, make_plan

START = Position(0, 0)


def shards_of(rows: int, shards: int) -> list[int]:
    """Rows of shards that differ by at most one, the larger ones anywhere."""
    return np.random.default_rng(rows).permutation(np.diff(np.arange(shards + 1) * rows // shards))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    lanes = draw(st.sampled_from([1, 2, 3, 4, 6, 8, 12]))
    shards = lanes * draw(st.integers(1, 6))
    batch_size = lanes * draw(st.integers(1, 5))
    rows = draw(st.integers(batch_size, batch_size + 400))
    seed = draw(st.integers(0, 2**63))
    return make_plan(shards_of(rows, shards), lanes=lanes, batch_size=batch_size, seed=seed)


class Row(NamedTuple):
    """A row by its place in the files."""

    shard: int
    row: int


Step = dict[int, list[Row]]
"""The rows that each lane gives to a step."""


def steps_of_rank(
    plan: Plan, rank: int, size: int, *, start: Position, epochs: int, span: int
) -> dict[Position, Step]:
    """What a rank gets, step by step."""
    lanes = plan.owned_lanes(rank, size)
    steps: dict[Position, Step] = {}
    for cut in plan.spans(lanes, start=start, epochs=epochs, steps=span):
        for lane in cut.lanes:
            rows = [
                Row(segment.shard, int(row))
                for segment in plan.segments(cut, lane)
                for row in plan.row_order(cut.epoch, segment.shard)[segment.start : segment.stop]
            ]
            for i in range(cut.steps):
                step = steps.setdefault(Position(cut.epoch, cut.step + i), {})
                step[lane.number] = rows[i * plan.lane_rows : (i + 1) * plan.lane_rows]
    return steps


def replay(plan: Plan, *, epochs: int, span: int = 7) -> dict[Position, Step]:
    return steps_of_rank(plan, 0, 1, start=START, epochs=epochs, span=span)


@given(plans(), st.integers(1, 9))
def test_global_batches_are_the_same_for_every_number_of_workers(plan: Plan, span: int) -> None:
    alone = replay(plan, epochs=2)
    for size in (n for n in range(2, plan.lanes + 1) if plan.lanes % n == 0):
        ranks = [
            steps_of_rank(plan, rank, size, start=START, epochs=2, span=span)
            for rank in range(size)
        ]
        together = {
            position: {k: rows for rank in ranks for k, rows in rank[position].items()}
            for position in alone
        }
        assert together == alone
        assert [list(rank) for rank in ranks] == [list(alone)] * size


@given(plans())
def test_every_step_of_every_epoch_takes_its_rows_from_every_lane(plan: Plan) -> None:
    steps = replay(plan, epochs=2)
    assert list(steps) == [Position(e, t) for e in range(2) for t in range(plan.steps_per_epoch)]
    for step in steps.values():
        assert {k: len(rows) for k, rows in step.items()} == dict.fromkeys(
            range(plan.lanes), plan.batch_size // plan.lanes
        )


@given(plans())
def test_no_row_comes_twice_in_an_epoch_and_less_than_a_batch_is_left_out(plan: Plan) -> None:
    steps = replay(plan, epochs=3)
    for epoch in range(3):
        rows = [
            row
            for position, step in steps.items()
            if position.epoch == epoch
            for lane in step.values()
            for row in lane
        ]
        assert len(rows) == len(set(rows))
        assert {row.shard for row in rows} <= set(range(len(plan.shard_rows)))
        assert all(0 <= row.row < plan.shard_rows[row.shard] for row in rows)
        assert plan.shard_rows.sum() - len(rows) < plan.batch_size


@given(plans(), st.data())
def test_a_seek_gives_what_a_replay_gives_from_there_on(plan: Plan, data: st.DataObject) -> None:
    steps = replay(plan, epochs=3)
    start = data.draw(st.sampled_from(list(steps)))
    size = data.draw(st.sampled_from([n for n in (1, 2, 3, 4) if plan.lanes % n == 0]))
    rank = data.draw(st.integers(0, size - 1))
    sought = steps_of_rank(plan, rank, size, start=start, epochs=3, span=4)
    lanes = plan.owned_lanes(rank, size)
    assert sought == {
        position: {k: step[k] for k in lanes}
        for position, step in steps.items()
        if position >= start
    }


@given(plans(), st.integers(0, 1000))
def test_the_lanes_of_an_epoch_hold_every_shard_once_and_differ_by_one_row(
    plan: Plan, epoch: int
) -> None:
    lanes = plan.epoch_lanes(epoch, range(plan.lanes))
    dealt = np.concatenate([lane.shards for lane in lanes])
    assert sorted(dealt.tolist()) == list(range(len(plan.shard_rows)))
    assert {len(lane.shards) for lane in lanes} == {len(plan.shard_rows) // plan.lanes}
    rows = [int(lane.edges[-1]) for lane in lanes]
    assert max(rows) - min(rows) <= 1


def test_the_order_changes_with_the_epoch_and_with_the_seed() -> None:
    plan = make_plan([50] * 8, lanes=4, batch_size=20, seed=0)
    steps = replay(plan, epochs=2)
    assert steps[Position(0, 0)] != steps[Position(1, 0)]
    assert replay(plan._replace(seed=1), epochs=1)[START] != steps[START]


def test_every_row_is_left_out_about_equally_often() -> None:
    """15 of 55 rows are left out of an epoch: each in about 82 epochs of 300, with σ = 7.7."""
    plan = make_plan([7] * 5 + [6, 7, 7], lanes=4, batch_size=40, seed=3)
    rows = int(plan.shard_rows.sum())
    edges = np.cumsum([0, *plan.shard_rows])
    missed = np.full(rows, 300)
    for step in replay(plan, epochs=300).values():
        for row in (row for lane in step.values() for row in lane):
            missed[edges[row.shard] + row.row] -= 1
    expected = 300 * (rows - 40) / rows
    assert abs(missed.mean() - expected) < 1e-9
    assert missed.min() > expected - 35
    assert missed.max() < expected + 35


def test_the_plan_has_the_order_it_had_when_it_was_first_made() -> None:
    """Another order would make a checkpoint go on with other data than it began with."""
    plan = make_plan([3, 3, 4, 4], lanes=2, batch_size=4, seed=5)
    lanes = plan.epoch_lanes(1, range(2))
    assert [lane.shards.tolist() for lane in lanes] == [[0, 3], [1, 2]]
    assert plan.row_order(1, 2).tolist() == [1, 2, 0, 3]


def test_one_rank_of_1024_holds_its_own_lane_of_a_million_shards_only() -> None:
    shards = 977 * 1024
    plan = make_plan(np.full(shards, 4096), lanes=1024, batch_size=8192, seed=0)
    lanes = plan.epoch_lanes(3, plan.owned_lanes(700, 1024))
    assert [lane.number for lane in lanes] == [700]
    assert lanes[0].shards.nbytes == 977 * 8
    assert plan.steps_per_epoch == shards * 4096 // 8192


@pytest.mark.parametrize(
    ("shard_rows", "batch_size", "line"),
    [
        ([10] * 4, 6, "multiple of the 4 lanes, found 6: set training.batch_size to 4 or 8"),
        ([10] * 4, 2, "multiple of the 4 lanes, found 2: set training.batch_size to 4 or 8"),
        ([10] * 6, 8, "shards that is a multiple of the 4 lanes, found 6: ingest"),
        ([10] * 2, 8, "shards that is a multiple of the 4 lanes, found 2: ingest"),
        ([], 8, "shards that is a multiple of the 4 lanes, found 0: ingest"),
        ([10, 10, 10, 8], 8, "differ by at most one row, found shards of 8 to 10 rows"),
        ([1] * 4, 8, "at least one batch of 8 rows in the training split, found 4 rows"),
    ],
)
def test_a_plan_that_cannot_be_is_refused(
    shard_rows: list[int], batch_size: int, line: str
) -> None:
    with pytest.raises(RequestError, match=line):
        make_plan(shard_rows, lanes=4, batch_size=batch_size, seed=0)


def test_workers_that_do_not_divide_the_lanes_are_refused() -> None:
    plan = make_plan([10] * 8, lanes=8, batch_size=8, seed=0)
    with pytest.raises(RequestError, match=r"divides the 8 lanes, found 3: .* one of 1, 2, 4, 8"):
        plan.owned_lanes(0, 3)


@given(st.integers(1, 500), st.integers(1, 60), st.integers(1, 20))
def test_evaluation_shares_cover_every_row_once_in_equally_many_batches(
    rows: int, batch_rows: int, size: int
) -> None:
    shares = [
        evaluation_share(rows, batch_rows=batch_rows, rank=rank, size=size) for rank in range(size)
    ]
    assert [i for share in shares for i in range(share.start, share.stop)] == list(range(rows))
    assert len({share.batches for share in shares}) == 1
    for share in shares:
        assert share.stop - share.start <= share.batches * batch_rows
