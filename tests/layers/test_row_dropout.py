"""Dropout by the noise of each row."""

import numpy as np
import pytest

from sparkgen.layers.row_dropout import dropped, row_seeds

NOISE = np.random.default_rng(0).random((64, 2)).astype(np.float32)


def ones(rows: int, place: str = "here", rate: float = 0.2) -> np.ndarray:
    return np.asarray(
        dropped(np.ones((rows, 50, 40), np.float32), rate, row_seeds(NOISE[:rows]), place)
    )


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
def test_the_share_that_is_dropped_is_the_rate_and_the_mean_stays(rate: float) -> None:
    x = ones(64, rate=rate)
    spread = (rate * (1 - rate) / x.size) ** 0.5
    assert abs((x == 0).mean() - rate) < 4 * spread
    assert np.unique(x).size == 2
    assert x.max() == pytest.approx(1 / (1 - rate))


def test_a_row_loses_the_same_entries_whatever_stands_beside_it() -> None:
    np.testing.assert_array_equal(ones(3), ones(64)[:3])


def test_rows_entries_and_places_are_dropped_independently() -> None:
    x = ones(64) == 0
    for other in (
        ones(64, "there") == 0,
        np.roll(x, 1, axis=0),
        np.roll(x, 1, axis=1),
        np.roll(x, 1, axis=2),
    ):
        correlation = np.corrcoef(x.ravel(), other.ravel())[0, 1]
        assert abs(correlation) < 4 / x.size**0.5


def test_without_seeds_nothing_is_dropped() -> None:
    x = np.ones((2, 3), np.float32)
    assert dropped(x, 0.5, None, "here") is x
