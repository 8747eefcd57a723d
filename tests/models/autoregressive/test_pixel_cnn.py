from collections.abc import Callable

import pytest

NAME = "autoregressive.pixel_cnn"
GREY = {"features": 4, "blocks": 2, "head": 12}
COLOUR = {"features": 6, "blocks": 2, "head": 24, "binarisation": "none", "levels": 3}


def test_the_parameters_are_those_of_its_layers(build: Callable, parameters: Callable) -> None:
    """Kernels hold the rows up to the pixel's own: 4×7 and 2×3; biases are one a feature."""
    first = 4 * 7 * 32 + 32
    block = (32 * 16 + 16) + (2 * 3 * 16 * 16 + 16) + (16 * 32 + 32)
    head = (32 * 32 + 32) + (32 + 1)
    model = build(NAME, (28, 28, 1), features=16, blocks=15)
    assert parameters(model) == first + 15 * block + head == 41_377


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


def test_on_28_by_28_the_fast_sampler_equals_the_plain_one(
    shaken: Callable, check_sampler: Callable
) -> None:
    model = shaken(NAME, (28, 28, 1), features=8, blocks=3, head=8)
    check_sampler(model, rows=2, seeds=2)


def test_the_samplers_agree_on_256_levels(shaken: Callable, check_sampler: Callable) -> None:
    """All 256 levels: the finest comparison of noise with cumulated probabilities."""
    options = {**GREY, "binarisation": "none", "levels": 256}
    check_sampler(shaken(NAME, (6, 6, 1), **options), rows=64, seeds=2)


def test_known_pixels_stay_and_missing_ones_depend_on_those_before_them(
    shaken: Callable, check_inpainting: Callable
) -> None:
    check_inpainting(shaken(NAME, (3, 4, 3), **COLOUR))
