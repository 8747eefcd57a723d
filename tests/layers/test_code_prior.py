import itertools

import keras
import numpy as np
import pytest

from sparkgen.layers.code_prior import CodePrior
from sparkgen.layers.raster import draw_image_plainly
from sparkgen.noise import NoiseSpec, row_noise


@pytest.fixture
def prior() -> CodePrior:
    """Of 3 codes on a grid of 2×2, with large weights so that codes depend on each other."""
    keras.utils.set_random_seed(0)
    prior = CodePrior(3, (2, 2), features=8, blocks=1)
    prior(np.zeros((1, 2, 2, 1), np.float32))
    for weight in prior.trainable_variables:
        weight.assign(2.0 * np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    return prior


def test_the_probabilities_of_all_grids_sum_to_one(prior: CodePrior) -> None:
    every = np.array(list(itertools.product(range(3), repeat=4)), np.int32).reshape(-1, 2, 2)
    probability = np.exp(prior.log_probability(every))
    assert len(probability) == 81
    assert abs(probability.sum() - 1) < 1e-4


def test_a_code_depends_on_every_earlier_one_and_not_on_itself_or_a_later_one(
    prior: CodePrior,
) -> None:
    values = np.random.default_rng(0).integers(0, 3, (1, 2, 2, 1)).astype(np.float32) / 2
    before = np.asarray(prior(values)).reshape(4, 3)
    for cell in range(4):
        changed = values.copy()
        changed.reshape(4)[cell] = 1.0 if values.reshape(4)[cell] < 1 else 0.0
        after = np.asarray(prior(changed)).reshape(4, 3)
        np.testing.assert_allclose(after[: cell + 1], before[: cell + 1], atol=1e-5)
        assert (np.abs(after - before)[cell + 1 :].max(axis=1) > 1e-3).all()


def test_draws_with_caches_equal_draws_with_the_whole_network(prior: CodePrior) -> None:
    uniform = row_noise(NoiseSpec((2, 2, 1), "uniform"), range(200), seed=0)
    plain = draw_image_plainly(prior, uniform, levels=3)
    np.testing.assert_array_equal(prior.draw(uniform), np.round(2 * np.asarray(plain)[..., 0]))


def test_draws_have_the_probabilities_of_the_prior(prior: CodePrior) -> None:
    codes = np.asarray(prior.draw(row_noise(NoiseSpec((2, 2, 1), "uniform"), range(4000), seed=1)))
    first = np.bincount(codes[:, 0, 0], minlength=3) / 4000
    every = np.array(list(itertools.product(range(3), repeat=4)), np.int32).reshape(-1, 2, 2)
    probability = np.exp(prior.log_probability(every))
    expected = [probability[every[:, 0, 0] == k].sum() for k in range(3)]
    np.testing.assert_allclose(first, expected, atol=0.03)
