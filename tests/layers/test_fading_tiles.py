"""Tiles that fade into each other leave no seams."""

import itertools

import numpy as np
import pytest

from sparkgen.layers.fading_tiles import by_fading_tiles, fading_spans


def test_tiles_overlap_and_reach_both_ends() -> None:
    assert fading_spans(100, 40, 10) == [(0, 40), (30, 70), (60, 100)]
    assert fading_spans(9, 4, 10) == [
        (0, 4),
        (1, 5),
        (3, 7),
        (5, 9),
    ]  # no more than half of a tile is shared
    assert fading_spans(100, 100, 10) == fading_spans(100, 0, 10) == [(0, 100)]


@pytest.mark.parametrize("length", [65, 90, 100, 500, 672])
@pytest.mark.parametrize("tile", [40, 64, 71, 200])
def test_tiles_that_begin_at_multiples_overlap_too(length: int, tile: int) -> None:
    found = fading_spans(length, tile, 64, align=32)
    assert found[0][0] == 0
    assert found[-1][1] == length
    assert all(start % 32 == 0 and stop - start < max(tile, 64) + 32 for start, stop in found)
    assert all(after[0] < before[1] for before, after in itertools.pairwise(found))


def test_what_looks_at_single_pixels_is_as_of_the_whole_picture() -> None:
    x, seen = np.random.default_rng(0).random((2, 13, 22, 3)).astype(np.float32), []

    def square(part: np.ndarray) -> np.ndarray:
        seen.append(part.shape)
        return part**2

    found = np.asarray(by_fading_tiles(square, x, tile=8, overlap=3))
    assert set(seen) == {(2, 8, 8, 3)}
    np.testing.assert_allclose(found, x**2, rtol=1e-5)


@pytest.mark.parametrize("tile", [8, 11])
def test_neighbouring_pixels_differ_by_little_where_tiles_differ(tile: int) -> None:
    count = iter(range(100))
    x = np.zeros((1, 3, 40, 1), np.float32)
    found = np.asarray(by_fading_tiles(lambda part: part + next(count), x, tile=tile, overlap=4))
    steps = np.abs(np.diff(found[0, 0, :, 0]))
    assert steps.sum() > 3  # from the first tile's 0 to the last one's number
    assert steps.max() < 0.401
