"""Which rows stay and which file each goes to: arithmetic, the same for any cut of the blocks."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.datasets.records import ImageRecord
from sparkgen.ingest.layout import FILE_BYTES, NOWHERE, Cut, Layout, Summary, make_layout
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.reach import Reach

CUT = Cut(
    ImageRecord((28, 28, 1)),
    lanes=8,
    shards=None,
    shard_rows=50,
    validation_fraction=0.1,
    limit=None,
    seed=3,
)


def layout(cut: Cut, split: str = "train", rows: int = 1000, block: int = 64) -> Layout:
    sizes = [min(block, rows - start) for start in range(0, rows, block)]
    return make_layout(
        [Summary(split, 0, n, size, size, size, {}, {}, None) for n, size in enumerate(sizes)], cut
    )


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("limit", [1, 10, 317, 999])
def test_a_limit_keeps_that_many_rows_spread_over_the_source(split: str, limit: int) -> None:
    made = layout(CUT._replace(limit=limit), split)
    ids = np.arange(1000)
    files, orders = made.assign(split, ids)
    kept = orders < made.rows[split]
    assert kept.sum() == made.rows[split] == limit
    assert sorted(orders[kept]) == list(range(limit))
    if limit >= 317:
        assert np.histogram(ids[kept], bins=10, range=(0, 1000))[0].min() >= limit // 20
    sizes = np.bincount(files[kept])
    outputs = [output for output in made.outputs.values() if output.rows]
    for output in outputs:
        part = sizes[output.first : output.first + output.files]
        assert part.sum() == output.rows
        assert part.max() - part.min() <= 1
    alone = [made.assign(split, np.array([i])).orders[0] for i in (0, 500, 999)]
    assert alone == orders[[0, 500, 999]].tolist()


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("limit", [1000, 5000])
def test_a_limit_that_nothing_exceeds_changes_nothing(split: str, limit: int) -> None:
    ids = np.arange(1000)
    limited = layout(CUT._replace(limit=limit), split).assign(split, ids)
    unlimited = layout(CUT, split).assign(split, ids)
    assert all(np.array_equal(a, b) for a, b in zip(limited, unlimited, strict=True))


@given(
    st.lists(st.tuples(st.sampled_from(["train", "test"]), st.integers(0, 50)), max_size=8),
    st.integers(1, 4),
    st.floats(0, 0.9),
    st.none() | st.integers(1, 60),
    st.randoms(),
)
def test_any_blocks_fill_balanced_files_in_whatever_order_they_come(
    blocks: list[tuple[str, int]], lanes: int, fraction: float, limit: int | None, random
) -> None:
    cut = CUT._replace(lanes=lanes, shard_rows=7, validation_fraction=fraction, limit=limit)
    summaries = [
        Summary(split, 0, n, rows, rows, rows, {}, {}, None)
        for n, (split, rows) in enumerate(blocks)
    ]
    made = make_layout(summaries, cut)
    random.shuffle(summaries)
    assert make_layout(summaries, cut) == made
    total = {split: sum(rows for name, rows in blocks if name == split) for split, _ in blocks}
    assert made.found == total
    files = np.zeros(0, np.int64)
    for split, rows in total.items():
        ids = np.arange(rows)
        if rows == 0:
            continue
        whole = made.assign(split, ids)
        # Block by block, as the executors ask, it is the same as at once.
        parts = [
            made.assign(split, made.before[s.split, s.file, s.number].first_id + np.arange(s.rows))
            for s in sorted(summaries, key=lambda s: s.number)
            if s.split == split and s.rows
        ]
        assert np.concatenate([p.files for p in parts]).tolist() == whole.files.tolist()
        kept = whole.orders < made.rows[split]
        assert sorted(whole.orders[kept]) == list(range(made.rows[split]))
        files = np.append(files, whole.files[kept])
    for output in made.outputs.values():
        sizes = [np.count_nonzero(files == output.first + k) for k in range(output.files)]
        assert sum(sizes) == output.rows
        assert not sizes or max(sizes) - min(sizes) <= 1
    assert len(files) == sum(made.rows.values()) == sum(o.rows for o in made.outputs.values())


@given(
    st.integers(1, 300),
    st.floats(0.01, 0.95),
    st.floats(0, 0.9),
    st.none() | st.integers(1, 100),
)
def test_a_test_fraction_takes_its_rows_at_random_and_the_limit_holds_for_each_split(
    rows: int, fraction: float, validation: float, limit: int | None
) -> None:
    cut = CUT._replace(
        test_fraction=fraction, validation_fraction=validation, limit=limit, shard_rows=7, lanes=2
    )
    made = layout(cut, "train", rows, 32)
    ids = np.arange(rows)
    files, ranks = made.assign("train", ids)
    tested = round(rows * fraction)
    most = limit or rows
    folders = {name: output.has(files) for name, output in made.outputs.items()}
    assert folders["test"].sum() == made.outputs["test"].rows == min(tested, most)
    training = folders["train"] | folders["validation"]
    assert training.sum() == min(rows - tested, most)
    assert folders["validation"].sum() == round(training.sum() * validation)
    assert sorted(ranks) == list(range(rows))
    if tested:
        assert ranks[folders["test"]].max() < tested
        assert not training[ranks < tested].any()
    for output in made.outputs.values():
        sizes = np.bincount(files[output.has(files)] - output.first, minlength=output.files)
        assert sizes.sum() == output.rows
        assert not output.files or sizes.max() - sizes.min() <= 1
    assert ((files == NOWHERE) == ~(training | folders["test"])).all()
    assert (files != NOWHERE).sum() == made.rows["train"]
    alone = [made.assign("train", np.array([i])).files[0] for i in (0, rows // 2, rows - 1)]
    assert alone == files[[0, rows // 2, rows - 1]].tolist()


def test_files_of_large_pictures_stay_below_the_end_of_arrow_columns() -> None:
    large = CUT._replace(record=ImageRecord((1024, 1024, 3)), shard_rows=4096)
    for rows in (5_500, 100_000, 10**7):
        files = large.files(rows)
        assert files % 8 == 0
        assert -(-rows // files) * large.record.row_bytes <= FILE_BYTES < 2**31
    assert large._replace(record=ImageRecord((2**15, 2**15, 1))).files(100) == 100


def test_files_of_small_pictures_have_shard_rows() -> None:
    for shape in ((8, 8, 1), (28, 28, 1), (32, 32, 3), (128, 128, 3)):
        cut = CUT._replace(record=ImageRecord(shape), shard_rows=4096)
        assert [cut.files(rows) for rows in (3, 54_000, 960_000)] == [3, 16, 240]


def test_a_summary_survives_its_way_through_spark() -> None:
    seen = Seen(Reach(0, 9), Reach(13, 780), Reach(1, 255), whole=True, clipped=2)
    for part in (seen, Seen()):
        summary = Summary("train", 1, 2, 30, 20, 25, {"x": 5}, {"x": Reach(-1.5, 4)}, part)
        again = Summary.from_json(summary.to_json())
        assert again._replace(seen=Seen.from_list(again.seen)) == summary
    assert Summary.from_json(summary._replace(seen=None).to_json()).seen is None
