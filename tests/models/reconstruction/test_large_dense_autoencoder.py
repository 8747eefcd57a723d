from collections.abc import Callable

import numpy as np

NAME = "reconstruction.large_dense_autoencoder"


def test_the_reference_has_5126800_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (80, 80, 1))
    assert parameters(model) == 6401 * 400 + 401 * 6400 == 5_126_800


def test_inversion_is_inside_and_twice_is_none(build: Callable) -> None:
    """The inverted model is the plain one on 1 - x, looked at through 1 - x̂."""
    plain, inverted = build(NAME), build(NAME, invert=True)
    inverted.set_weights(plain.get_weights())
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    expected = 1 - np.asarray(plain.reconstruct(1 - x))
    np.testing.assert_allclose(inverted.reconstruct(x), expected, atol=1e-6)
    assert np.abs(np.asarray(plain.reconstruct(x)) - expected).max() > 1e-3
