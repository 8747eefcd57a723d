from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA

NAME = "reconstruction.linear_autoencoder"


def test_the_mnist_one_has_47854_parameters(build: Callable, parameters: Callable) -> None:
    assert parameters(build(NAME, (28, 28, 1))) == 785 * 30 + 31 * 784 == 47_854


def test_it_reaches_the_error_of_principal_components(
    build: Callable, digits: tuple[np.ndarray, np.ndarray], train: Callable, batch_of: Callable
) -> None:
    """Within 1 %, and never below: no linear map of rank 8 does better."""
    model = build(NAME, latent=8)
    x = digits[0]
    flat = x.reshape(len(x), -1)
    pca = PCA(8).fit(flat)
    best = np.mean((pca.inverse_transform(pca.transform(flat)) - flat) ** 2)
    batch = {**batch_of(model), "image": x, "weight": np.ones(len(x), np.float32)}
    train(model, 1500 * [batch], learning_rate=1e-2)
    train(model, 300 * [batch], learning_rate=1e-3)
    reached = float(np.mean(model.loss_terms({"image": x}, training=False)["mse"]))
    assert best * (1 - 1e-5) < reached < 1.01 * best


def test_it_is_linear(build: Callable) -> None:
    model = build(NAME)
    x, y = np.random.default_rng(0).random((2, 3, 8, 8, 1), np.float32)
    halfway = model.decode_raw(model.encode((x + y) / 2))
    mean = (model.decode_raw(model.encode(x)) + model.decode_raw(model.encode(y))) / 2
    np.testing.assert_allclose(halfway, mean, atol=1e-5)
