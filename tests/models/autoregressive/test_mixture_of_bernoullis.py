from collections.abc import Callable

import numpy as np

from sparkgen.models.counted import sum_statistics
from sparkgen.noise import row_noise

NAME = "autoregressive.mixture_of_bernoullis"


def step(model, batches) -> None:
    model.fit_statistics(sum_statistics(model.statistics(batch) for batch in batches))


def test_a_step_of_em_equals_its_formulas(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, components=3, smoothing=0.5, binarisation="threshold")
    batch = batch_of(model, 50)
    mean, weight = np.asarray(model.means_KT, np.float64), np.full(3, 1 / 3)
    x = (batch["image"] >= 0.5).reshape(50, 1, 64)
    joint = weight * np.prod(np.where(x, mean, 1 - mean), axis=2)
    responsibility = joint / joint.sum(1, keepdims=True)
    rows = responsibility.sum(0)
    step(model, [batch])
    np.testing.assert_allclose(model.weights_K, (rows + 0.5) / (50 + 1.5), rtol=1e-4)
    ones = responsibility.T @ x[:, 0]
    np.testing.assert_allclose(model.means_KT, (ones + 0.5) / (rows[:, None] + 1), rtol=1e-3)


def test_em_never_lowers_the_likelihood_of_what_it_counts(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, components=10, smoothing=1e-6, binarisation="threshold")
    batch = batch_of(model, 300)
    nats = []
    for _ in range(12):
        nats.append(float(np.mean(model.log_probability(model.level(batch)))))
        step(model, [batch])
    assert (np.diff(nats) > -1e-3).all()
    assert nats[-1] > nats[1] + 1


def test_it_finds_the_parts_of_a_mixture(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, (2, 3, 1), components=2, binarisation="threshold", smoothing=0.01)
    random = np.random.default_rng(0)
    first = random.random(4000) < 0.3
    p = np.where(first[:, None], [0.9, 0.9, 0.9, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.9, 0.9, 0.9])
    batch = batch_of(model, 1)
    batch["image"] = (random.random((4000, 6)) < p).astype(np.float32).reshape(-1, 2, 3, 1)
    batch["weight"] = np.ones(4000, np.float32)
    for _ in range(30):
        step(model, [batch])
    order = np.argsort(np.asarray(model.weights_K))
    np.testing.assert_allclose(np.asarray(model.weights_K)[order], [0.3, 0.7], atol=0.02)
    np.testing.assert_allclose(np.asarray(model.means_KT)[order][0], p[first][0], atol=0.04)


def test_the_probabilities_of_all_images_sum_to_one(
    build: Callable, batch_of: Callable, check_total_probability: Callable
) -> None:
    model = build(NAME, (2, 3, 1), components=4)
    step(model, [batch_of(model, 100)])
    check_total_probability(model)


def test_it_is_stored_as_weights_and_means(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (28, 28, 1), components=500)
    assert model.count_params() == 500 + 500 * 784
    assert parameters(model) == 0


def test_samples_come_from_its_components_by_their_weights(build: Callable) -> None:
    model = build(NAME, (2, 3, 1), components=2)
    model.weights_K.assign([0.25, 0.75])
    model.means_KT.assign([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]])
    sample = np.asarray(model.generate(row_noise(model.noise, range(4000), seed=0)))
    rows = sample.reshape(4000, 6)
    assert abs((rows == [1, 1, 1, 0, 0, 0]).all(1).mean() - 0.25) < 0.02
    assert abs((rows == [0, 0, 0, 1, 1, 1]).all(1).mean() - 0.75) < 0.02
