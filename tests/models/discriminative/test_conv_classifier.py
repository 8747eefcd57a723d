from collections.abc import Callable

import numpy as np

NAME = "discriminative.conv_classifier"


def test_the_reference_has_15120_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (32, 32, 3))
    assert parameters(model.body) == (16 * 3 + 1) * 10 + (9 * 10 + 1) * 20
    assert parameters(model) == 2310 + (8 * 8 * 20 + 1) * 10 == 15_120


def test_the_cross_entropy_is_that_of_the_probabilities(
    build: Callable, batch_of: Callable
) -> None:
    model = build(NAME)
    batch = batch_of(model)
    terms = model(batch)
    p = np.asarray(model.probabilities(batch["image"]))
    label = batch["label"]
    np.testing.assert_allclose(
        terms["cross_entropy"], -np.log(p[np.arange(len(p)), label]), rtol=1e-4
    )
    np.testing.assert_array_equal(terms["accuracy"], p.argmax(-1) == label)
