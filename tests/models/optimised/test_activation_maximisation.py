import itertools
from collections.abc import Callable

import keras
import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel
from sparkgen.models.optimised.activation_maximisation import moved, moves, total_variation_of
from sparkgen.noise import row_noise

NAME = "optimised.activation_maximisation"


def images(model: GenerativeModel, labels: list[int], **options: float) -> np.ndarray:
    noise = row_noise(model.noise, range(len(labels)), seed=3)
    return np.asarray(model.generate(noise, {"label": np.array(labels, np.int32)}, **options))


def certainty(model: GenerativeModel, x: np.ndarray, labels: list[int], most: int) -> np.ndarray:
    """Mean log p(y | x), by the model's own classifier, over all moves of `most` pixels at most."""
    classifier, sides = model.parts["classifier"], range(-most, most + 1)
    rolled = [np.roll(x, move, axis=(1, 2)) for move in itertools.product(sides, sides)]
    log_p = [keras.ops.log_softmax(classifier.head(classifier.features(x))) for x in rolled]
    return np.mean(np.asarray(log_p), axis=0)[np.arange(len(labels)), labels]


@pytest.mark.parametrize("jitter", [0, 2])
def test_a_classifier_is_surer_of_an_image_after_the_steps(build: Callable, jitter: int) -> None:
    model, labels = build(NAME), [0, 3, 8, 8]
    options = {"total_variation": 0.0, "jitter": jitter}
    before, after = (
        certainty(model, images(model, labels, steps=steps, **options), labels, jitter)
        for steps in (0, 100)
    )
    assert (after > before).all()


def test_a_step_is_as_long_as_it_is_said_to_be(build: Callable) -> None:
    model, labels = build(NAME), [1, 2]
    start, one = (images(model, labels, steps=steps, step_size=1e-3) for steps in (0, 1))
    length = np.sqrt(np.mean(np.square(one - start), axis=(1, 2, 3)))
    np.testing.assert_allclose(length, 1e-3, rtol=1e-3)


def test_images_vary_less_where_variation_costs_more(build: Callable) -> None:
    model, labels = build(NAME), [4, 5]
    rough, smooth = (images(model, labels, total_variation=weight) for weight in (0.0, 5.0))
    assert (np.asarray(total_variation_of(smooth)) < np.asarray(total_variation_of(rough))).all()


def test_the_total_variation_is_the_sum_over_neighbours() -> None:
    x = np.array([[0.0, 1.0], [0.5, 0.5]], np.float32).reshape(1, 2, 2, 1)
    assert np.asarray(total_variation_of(x)).tolist() == [0.5 + 0.5 + 1.0 + 0.0]


def test_an_image_is_moved_as_it_is_rolled() -> None:
    x = np.random.default_rng(0).random((2, 5, 7, 3)).astype(np.float32)
    found = np.asarray(moved(x, np.array([[1, -2], [-3, 4]], np.int32)))
    np.testing.assert_array_equal(found[0], np.roll(x[0], (1, -2), axis=(0, 1)))
    np.testing.assert_array_equal(found[1], np.roll(x[1], (-3, 4), axis=(0, 1)))


def test_moves_fill_the_square_evenly_and_differ_between_samples() -> None:
    begin = np.random.default_rng(0).random((2, 2)).astype(np.float32)
    found = np.stack([np.asarray(moves(begin, k, np.float32(1))) for k in range(90)])
    assert set(found.ravel().tolist()) == {-1, 0, 1}
    for sample in range(2):
        _, counts = np.unique(found[:, sample], axis=0, return_counts=True)
        assert len(counts) == 9
        assert counts.min() >= 8  # 10 each, if they were quite even
    assert (found[:, 0] != found[:, 1]).any()
    assert not np.asarray(moves(begin, 5, np.float32(0))).any()


def test_a_sample_does_not_depend_on_the_others_of_its_batch(build: Callable) -> None:
    model = build(NAME)
    among, other = images(model, [1, 2, 3]), images(model, [1, 9, 0])
    np.testing.assert_allclose(among[0], other[0], atol=1e-4)
    assert np.abs(among[1] - other[1]).max() > 0.05
