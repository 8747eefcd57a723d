import numpy as np
import pytest

from sparkgen.layers.jitter import (
    DIMENSIONS,
    Jitter,
    evenly,
    jittered,
    moved,
    turned,
    uniform,
    whole,
)


def images(rows: int) -> np.ndarray:
    return np.random.default_rng(0).random((rows, 5, 7, 3)).astype(np.float32)


def test_an_image_is_moved_as_it_is_rolled() -> None:
    moves = np.array([[1, -2], [-3, 4]], np.int32)
    found = np.asarray(moved(images(2), moves))
    for row, move in enumerate(moves):
        np.testing.assert_array_equal(found[row], np.roll(images(2)[row], move, axis=(0, 1)))
        alone = moved(images(2)[row : row + 1], moves[row : row + 1])
        np.testing.assert_array_equal(alone[0], found[row])


def test_whole_moves_fill_the_square_evenly_and_differ_between_rows() -> None:
    begin = np.random.default_rng(0).random((2, 2)).astype(np.float32)
    found = np.stack([np.asarray(whole(evenly(begin, k), np.float32(1))) for k in range(90)])
    assert set(found.ravel().tolist()) == {-1, 0, 1}
    for row in range(2):
        _, counts = np.unique(found[:, row], axis=0, return_counts=True)
        assert len(counts) == 9
        assert counts.min() >= 8  # 10 each, if they were quite even
    assert (found[:, 0] != found[:, 1]).any()
    assert not np.asarray(whole(evenly(begin, 5), np.float32(0))).any()


def test_a_sequence_of_more_dimensions_fills_each_of_them() -> None:
    begin = np.full((1, 6), 0.3, np.float32)
    found = np.stack([np.asarray(evenly(begin, k))[0] for k in range(200)])
    counts = [np.histogram(column, bins=10, range=(0, 1))[0] for column in found.T]
    assert np.min(counts) >= 15  # 20 each, if they were quite even
    assert np.abs(np.corrcoef(found.T) - np.eye(6)).max() < 0.2


def test_normal_numbers_become_uniform_ones() -> None:
    found = np.asarray(uniform(np.array([-1e9, -0.6744898, 0.0, 0.6744898, 1e9], np.float32)))
    np.testing.assert_allclose(found, [0, 0.25, 0.5, 0.75, 1], atol=1e-6)


def test_a_quarter_turn_against_the_clock_is_numpys() -> None:
    x = images(1)[:, :, 1:6]
    one, zero = np.ones(1, np.float32), np.zeros((1, 2), np.float32)
    found = np.asarray(turned(x, np.pi / 2 * one, one, zero))
    np.testing.assert_allclose(found[0], np.rot90(x[0]), atol=1e-5)


@pytest.mark.parametrize("move", [(1, -2), (0, 3)])
def test_an_image_that_is_not_turned_is_moved(move: tuple[int, int]) -> None:
    one = np.ones(1, np.float32)
    found = turned(images(1), 0 * one, one, np.array([move], np.float32), outside=0.25)
    padded = np.pad(images(1)[0], ((4, 4), (4, 4), (0, 0)), constant_values=0.25)
    expected = np.roll(padded, move, axis=(0, 1))[4:-4, 4:-4]
    np.testing.assert_allclose(found[0], expected, atol=1e-5)


def test_an_enlarged_image_keeps_its_middle() -> None:
    x, one = np.zeros((1, 9, 9, 1), np.float32), np.ones(1, np.float32)
    x[0, 4, 6] = 1.0
    found = np.asarray(turned(x, 0 * one, 2 * one, np.zeros((1, 2), np.float32)))[0, :, :, 0]
    assert np.unravel_index(found.argmax(), found.shape) == (4, 8)


def test_nothing_is_done_to_an_image_where_the_most_is_nothing() -> None:
    even = np.random.default_rng(0).random((2, DIMENSIONS)).astype(np.float32)
    found = jittered(images(2), images(2), even, Jitter(0.0, 0.0, 0.0, 0.0), outside=0.5)
    np.testing.assert_allclose(found, images(2), atol=1e-6)


def test_noise_is_that_of_the_row_moved() -> None:
    even = np.zeros((1, DIMENSIONS), np.float32)
    even[0, 4:] = [0.5, 0.6, 0.3]  # half the noise, moved by 3 of 5 pixels down and 2 of 7 right
    found = jittered(images(1), images(1), even, Jitter(0.0, 0.0, 0.0, 0.2), outside=0.0)
    expected = images(1) + 0.1 * np.roll(images(1), (3, 2), axis=(1, 2))
    np.testing.assert_allclose(found, expected, atol=1e-6)
