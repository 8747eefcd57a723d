import numpy as np
import pytest

from sparkgen.layers.scaling import longest, reflected, scaled, to_size


def test_the_longer_side_is_shortened_and_the_other_with_it() -> None:
    x = np.full((1, 9, 31, 3), 0.25, np.float32)
    assert longest(x, 16).shape == (1, 5, 16, 3)
    assert longest(x, 31) is x
    assert longest(x, 100) is x
    assert scaled((9, 31), 0.01) == (1, 1)
    np.testing.assert_allclose(to_size(x, (5, 7)), 0.25, rtol=1e-6)


def test_every_pixel_counts_where_a_picture_becomes_smaller() -> None:
    x = np.zeros((1, 16, 16, 1), np.float32)
    x[0, 5, 6] = 1.0  # a linear interpolation of the nearest pixels would lose it
    assert np.asarray(to_size(x, (4, 4))).sum() * 16 == pytest.approx(1.0, rel=0.1)


def test_margins_are_mirror_images_as_far_as_there_are_pixels() -> None:
    x = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)
    found = np.asarray(reflected(x, [(4, 0), (1, 2)]))[0, ..., 0]
    assert found.tolist() == [[4, 3, 4, 5, 4, 3], [1, 0, 1, 2, 1, 0], [4, 3, 4, 5, 4, 3]]
