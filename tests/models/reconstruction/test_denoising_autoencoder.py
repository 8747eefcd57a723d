from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.models.reconstruction.denoising_autoencoder import corrupt
from sparkgen.noise import NoiseSpec, row_noise

NAME = "reconstruction.denoising_autoencoder"
GREY = np.full((200, 500), 0.5, np.float32)


def noise(distribution: str) -> np.ndarray:
    return row_noise(NoiseSpec((500,), distribution), range(200), seed=0)


def test_the_mnist_one_has_its_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (28, 28, 1))
    assert parameters(model) == 785 * 512 + 513 * 64 + 65 * 512 + 513 * 784 == 870_224


def test_a_mask_takes_its_share_and_leaves_the_rest() -> None:
    damaged = np.asarray(corrupt(GREY, noise("uniform"), kind="mask", amount=0.3))
    assert set(np.unique(damaged)) == {0.0, 0.5}
    assert abs(np.mean(damaged == 0) - 0.3) < 0.01


def test_salt_and_pepper_are_half_each_of_their_share() -> None:
    damaged = np.asarray(corrupt(GREY, noise("uniform"), kind="salt_and_pepper", amount=0.3))
    assert set(np.unique(damaged)) == {0.0, 0.5, 1.0}
    assert abs(np.mean(damaged == 0) - 0.15) < 0.01
    assert abs(np.mean(damaged == 1) - 0.15) < 0.01


def test_gaussian_noise_has_its_deviation() -> None:
    damaged = np.asarray(corrupt(GREY, noise("normal"), kind="gaussian", amount=0.3))
    assert abs(damaged.mean() - 0.5) < 0.01
    assert abs(damaged.std() - 0.3) < 0.01


@pytest.mark.parametrize("kind", ["mask", "gaussian", "salt_and_pepper"])
def test_a_trained_model_is_nearer_to_the_clean_picture_than_the_damaged_one_is(
    kind: str, build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(NAME, corruption=kind, amount=0.5, hidden=[128], latent=32)
    train(model, [batch_of(model, 256, seed=s) for s in range(150)])
    batch = batch_of(model, 256, first=1000)
    clean, damaged = batch["image"], model.corrupt(batch["image"], batch["noise"]["corruption"])
    before = np.mean((np.asarray(damaged) - clean) ** 2)
    assert np.mean((np.asarray(model.reconstruct(damaged)) - clean) ** 2) < 0.5 * before


def test_inpainting_keeps_what_is_known_and_does_not_look_at_what_is_missing(
    build: Callable,
) -> None:
    model = build(NAME)
    random = np.random.default_rng(0)
    x, other = random.random((2, 3, 8, 8, 1), np.float32)
    known = (random.random(x.shape) < 0.5).astype(np.float32)
    filled = np.asarray(model.inpaint(x, known, rounds=3))
    np.testing.assert_array_equal(filled * known, x * known)
    same = x * known + other * (1 - known)
    np.testing.assert_array_equal(model.inpaint(same, known, rounds=3), filled)
