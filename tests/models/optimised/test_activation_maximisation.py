from collections.abc import Callable

import keras
import numpy as np
import pytest

from sparkgen.models.contract import GenerativeModel
from sparkgen.models.optimised.activation_maximisation import lead
from sparkgen.noise import row_noise

NAME = "optimised.activation_maximisation"
FREE = {"total_variation": 0.0, "darkness": 0.0}
STILL = {"moves": 0.0, "turns": 0.0, "zoom": 0.0, "grain": 0.0, "attack": 0.0}


def images(model: GenerativeModel, labels: list[int], **options: float) -> np.ndarray:
    noise = row_noise(model.noise, range(len(labels)), seed=3)
    return np.asarray(model.generate(noise, {"label": np.array(labels, np.int32)}, **options))


def certainty(model: GenerativeModel, x: np.ndarray, labels: list[int]) -> np.ndarray:
    """The log-probability of each label, by the model's own classifier."""
    classifier = model.parts["classifier"]
    log_p = np.asarray(keras.ops.log_softmax(classifier.head(classifier.features(x))))
    return log_p[np.arange(len(labels)), labels]


@pytest.mark.parametrize("numbers", ["clipped", "fourier"])
def test_a_classifier_is_surer_of_an_image_after_the_steps(build: Callable, numbers: str) -> None:
    model, labels = build(NAME, parameterisation=numbers), [0, 3, 8, 8]
    for seen in (STILL, {"moves": 1.0}):
        before, after = (
            certainty(model, images(model, labels, steps=steps, rate=0.05, **FREE, **seen), labels)
            for steps in (0, 120)
        )
        assert (after > before).all()


def test_darkness_and_total_variation_are_what_they_pull_at(build: Callable) -> None:
    model, labels = build(NAME), [4, 5]
    free, dark, flat = (
        images(model, labels, steps=80, rate=0.05, **{**FREE, **weight})
        for weight in ({}, {"darkness": 1.0}, {"total_variation": 1.0})
    )
    assert dark.mean() < 0.6 * free.mean()
    rough = [np.abs(np.diff(x, axis=1)).sum(axis=(1, 2, 3)) for x in (flat, free)]
    assert (rough[0] < 0.5 * rough[1]).all()


def test_the_lead_is_the_log_odds_or_the_distance_to_the_mean_of_the_others() -> None:
    p, wanted = np.array([[0.2, 0.5, 0.3]], np.float32), np.array([[0.0, 1.0, 0.0]], np.float32)
    odds, mean, half = (float(lead(np.log(p) + 7, wanted, a)[0]) for a in (0.0, 1.0, 0.5))
    assert odds == pytest.approx(np.log(0.5 / 0.5), abs=1e-5)
    assert mean == pytest.approx(np.log(0.5) - np.log([0.2, 0.3]).mean(), abs=1e-5)
    assert half == pytest.approx((odds + mean) / 2, abs=1e-5)


def test_a_sample_does_not_depend_on_the_others_of_its_batch(build: Callable) -> None:
    model = build(NAME)
    among, other = images(model, [1, 2, 3], steps=20), images(model, [1, 9, 0], steps=20)
    np.testing.assert_allclose(among[0], other[0], atol=1e-4)
    assert np.abs(among[1] - other[1]).max() > 0.05
