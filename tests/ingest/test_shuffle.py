"""The shuffle is a permutation, computed point by point."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.ingest.shuffle import shuffled


@given(st.integers(1, 3000), st.integers(0, 2**63))
def test_ranks_are_a_permutation(length: int, seed: int) -> None:
    assert sorted(shuffled(np.arange(length), length, seed=seed)) == list(range(length))


@given(st.integers(1, 10**15), st.integers(0, 2**63), st.data())
def test_a_rank_depends_on_its_own_id_only(length: int, seed: int, data: st.DataObject) -> None:
    ids = data.draw(st.lists(st.integers(0, length - 1), min_size=1, max_size=20))
    together = shuffled(ids, length, seed=seed)
    alone = [int(shuffled([i], length, seed=seed)[0]) for i in ids]
    assert together.tolist() == alone
    assert 0 <= together.min() <= together.max() < length


def test_another_seed_gives_another_order() -> None:
    ids = np.arange(1000)
    assert not np.array_equal(shuffled(ids, 1000, seed=0), shuffled(ids, 1000, seed=1))


def test_neighbours_land_apart_and_everywhere() -> None:
    rank = shuffled(np.arange(60_000), 60_000, seed=0)
    correlation = np.corrcoef(np.arange(60_000), rank)[0, 1]
    assert abs(correlation) < 0.02  # 1 / sqrt(n) is 0.004
    tenths = np.bincount(rank[:6000] // 6000, minlength=10)  # where the first tenth of rows goes
    assert tenths.min() > 500
    assert tenths.max() < 700
