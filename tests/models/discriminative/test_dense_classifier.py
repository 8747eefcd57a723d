from collections.abc import Callable

import numpy as np

from sparkgen.noise import row_noise

NAME = "discriminative.dense_classifier"


def test_the_reference_has_646260_parameters(build: Callable, parameters: Callable) -> None:
    assert parameters(build(NAME, (32, 32, 3))) == 3073 * 200 + 201 * 150 + 151 * 10 == 646_260


def test_digits_are_told_apart_and_images_made_for_a_class_are_taken_for_it(
    build: Callable, digits: tuple[np.ndarray, np.ndarray], train: Callable, batch_of: Callable
) -> None:
    model, (x, label) = build(NAME), digits
    train(model, [batch_of(model, 256, first=256 * (i % 5)) for i in range(100)])
    p = np.asarray(model.probabilities(x[1300:]))
    np.testing.assert_allclose(p.sum(-1), 1, rtol=1e-5)
    assert np.mean(p.argmax(-1) == label[1300:]) > 0.85
    wanted = np.arange(10, dtype=np.int32)
    made = model.generate(row_noise(model.noise, range(10), seed=0), {"label": wanted})
    np.testing.assert_array_equal(np.asarray(model.probabilities(made)).argmax(-1), wanted)
