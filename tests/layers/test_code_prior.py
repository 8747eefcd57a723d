import itertools

import keras
import numpy as np
import pytest

from sparkgen.layers.code_prior import CodePrior
from sparkgen.layers.raster import draw_image_plainly
from sparkgen.noise import NoiseSpec, row_noise

EVERY = np.array(list(itertools.product(range(3), repeat=4)), np.int32).reshape(-1, 2, 2)
UNIFORM = NoiseSpec((2, 2, 1), "uniform")


def make_prior(labels: int = 0) -> CodePrior:
    """Of 3 codes on a grid of 2×2, with large weights so that codes depend on each other."""
    keras.utils.set_random_seed(0)
    prior = CodePrior(3, (2, 2), features=8, blocks=1, labels=labels)
    prior(np.zeros((1, 2, 2, 1), np.float32), np.zeros(1, np.int32) if labels else None)
    for weight in prior.trainable_variables:
        weight.assign(2.0 * np.random.default_rng(len(weight.path)).normal(size=weight.shape))
    return prior


@pytest.fixture
def prior() -> CodePrior:
    return make_prior()


def test_the_probabilities_of_all_grids_sum_to_one(prior: CodePrior) -> None:
    probability = np.exp(prior.log_probability(EVERY))
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
    uniform = row_noise(UNIFORM, range(200), seed=0)
    plain = draw_image_plainly(prior, uniform, levels=3)
    np.testing.assert_array_equal(prior.draw(uniform), np.round(2 * np.asarray(plain)[..., 0]))


def test_draws_have_the_probabilities_of_the_prior(prior: CodePrior) -> None:
    codes = np.asarray(prior.draw(row_noise(UNIFORM, range(4000), seed=1)))
    first = np.bincount(codes[:, 0, 0], minlength=3) / 4000
    probability = np.exp(prior.log_probability(EVERY))
    expected = [probability[EVERY[:, 0, 0] == k].sum() for k in range(3)]
    np.testing.assert_allclose(first, expected, atol=0.03)


def test_of_every_label_the_probabilities_sum_to_one_and_draws_have_them() -> None:
    prior = make_prior(labels=2)
    drawn = {}
    for label in range(2):
        probability = np.exp(prior.log_probability(EVERY, np.full(81, label)))
        assert abs(probability.sum() - 1) < 1e-4
        uniform = row_noise(UNIFORM, range(4000), seed=1)
        codes = np.asarray(prior.draw(uniform, np.full(4000, label))).reshape(4000, 4)
        found = np.bincount(codes @ (27, 9, 3, 1), minlength=81) / 4000
        np.testing.assert_allclose(found, probability, atol=0.03)
        drawn[label] = codes
    assert (drawn[0] != drawn[1]).any(axis=1).mean() > 0.2
    mixed = prior.draw(row_noise(UNIFORM, range(4000), seed=1), np.arange(4000) % 2)
    np.testing.assert_array_equal(np.reshape(mixed, (4000, 4))[1::2], drawn[1][1::2])


def test_a_temperature_divides_the_logits(prior: CodePrior) -> None:
    uniform = row_noise(UNIFORM, range(200), seed=0)
    np.testing.assert_array_equal(prior.draw(uniform, temperature=1.0), prior.draw(uniform))
    for temperature in (0.5, 2.0):
        plain = draw_image_plainly(lambda x: prior(x) / temperature, uniform, levels=3)  # noqa: B023
        drawn = prior.draw(uniform, temperature=temperature)
        np.testing.assert_array_equal(drawn, np.round(2 * np.asarray(plain)[..., 0]))


def test_without_temperature_each_code_is_the_most_likely_one(prior: CodePrior) -> None:
    drawn = np.asarray(prior.draw(row_noise(UNIFORM, range(50), seed=0), temperature=0.0))
    assert (drawn == drawn[0]).all()
    logits = np.asarray(prior(drawn[:1, ..., None].astype(np.float32) / 2)).reshape(2, 2, 3)
    np.testing.assert_array_equal(drawn[0], logits.argmax(-1))
