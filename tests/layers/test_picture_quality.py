"""PSNR and SSIM are what their formulas say, of a picture's luminance."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sparkgen.layers.picture_quality import luminance, psnr, ssim


def test_luminance_is_that_of_bt_601() -> None:
    colours = np.array([[[0, 0, 0], [1, 1, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]]], np.float32)
    found = np.asarray(luminance(colours[None], shaved=0)).reshape(-1)
    np.testing.assert_allclose(found, [16, 235, 16 + 65.481, 16 + 128.553, 16 + 24.966], rtol=1e-5)
    grey = np.full((1, 1, 1, 1), 0.5, np.float32)
    assert np.asarray(luminance(grey, shaved=0)).item() == 125.5
    assert luminance(np.zeros((1, 9, 7, 3), np.float32), shaved=3).shape == (1, 3, 1, 1)


def test_psnr_of_pictures_one_level_apart_is_48_13_decibels_and_of_equal_ones_100() -> None:
    x = np.random.default_rng(0).uniform(16, 235, (2, 5, 4, 1)).astype(np.float32)
    found = np.asarray(psnr(x, x + np.float32([1, 0])[:, None, None, None]))
    np.testing.assert_allclose(found, [20 * np.log10(255), 100], rtol=1e-5)


def by_scipy(a: np.ndarray, b: np.ndarray) -> float:
    def mean(x: np.ndarray) -> np.ndarray:
        return gaussian_filter(x, 1.5, truncate=3.5)[5:-5, 5:-5]

    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    variance_a, variance_b = (mean(x * x) - mean(x) ** 2 for x in (a, b))
    covariance = mean(a * b) - mean(a) * mean(b)
    similar = (2 * mean(a) * mean(b) + c1) * (2 * covariance + c2)
    similar /= (mean(a) ** 2 + mean(b) ** 2 + c1) * (variance_a + variance_b + c2)
    return float(similar.mean())


def test_ssim_is_that_of_gaussian_windows_of_11_pixels() -> None:
    random = np.random.default_rng(1)
    a = random.uniform(16, 235, (20, 30))
    b = a + random.normal(0, 20, a.shape)
    found = ssim(*(np.float32(x)[None, :, :, None] for x in (a, b)))
    assert float(found[0]) == pytest.approx(by_scipy(a, b), abs=1e-4)


def test_ssim_of_equal_pictures_is_1_also_of_one_pixel() -> None:
    for size in ((1, 1), (4, 12), (30, 11)):
        x = np.random.default_rng(2).uniform(16, 235, (3, *size, 1)).astype(np.float32)
        np.testing.assert_allclose(ssim(x, x), 1, atol=1e-4)
