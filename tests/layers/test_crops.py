"""Squares are cut from images at every place and in all eight ways."""

import numpy as np

from sparkgen.layers.crops import random_crops

X = np.arange(2 * 5 * 7 * 3).reshape(2, 5, 7, 3).astype(np.float32)
LAST = np.float32(1 - 2**-24)  # the largest number that uniform noise has


def crop(row: float, column: float, up: float = 0, left: float = 0, turned: float = 1) -> list:
    return [row, column, up, left, turned]


def test_crops_are_squares_of_their_image_at_the_places_of_the_noise() -> None:
    first, last = crop(0, 0), crop(LAST, LAST)
    noise = np.float32([[first, last], [last, crop(0.5, 0.5)]])
    found = np.asarray(random_crops(X, noise, 4)).reshape(2, 2, 4, 4, 3)
    np.testing.assert_array_equal(found[0, 0], X[0, :4, :4])
    np.testing.assert_array_equal(found[0, 1], X[0, 1:, 3:])
    np.testing.assert_array_equal(found[1, 0], X[1, 1:, 3:])
    np.testing.assert_array_equal(found[1, 1], X[1, 1:, 2:6])


def test_mirrors_and_the_diagonal_make_eight_ways() -> None:
    ways = [crop(0, 0, *bits) for bits in np.ndindex(2, 2, 2)]
    found = np.asarray(random_crops(X[:1], np.float32([ways]), 3))
    square = X[0, :3, :3]
    turned = [np.rot90(one, k) for one in (square, square[:, ::-1]) for k in range(4)]
    assert {one.tobytes() for one in found} == {one.tobytes() for one in turned}


def test_a_square_of_the_whole_image_has_one_place() -> None:
    found = random_crops(X[:, :, :5], np.full((2, 1, 5), LAST, np.float32), 5)
    np.testing.assert_array_equal(found, X[:, ::-1, 4::-1])
