import numpy as np

from sparkgen.layers.augmentation import augment

IMAGES = np.arange(2 * 3 * 4 * 2, dtype=np.float32).reshape(2, 3, 4, 2)


def moved(noise: list[list[float]], *, mirror: bool = False, shift: int = 0) -> np.ndarray:
    return np.asarray(augment(IMAGES, np.array(noise, np.float32), mirror=mirror, shift=shift))


def test_half_of_the_noise_mirrors_an_image() -> None:
    found = moved([[0.49, 0, 0], [0.5, 0, 0]], mirror=True)
    np.testing.assert_array_equal(found[0], IMAGES[0][:, ::-1])
    np.testing.assert_array_equal(found[1], IMAGES[1])


def test_noise_moves_an_image_each_way_and_repeats_its_edge() -> None:
    """Of 2 · 1 + 1 equal parts the first is a pixel up or left, the last one down or right."""
    found = moved([[0, 0.99, 0.5], [0, 0.0, 0.99]], shift=1)
    np.testing.assert_array_equal(found[0], IMAGES[0][[0, 0, 1]])
    np.testing.assert_array_equal(found[1], IMAGES[1][[1, 2, 2]][:, [0, 0, 1, 2]])


def test_without_mirror_and_shift_images_stay() -> None:
    np.testing.assert_array_equal(moved([[0, 0, 0], [0.9, 0.9, 0.9]]), IMAGES)
