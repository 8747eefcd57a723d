from collections.abc import Callable

import numpy as np


def test_the_reference_has_47854_parameters(build: Callable, parameters: Callable) -> None:
    model = build("reconstruction.dense_autoencoder", (28, 28, 1))
    assert parameters(model.encoder) == 784 * 30 + 30
    assert parameters(model.decoder) == 30 * 784 + 784
    assert parameters(model) == 47_854


def test_what_the_decoder_gives_is_clipped_only_in_images(build: Callable) -> None:
    model = build("reconstruction.dense_autoencoder")
    latents = np.random.default_rng(0).normal(0, 100, (4, 30)).astype(np.float32)
    assert np.asarray(model.decode_raw(latents)).max() > 1
    assert np.asarray(model.decode(latents)).max() == 1


def test_the_error_of_a_perfect_picture_is_zero(build: Callable) -> None:
    """With Z as wide as the image, the identity both ways."""
    model = build("reconstruction.dense_autoencoder", latent=64)
    for layer in (model.encoder.layers[-1], model.decoder.layers[-1]):
        layer.kernel.assign(np.eye(64))
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    np.testing.assert_array_equal(model.reconstruct(x), x)
    terms = model.loss_terms({"image": x}, training=False)
    np.testing.assert_array_equal(terms["mse"], 0)


def test_the_cross_entropy_of_a_half_is_log_two(build: Callable) -> None:
    model = build("reconstruction.dense_autoencoder")
    x = np.random.default_rng(0).random((5, 8, 8, 1), np.float32)
    terms = model.errors(x, np.full_like(x, 0.5))
    np.testing.assert_allclose(terms["binary_crossentropy"], np.log(2), rtol=1e-5)
    np.testing.assert_allclose(terms["mse"], np.mean((x - 0.5) ** 2, axis=(1, 2, 3)), rtol=1e-5)
