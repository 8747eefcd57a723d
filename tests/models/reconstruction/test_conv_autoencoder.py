from collections.abc import Callable

import numpy as np
import pytest

NAME = "reconstruction.conv_autoencoder"


def test_the_reference_has_its_stated_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (80, 80, 1))
    assert parameters(model.encoder) == 2_583_696
    assert parameters(model.decoder) == 235_537


@pytest.mark.parametrize("shape", [(7, 5, 3), (30, 31, 1)])
def test_sides_that_do_not_halve_come_out_right(
    shape: tuple[int, int, int], build: Callable
) -> None:
    model = build(NAME, shape)
    x = np.zeros((2, *shape), np.float32)
    assert np.asarray(model.reconstruct(x)).shape == (2, *shape)


def test_without_inversion_the_same_weights_see_the_picture_as_it_is(build: Callable) -> None:
    plain, inverted = build(NAME, invert=False), build(NAME)
    inverted.set_weights(plain.get_weights())
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    expected = 1 - np.asarray(plain.reconstruct(1 - x))
    np.testing.assert_allclose(inverted.reconstruct(x), expected, atol=1e-6)
