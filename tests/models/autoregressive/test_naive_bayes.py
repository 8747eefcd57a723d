from collections.abc import Callable

import numpy as np
import pytest
from scipy.special import log_softmax, logsumexp
from sklearn.naive_bayes import BernoulliNB

from sparkgen.models.counted import sum_statistics

NAME = "autoregressive.naive_bayes"
ROWS = 600


def counted(model, batches) -> None:
    model.fit_statistics(sum_statistics(model.statistics(batch) for batch in batches))


@pytest.mark.parametrize("levels", [2, 17, 256])
def test_it_equals_the_closed_form(levels: int, build: Callable, batch_of: Callable) -> None:
    model = build(NAME, binarisation="none", levels=levels, smoothing=0.5)
    batch = batch_of(model, ROWS)
    counted(model, [batch])
    x = np.rint(batch["image"] * (levels - 1)).astype(int).reshape(ROWS, 64)
    n_Y = np.bincount(batch["label"], minlength=10)
    n_YTL = np.array(
        [[(x[batch["label"] == y] == v).sum(0) for v in range(levels)] for y in range(10)]
    ).transpose(0, 2, 1)
    log_theta = np.log((n_YTL + 0.5) / (n_Y[:, None, None] + 0.5 * levels))
    log_prior = np.log((n_Y + 0.5) / (ROWS + 5))
    joint = log_prior + np.array([log_theta[:, np.arange(64), row].sum(1) for row in x])
    level = model.level(batch)
    np.testing.assert_allclose(model.log_joint(level), joint, rtol=1e-5)
    np.testing.assert_allclose(model.log_probability(level), logsumexp(joint, 1), rtol=1e-5)
    np.testing.assert_allclose(model.log_posterior(level), log_softmax(joint, 1), atol=2e-3)


def test_binary_pixels_agree_with_scikit_learn(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, binarisation="threshold", smoothing=1.0)
    batch = batch_of(model, ROWS)
    counted(model, [batch])
    x = (batch["image"] >= 0.5).reshape(ROWS, 64)
    reference = BernoulliNB(alpha=1.0).fit(x, batch["label"])
    on = np.exp(np.asarray(model.log_levels_KTL)[..., 1])
    np.testing.assert_allclose(on, np.exp(reference.feature_log_prob_), rtol=1e-5)


def test_dynamic_binarisation_counts_the_expectation_of_its_draws(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, binarisation="dynamic", per_class=False, smoothing=1.0)
    batch = batch_of(model, ROWS)
    counted(model, [batch])
    mean = (batch["image"].astype(np.float64).sum(0).ravel() + 1) / (ROWS + 2)
    on = np.exp(np.asarray(model.log_levels_KTL))[0, :, 1]
    np.testing.assert_allclose(on, mean, rtol=1e-5)


def test_counts_add_up_however_the_rows_are_cut_and_padding_counts_nothing(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, binarisation="none", levels=17)
    whole = model.statistics(batch_of(model, 100))
    first, second = batch_of(model, 60), batch_of(model, 60, first=60)
    second["weight"][40:] = 0
    parts = sum_statistics([model.statistics(first), model.statistics(second)])
    for name in whole:
        np.testing.assert_array_equal(parts[name], whole[name])


@pytest.mark.parametrize("per_class", [True, False])
def test_the_probabilities_of_all_images_sum_to_one(
    per_class: bool, build: Callable, batch_of: Callable, check_total_probability: Callable
) -> None:
    model = build(NAME, (2, 3, 1), per_class=per_class)
    counted(model, [batch_of(model, 100)])
    check_total_probability(model)


def test_it_knows_the_classes_and_draws_pixels_by_their_counts(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, binarisation="none", levels=17, smoothing=0.1)
    counted(model, [batch_of(model, 1000)])
    held_out = batch_of(model, 500, first=1000)
    assert np.mean(model(held_out)["accuracy"]) > 0.75
    noise = np.random.default_rng(0).random((4000, 8, 8, 1), dtype=np.float32)
    sample = np.asarray(model.generate(noise, {"label": np.full(4000, 3, np.int32)}))
    batch = batch_of(model, 1000)
    expected = batch["image"][batch["label"] == 3].mean(0)
    np.testing.assert_allclose(sample.mean(0), expected, atol=0.05)
