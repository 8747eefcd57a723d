import numpy as np

from sparkgen.layers.binarisation import binarisation_noise, binarise
from sparkgen.noise import row_noise


def test_dynamic_binarisation_draws_each_pixel_with_its_own_probability() -> None:
    noise = row_noise(binarisation_noise((5,), "dynamic")["binarisation"], range(20_000), seed=0)
    grey = np.tile(np.float32([0, 0.1, 0.5, 0.9, 1]), (20_000, 1))
    binary = np.asarray(binarise(grey, "dynamic", noise))
    assert set(np.unique(binary)) == {0.0, 1.0}
    np.testing.assert_allclose(binary.mean(0), grey[0], atol=0.01)
    assert binary[:, 0].max() == 0
    assert binary[:, 4].min() == 1


def test_a_pixel_of_zero_stays_zero_where_the_noise_is_zero() -> None:
    zero = np.zeros(1, np.float32)
    assert float(binarise(zero, "dynamic", zero)[0]) == 0


def test_a_threshold_takes_half_as_one() -> None:
    grey = np.float32([0.0, 0.49, 0.5, 1.0])
    np.testing.assert_array_equal(binarise(grey, "threshold"), [0, 0, 1, 1])


def test_without_binarisation_pixels_and_noise_stay_as_they_are() -> None:
    grey = np.float32([0.25])
    assert binarise(grey, "none") is grey
    assert binarisation_noise((5,), "none") == {}
