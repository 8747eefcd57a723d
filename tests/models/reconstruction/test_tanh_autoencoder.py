from collections.abc import Callable

import numpy as np

NAME = "reconstruction.tanh_autoencoder"


def test_the_reference_has_1087586_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (28, 28, 1))
    half = 785 * 500 + 501 * 300
    assert parameters(model.encoder) == half + 301 * 2
    assert parameters(model.decoder) == 3 * 300 + 301 * 500 + 501 * 784
    assert parameters(model) == 1_087_586


def test_weights_start_with_a_deviation_of_a_tenth(build: Callable) -> None:
    model = build(NAME, (28, 28, 1))
    for layer in (*model.encoder.layers[1:], *model.decoder.layers):
        kernel, bias = (np.asarray(w) for w in layer.trainable_variables)
        assert abs(kernel.std() - 0.1) < 0.01
        assert not bias.any()


def test_ones_fives_and_sixes_come_apart_in_the_plane(
    build: Callable, digits: tuple[np.ndarray, np.ndarray], train: Callable, batch_of: Callable
) -> None:
    """A third of the rows by chance; the nearest class mean in the plane tells most of them."""
    model = build(NAME)
    keep = np.isin(digits[1], (1, 5, 6))
    x, label = digits[0][keep], digits[1][keep]
    batch = {**batch_of(model), "image": x[:448], "weight": np.ones(448, np.float32)}
    train(model, 150 * [batch])
    latents = np.asarray(model.encode(x))
    means = np.stack([latents[:448][label[:448] == k].mean(0) for k in (1, 5, 6)])
    nearest = np.argmin(np.linalg.norm(latents[448:, None] - means, axis=-1), axis=1)
    assert np.mean(np.array([1, 5, 6])[nearest] == label[448:]) > 0.8
