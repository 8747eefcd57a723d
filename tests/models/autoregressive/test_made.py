from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.models.autoregressive.made import hidden_degrees
from sparkgen.noise import row_noise

GREY = {"hidden": [20, 13]}
COLOUR = {"hidden": [50, 40], "binarisation": "none", "levels": 3}


def test_the_parameters_are_those_of_its_layers(build: Callable, parameters: Callable) -> None:
    """784 pixels, 500 units: W and b, V and c, and the direct connections A."""
    model = build("autoregressive.made", (28, 28, 1), hidden=[500])
    assert parameters(model) == 784 * 500 + 500 + 500 * 784 + 784 + 784 * 784


@pytest.mark.parametrize("units", [1, 5, 63, 200])
def test_degrees_ascend_and_are_spread_evenly(units: int) -> None:
    degrees = hidden_degrees(units, 64)
    assert (np.diff(degrees) >= 0).all()
    assert degrees.min() >= 1
    assert degrees.max() <= 63
    counts = np.bincount(degrees, minlength=64)[1:]
    assert counts.max() - counts.min() <= 1


def test_the_probabilities_of_all_images_sum_to_one(
    shaken: Callable, check_total_probability: Callable
) -> None:
    check_total_probability(shaken("autoregressive.made", (2, 3, 1), **GREY))
    check_total_probability(shaken("autoregressive.made", (1, 2, 3), **COLOUR))


def test_a_pixel_depends_on_all_earlier_ones_and_no_later_one(
    shaken: Callable, check_order: Callable
) -> None:
    check_order(shaken("autoregressive.made", (3, 4, 1), **GREY))
    check_order(shaken("autoregressive.made", (2, 3, 3), **COLOUR))


@pytest.mark.parametrize("hidden", [[3], [20, 13], [200]])
def test_the_fast_sampler_equals_the_plain_one(
    hidden: list[int], shaken: Callable, check_sampler: Callable
) -> None:
    check_sampler(shaken("autoregressive.made", (5, 4, 1), hidden=hidden))


def test_the_fast_sampler_equals_the_plain_one_in_colour(
    shaken: Callable, check_sampler: Callable
) -> None:
    check_sampler(shaken("autoregressive.made", (3, 4, 3), direct=False, **COLOUR))


def test_known_pixels_stay_and_missing_ones_depend_on_those_before_them(
    shaken: Callable, check_inpainting: Callable
) -> None:
    check_inpainting(shaken("autoregressive.made", (4, 5, 1), **GREY))
    check_inpainting(shaken("autoregressive.made", (3, 4, 3), **COLOUR))


def test_known_grey_pixels_of_a_binary_model_stay_grey_and_are_seen_as_drawn_by_the_noise(
    shaken: Callable,
) -> None:
    """A pixel of 0.3 is seen as 1 by the rows whose noise for it is below 0.3."""
    model = shaken("autoregressive.made", (2, 2, 1), **GREY)
    noise = row_noise(model.noise, range(200), seed=0)
    grey, known = np.full(noise.shape, 0.3, np.float32), np.zeros(noise.shape, np.float32)
    known[:, 0] = 1
    made = np.asarray(model.generate(noise, {"image": grey, "known": known}))
    np.testing.assert_array_equal(made[:, 0], grey[:, 0])
    seen = np.where(known == 1, (noise < 0.3).astype(np.float32), grey)
    same = np.asarray(model.generate(noise, {"image": seen, "known": known}))
    np.testing.assert_array_equal(made[:, 1], same[:, 1])
