"""The losses of style transfer, slow and fast."""

import numpy as np

from sparkgen.layers.picture_quality import luma
from sparkgen.models.optimised._style import (
    content_loss,
    in_colours_of,
    roughness,
    statistics,
    style_loss,
)


def random(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def test_the_losses_are_0_for_what_is_wanted_and_relative_to_it() -> None:
    answers = random(2, 5, 6, 3)
    found = np.asarray(statistics(answers))
    np.testing.assert_allclose(found[1, :3], np.cov(answers[1].reshape(30, 3).T, ddof=0), atol=1e-6)
    np.testing.assert_allclose(found[1, 3], answers[1].mean(axis=(0, 1)), rtol=1e-5)
    assert np.asarray(style_loss(found, found)).tolist() == [0, 0]
    np.testing.assert_allclose(style_loss(0 * found, found), 1.0, rtol=1e-5)
    np.testing.assert_allclose(style_loss(10 * found, 5 * found), 1.0, rtol=1e-5)
    assert np.asarray(content_loss(answers, answers)).tolist() == [0, 0]
    means = np.broadcast_to(answers.mean(axis=(1, 2, 3), keepdims=True), answers.shape)
    np.testing.assert_allclose(content_loss(means, answers), 1.0, rtol=1e-4)


def test_how_a_picture_looks_does_not_depend_on_where_things_are() -> None:
    answers = random(1, 4, 6, 3)
    elsewhere = answers[:, ::-1].transpose(0, 2, 1, 3)
    np.testing.assert_allclose(statistics(elsewhere), statistics(answers), atol=1e-6)


def test_colours_are_kept_and_brightness_is_taken() -> None:
    made, picture = 0.3 + 0.2 * random(1, 4, 5, 3), 0.4 + 0.2 * random(1, 4, 5, 3, seed=1)
    found = np.asarray(in_colours_of(made, picture))
    np.testing.assert_allclose(luma(found), luma(made), atol=1e-5)
    np.testing.assert_allclose(
        found[..., 0] - found[..., 2], picture[..., 0] - picture[..., 2], atol=1e-5
    )
    np.testing.assert_allclose(
        in_colours_of(made[..., :1], picture[..., :1]), made[..., :1], atol=1e-6
    )


def test_single_pixels_are_not_rough() -> None:
    assert np.asarray(roughness(random(2, 1, 1, 3))).tolist() == [0, 0]
    row = np.array([0, 0.5, 0.25], np.float32).reshape(1, 1, 3, 1)
    assert np.asarray(roughness(row)).tolist() == [0.375]
