"""Tiles are cut so that each is computed as the whole would be, of no more pixels than it needs."""

import numpy as np
import pytest

from sparkgen.layers.tiles import by_tiles, margined_spans


def test_spans_cover_a_side_once_with_margins_that_stay_inside() -> None:
    assert margined_spans(10, 4, 2) == [(0, 4, 0, 6), (4, 8, 2, 10), (8, 10, 6, 10)]
    assert margined_spans(1, 4, 2) == [(0, 1, 0, 1)]


@pytest.mark.parametrize("size", [(1, 1), (9, 4), (13, 22)])
def test_the_result_is_that_of_the_whole_picture(size: tuple[int, int]) -> None:
    seen = []

    def enlarge(x: np.ndarray) -> np.ndarray:
        """The sum of the 5 x 5 neighbours, which there are, three times as large."""
        seen.append(x.shape[1:3])
        padded = np.pad(x, ((0, 0), (2, 2), (2, 2), (0, 0)))
        high, wide = x.shape[1:3]
        around = [padded[:, i : i + high, j : j + wide] for i in range(5) for j in range(5)]
        return sum(around).repeat(3, axis=1).repeat(3, axis=2)

    x = np.random.default_rng(0).random((1, *size, 3)).astype(np.float32)
    found = np.asarray(by_tiles(enlarge, x, side=4, margin=2, scale=3))
    assert max(max(shape) for shape in seen) <= 8
    np.testing.assert_allclose(found, enlarge(x), rtol=1e-6)
