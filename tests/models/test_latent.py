from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.models.latent import add_concept, concept_vector, interpolate, latent_grid

LINEAR, PLANE, VAE = (
    "reconstruction.linear_autoencoder",
    "reconstruction.tanh_autoencoder",
    "variational.vae",
)


def test_an_interpolation_begins_and_ends_with_the_reconstructions(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, (x, _) = build(PLANE), digits
    way = np.asarray(interpolate(model, x[:3], x[3:6], steps=5))
    assert way.shape == (3, 5, 8, 8, 1)
    np.testing.assert_allclose(way[:, 0], model.reconstruct(x[:3]), atol=1e-6)
    np.testing.assert_allclose(way[:, -1], model.reconstruct(x[3:6]), atol=1e-6)
    half = 0.5 * np.asarray(model.encode(x[:3])) + 0.5 * np.asarray(model.encode(x[3:6]))
    np.testing.assert_allclose(way[:, 2], model.decode(half), atol=1e-5)


def test_a_concept_added_to_its_opposite_gives_the_mean_with_the_concept(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    """In a linear model the mean of images without it, plus the concept, is the mean with it."""
    model, (x, label) = build(LINEAR), digits
    ones, zeros = x[label == 1], x[label == 0]
    vector = concept_vector(model, ones, zeros)
    assert tuple(vector.shape) == (model.latent_size,)
    mean_0, mean_1 = zeros.mean(0, keepdims=True), ones.mean(0, keepdims=True)
    moved = add_concept(model, mean_0, vector)
    np.testing.assert_allclose(moved, model.reconstruct(mean_1), atol=1e-5)
    unmoved = add_concept(model, mean_0, vector, strength=0.0)
    np.testing.assert_allclose(unmoved, model.reconstruct(mean_0), atol=1e-6)


def test_a_grid_has_its_corners_where_a_chart_has_them(build: Callable) -> None:
    model = build(PLANE)
    grid = np.asarray(latent_grid(model, low=(-1, -2), high=(1, 2), steps=4))
    assert grid.shape == (4, 4, 8, 8, 1)
    corners = np.float32([[-1, 2], [1, 2], [-1, -2], [1, -2]])
    expected = np.asarray(model.decode(corners))
    np.testing.assert_allclose(
        [grid[0, 0], grid[0, -1], grid[-1, 0], grid[-1, -1]], expected, atol=1e-6
    )


def test_a_grid_needs_a_plane(build: Callable) -> None:
    with pytest.raises(ValueError, match="found 30"):
        latent_grid(build(LINEAR), low=(-1, -1), high=(1, 1), steps=2)


def test_labels_go_with_the_images_of_a_conditional_model(
    build: Callable, digits: tuple[np.ndarray, np.ndarray]
) -> None:
    model, (x, label) = build(VAE, conditional=True, latent=2), digits
    way = interpolate(model, x[:2], x[2:4], steps=3, given={"label": label[:2]})
    again = model.reconstruct(x[:2], {"label": label[:2]})
    np.testing.assert_allclose(np.asarray(way)[:, 0], again, atol=1e-6)
    vector = concept_vector(
        model, x[:4], x[4:9], given=({"label": label[:4]}, {"label": label[4:9]})
    )
    moved = add_concept(model, x[:4], vector, strength=-1.0, given={"label": label[:4]})
    assert tuple(moved.shape) == (4, 8, 8, 1)
    three, four = (latent_grid(model, low=(-1, -1), high=(1, 1), steps=2, label=k) for k in (3, 4))
    assert np.abs(np.asarray(three) - np.asarray(four)).max() > 1e-3
