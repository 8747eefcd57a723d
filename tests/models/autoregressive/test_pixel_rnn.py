from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

NAME = "autoregressive.pixel_rnn"
GREY = {"features": 4, "layers": 2, "head": 12}
COLOUR = {"features": 6, "layers": 2, "head": 24, "binarisation": "none", "levels": 3}


either = pytest.mark.parametrize("lstm", ["row", "diagonal"])


@either
def test_the_parameters_are_those_of_its_layers(
    lstm: str, build: Callable, parameters: Callable
) -> None:
    """K_is sees 1×2 (row) or 1×1 of 2F features, K_ss three states (row) or two of F."""
    features, gates, wide = 16, 64, 32
    row = (2 * wide * gates + gates) + 3 * features * gates
    diagonal = 2 * ((wide * gates + gates) + 2 * features * gates)
    layer = {"row": row, "diagonal": diagonal}[lstm] + (features * wide + wide)
    first, head = 4 * 7 * wide + wide, (wide * 32 + 32) + (32 + 1)
    model = build(NAME, (28, 28, 1), lstm=lstm, features=features, layers=7)
    assert parameters(model) == first + 7 * layer + head


@either
def test_the_probabilities_of_all_images_sum_to_one(
    lstm: str, shaken: Callable, check_total_probability: Callable
) -> None:
    check_total_probability(shaken(NAME, (2, 3, 1), lstm=lstm, **GREY))
    check_total_probability(shaken(NAME, (1, 2, 3), lstm=lstm, **COLOUR))


@either
def test_a_pixel_depends_on_all_earlier_ones_and_no_later_one(
    lstm: str, shaken: Callable, check_order: Callable
) -> None:
    check_order(shaken(NAME, (3, 4, 1), lstm=lstm, **GREY))
    check_order(shaken(NAME, (2, 3, 3), lstm=lstm, **COLOUR))


def test_the_diagonal_lstms_see_all_rows_above_but_the_end_of_the_last(
    shaken: Callable, check_order: Callable
) -> None:
    """With one layer and a first window of 3 the states alone reach the far corners."""
    width = 6
    unseen = {(width * row + column, width * row - 1) for row in (1, 2) for column in range(4)}
    model = shaken(NAME, (3, width, 1), **{**GREY, "layers": 1, "reach": 1})
    check_order(model, frozenset(unseen))


@either
@pytest.mark.parametrize(("shape", "options"), [((9, 10, 1), GREY), ((4, 5, 3), COLOUR)])
def test_the_fast_sampler_equals_the_plain_one(
    lstm: str,
    shape: tuple[int, int, int],
    options: dict,
    shaken: Callable,
    check_sampler: Callable,
) -> None:
    check_sampler(shaken(NAME, shape, lstm=lstm, **options))


@either
def test_the_gradients_under_xla_are_those_without_it(
    lstm: str, shaken: Callable, batch_of: Callable
) -> None:
    model = shaken(NAME, (3, 4, 1), lstm=lstm, features=2, layers=1, head=2)
    level = tf.constant(model.level(batch_of(model, 2)))

    def gradients() -> list:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(model.log_probability(level))
        return tape.gradient(loss, [v.value for v in model.trainable_variables])

    plain, compiled = (
        tf.function(gradients, autograph=False, jit_compile=xla)() for xla in (False, True)
    )
    for one, other in zip(plain, compiled, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@either
def test_known_pixels_stay_and_missing_ones_depend_on_those_before_them(
    lstm: str, shaken: Callable, check_inpainting: Callable
) -> None:
    check_inpainting(shaken(NAME, (4, 5, 1), lstm=lstm, **GREY))
