from collections.abc import Callable

import keras
import numpy as np
import pytest
from keras import ops

from sparkgen.models.autoregressive.gated_pixel_cnn import gate

NAME = "autoregressive.gated_pixel_cnn"
GREY = {"features": 4, "layers": 3, "head": 12}
COLOUR = {"features": 6, "layers": 3, "head": 24, "binarisation": "none", "levels": 3}


def test_the_parameters_are_those_of_its_layers(build: Callable, parameters: Callable) -> None:
    """The first layer sees 4×7 above and 1×4 beside, the others 2×3 and 1×2; gates have 2F."""
    features, gates = 32, 64
    across_and_mix = gates * gates + (features * features + features)
    first = (4 * 7 * gates + gates) + (4 * gates + gates) + across_and_mix
    down, along = 2 * 3 * features * gates + gates, 2 * features * gates + gates
    head = (features * 32 + 32) + (32 + 1)
    model = build(NAME, (28, 28, 1), features=features, layers=8)
    assert parameters(model) == first + 7 * (down + along + across_and_mix) + head


def test_the_probabilities_of_all_images_sum_to_one(
    shaken: Callable, check_total_probability: Callable
) -> None:
    check_total_probability(shaken(NAME, (2, 3, 1), **GREY))
    check_total_probability(shaken(NAME, (1, 2, 3), **COLOUR))


def test_a_pixel_depends_on_all_earlier_ones_and_no_later_one(
    shaken: Callable, check_order: Callable
) -> None:
    check_order(shaken(NAME, (3, 4, 1), **GREY))
    check_order(shaken(NAME, (2, 3, 3), **COLOUR))


@pytest.mark.parametrize(("shape", "options"), [((9, 10, 1), GREY), ((4, 5, 3), COLOUR)])
def test_the_fast_sampler_equals_the_plain_one(
    shape: tuple[int, int, int], options: dict, shaken: Callable, check_sampler: Callable
) -> None:
    check_sampler(shaken(NAME, shape, **options))


def test_it_has_no_blind_spot(shaken: Callable, check_order: Callable) -> None:
    """With windows of 3 only, pixels far to the right above are reached as well."""
    check_order(shaken(NAME, (4, 5, 1), **{**GREY, "layers": 5, "reach": 1}))


def test_known_pixels_stay_and_missing_ones_depend_on_those_before_them(
    shaken: Callable, check_inpainting: Callable
) -> None:
    check_inpainting(shaken(NAME, (4, 5, 1), **GREY))


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
def test_gates_are_computed_in_float32_at_least_and_given_as_they_came(dtype: str) -> None:
    y = ops.cast(np.random.default_rng(0).normal(size=(64, 8)), dtype)
    wide = ops.convert_to_numpy(ops.cast(y, "float64"))
    exact = np.tanh(wide[:, :4]) / (1 + np.exp(-wide[:, 4:]))
    given = gate(y)
    assert keras.backend.standardize_dtype(given.dtype) == dtype
    rounding = {"bfloat16": 2.0**-8, "float32": 1e-6, "float64": 1e-14}[dtype]  # One rounding each.
    found = ops.convert_to_numpy(ops.cast(given, "float64"))
    np.testing.assert_allclose(found, exact, rtol=rounding, atol=1e-9 if dtype != "float64" else 0)


def test_signals_keep_their_size_through_layers_that_are_not_trained(build: Callable) -> None:
    model = build(NAME, (28, 28, 1), features=32, layers=12, gain=8.7)
    y = ops.convert_to_tensor(np.random.default_rng(0).normal(size=(8, 28, 28, 64)), "float32")
    for down in model.down[1:]:
        y = down(gate(y))
    inside = ops.convert_to_numpy(y)[:, 12:, 12:-12]  # what no margin of zeros reaches
    assert 0.7 < inside.std() < 1.4
