import numpy as np
import pytest
from keras import ops

from sparkgen.layers.parameterisation import PARAMETERISATIONS, Fourier

NAMES = list(PARAMETERISATIONS)
SHAPES = [(8, 8, 1), (27, 31, 3), (5, 40, 2), (1, 1, 3)]


def images(shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).uniform(0.01, 0.99, (2, *shape)).astype(np.float32)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("name", NAMES)
def test_the_numbers_of_an_image_are_that_image(name: str, shape: tuple[int, ...]) -> None:
    one, x = PARAMETERISATIONS[name], images(shape)
    np.testing.assert_allclose(one.image(one.numbers(ops.convert_to_tensor(x))), x, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_any_numbers_are_those_of_an_image(name: str) -> None:
    one, x = PARAMETERISATIONS[name], ops.convert_to_tensor(images((9, 6, 3)))
    wild = tuple(100.0 * n - 30.0 for n in one.numbers(x))
    made = np.asarray(one.image(one.within(wild)))
    assert made.min() >= 0.0
    assert made.max() <= 1.0


def test_a_pyramid_begins_with_four_pixels_or_more() -> None:
    numbers = PARAMETERISATIONS["pyramid"].numbers(ops.convert_to_tensor(images((28, 21, 1))))
    assert [n.shape[1:3] for n in numbers] == [(7, 6), (14, 11), (28, 21)]


def test_equal_numbers_of_all_frequencies_are_an_image_of_one_over_f() -> None:
    one = Fourier()
    logits = one.put_together((ops.ones((1, 16, 16, 1)),))
    power = np.abs(np.fft.fft2(np.asarray(logits)[0, :, :, 0]))
    assert power[0, 4] / power[0, 8] == pytest.approx(2.0, rel=1e-4)
    assert power[2, 0] / power[8, 0] == pytest.approx(4.0, rel=1e-4)


def test_a_change_of_brightness_is_the_first_of_three_colours() -> None:
    one, grey = PARAMETERISATIONS["pixels"], np.full((1, 4, 4, 3), 0.5, np.float32)
    changed = np.asarray(one.numbers(ops.convert_to_tensor(grey + 0.1))[0])[0, 0, 0]
    assert changed[0] > 10 * np.abs(changed[1:]).max()
