from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from sparkgen.datasets.images import PictureRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel

NAME = "optimised.enhancement"
SMALL = {"width": 4, "depth": 2}


def shaken(model: GenerativeModel) -> GenerativeModel:
    """A model whose last layer is not near 0, as after a training."""
    kernel = model.network.layers[-1].kernel
    kernel.assign(np.random.default_rng(0).normal(0, 0.1, kernel.shape))
    return model


def picture(height: int, width: int, channels: int = 3) -> np.ndarray:
    levels = np.random.default_rng(0).integers(0, 256, (1, height, width, channels))
    return (levels / 255).astype(np.float32)


def enlarged(model: GenerativeModel, x: np.ndarray) -> np.ndarray:
    return np.asarray(model.generate(np.zeros((1, 0), np.float32), {"picture": x}))


@pytest.mark.parametrize("scale", [2, 3])
def test_with_a_last_layer_of_zeros_it_is_bicubic_interpolation(
    scale: int, build: Callable, batch_of: Callable
) -> None:
    model = build(NAME, (13, 14, 3), scale=scale, **SMALL)
    model.network.layers[-1].kernel.assign(np.zeros((3, 3, 4, scale**2)))
    x = picture(5, 7)
    made = enlarged(model, x)
    for channel in range(3):
        grey = Image.fromarray(x[0, ..., channel])
        large = grey.resize((7 * scale, 5 * scale), Image.Resampling.BICUBIC)
        np.testing.assert_allclose(made[0, ..., channel], np.clip(large, 0, 1), atol=1e-5)
    terms = {k: np.asarray(v) for k, v in model(batch_of(model, 3)).items()}
    np.testing.assert_array_equal(terms["psnr"], terms["psnr_bicubic"])
    np.testing.assert_array_equal(terms["ssim"], terms["ssim_bicubic"])
    np.testing.assert_array_equal(terms["psnr_gain"], 0)


@pytest.mark.parametrize("scale", [2, 3])
def test_the_numbers_of_a_low_pixel_are_its_pixels_in_the_large_picture(
    scale: int, build: Callable
) -> None:
    model = build(NAME, (12, 12, 1), scale=scale, **SMALL)
    model.network.layers[-1].kernel.assign(np.zeros((3, 3, 4, scale**2)))
    model.network.layers[-1].bias.assign(np.arange(scale**2, dtype=np.float32))
    detail = np.asarray(model.detail(picture(2, 3, 1)))[0, ..., 0]
    np.testing.assert_array_equal(detail, np.tile(np.arange(scale**2).reshape(scale, -1), (2, 3)))


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (40, 61)])
def test_a_picture_of_any_size_is_enlarged_in_tiles_as_it_would_be_whole(
    size: tuple[int, int], build: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = shaken(build(NAME, (12, 12, 3), scale=3, **SMALL))
    assert model.makes == PictureRecord((3,))
    x = picture(*size)
    whole = enlarged(model, x)
    assert whole.shape == (1, size[0] * 3, size[1] * 3, 3)
    assert np.abs(whole - np.asarray(model.interpolated(x)).clip(0, 1)).max() > 0.01
    monkeypatch.setattr("sparkgen.models.optimised.enhancement.TILE", 16)
    np.testing.assert_allclose(enlarged(model, x), whole, atol=1e-5)


def test_what_is_added_changes_brightness_alone_and_grey_stays_grey(build: Callable) -> None:
    model = shaken(build(NAME, (12, 12, 3), scale=2, **SMALL))
    x = 0.3 + 0.4 * picture(6, 8)
    added = enlarged(model, x) - np.asarray(model.interpolated(x))
    np.testing.assert_allclose(added, np.repeat(added[..., :1], 3, axis=-1), atol=1e-5)
    grey = np.repeat(x[..., :1], 3, axis=-1)
    of_colour = enlarged(model, grey)
    np.testing.assert_allclose(of_colour, np.repeat(of_colour[..., :1], 3, axis=-1), atol=1e-5)
    alone = shaken(build(NAME, (12, 12, 1), scale=2, **SMALL))
    np.testing.assert_allclose(enlarged(alone, grey[..., :1]), of_colour[..., :1], atol=1e-5)


def test_the_low_picture_is_pillows_rounded_to_8_bits(build: Callable) -> None:
    model = build(NAME, (12, 12, 3), scale=2, **SMALL)
    x = picture(12, 20)
    low = 255 * np.asarray(model.lowered(x))
    np.testing.assert_allclose(low, np.round(low), atol=1e-4)
    grey = Image.fromarray(x[0, ..., 1])
    small = np.asarray(grey.resize((10, 6), Image.Resampling.BICUBIC))
    assert np.abs(low[0, ..., 1] - 255 * np.clip(small, 0, 1)).max() <= 0.501


def test_training_is_on_squares_of_the_noise_and_evaluation_on_the_whole_image(
    build: Callable, batch_of: Callable
) -> None:
    model = shaken(build(NAME, (17, 23, 1), scale=2, crop=3, crops=2, **SMALL))
    batch = batch_of(model, 3)
    other = {**batch, "noise": {"crops": batch["noise"]["crops"][::-1].copy()}}
    for training, same in ((True, False), (False, True)):
        one, two = (
            np.asarray(model.loss_terms(b, training=training)["psnr"]) for b in (batch, other)
        )
        assert one.shape == (3,)
        assert np.array_equal(one, two) == same


def test_it_learns_to_beat_bicubic_interpolation(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(NAME, (16, 16, 1), scale=2, width=8, depth=2, crop=8, crops=1)
    train(model, [batch_of(model, 16, first=16 * k) for k in range(40)], learning_rate=0.01)
    terms = model.loss_terms(batch_of(model, 64, first=1600), training=False)
    gain = np.asarray(terms["psnr_gain"])
    np.testing.assert_allclose(gain, terms["psnr"] - terms["psnr_bicubic"], atol=1e-5)
    assert gain.mean() > 1
    assert np.mean(terms["ssim"]) > np.mean(terms["ssim_bicubic"])


def test_images_that_are_too_small_to_compare_are_refused(build: Callable) -> None:
    smallest = build(NAME, (9, 9, 1), scale=3, **SMALL)
    assert smallest.whole == (9, 9)
    assert "3 pixels at each edge left out" in smallest.protocols["psnr_bicubic"]
    with pytest.raises(
        RequestError, match=r"more than 8 pixels each way .* found dataset.shape \[8"
    ):
        build(NAME, (8, 30, 1), scale=3, **SMALL)
