import numpy as np
import pytest
import ring_functions

from sparkgen.distribution.launcher import launch


@pytest.fixture(scope="module")
def alone():
    return launch(ring_functions.normalise, {}, workers=1, where="in-process")


@pytest.fixture(scope="module")
def together(ring_of_two):
    return ring_of_two["statistics"]


@pytest.mark.parametrize("name", ["mean", "variance"])
def test_moving_statistics_do_not_depend_on_the_number_of_workers(alone, together, name):
    np.testing.assert_allclose(together[name], alone[name], rtol=1e-5)


@pytest.mark.parametrize("name", ["d_x", "d_gamma"])
def test_gradients_do_not_depend_on_the_number_of_workers(alone, together, name):
    np.testing.assert_allclose(together[name], alone[name], rtol=1e-5, atol=1e-6)


def test_moving_statistics_are_those_of_all_rows(together):
    rows = np.random.default_rng(1).normal(5.0, 3.0, size=(8, 3))
    np.testing.assert_allclose(together["mean"], 0.5 * rows.mean(0), rtol=1e-5)
    np.testing.assert_allclose(together["variance"], 0.5 + 0.5 * rows.var(0), rtol=1e-5)
