import numpy as np
import numpy.typing as npt
import pytest
from sklearn.mixture import GaussianMixture

from sparkgen.layers.density import LatentDensity
from sparkgen.noise import row_noise


def draws(density: LatentDensity, count: int = 20_000) -> npt.NDArray[np.float32]:
    return np.asarray(density(row_noise(density.noise, range(count), seed=1)))


def made(kind: str, components: int = 1) -> LatentDensity:
    density = LatentDensity(2, kind, components)
    density.build()
    return density


@pytest.fixture(scope="module")
def latents() -> npt.NDArray[np.float64]:
    """Two lumps in the plane, a third of the rows in the first."""
    random = np.random.default_rng(0)
    first = random.normal([-4, 0], [0.5, 1.0], (2000, 2))
    second = random.normal([4, 1], [1.0, 0.25], (4000, 2))
    return np.concatenate([first, second])


def test_the_prior_passes_noise_through() -> None:
    noise = row_noise(made("prior").noise, range(5), seed=0)
    np.testing.assert_array_equal(np.asarray(made("prior")(noise)), noise[:, 1:])


@pytest.mark.parametrize(("kind", "components"), [("diagonal", 1), ("full", 1), ("mixture", 2)])
def test_draws_have_the_mean_and_variance_of_the_latents(
    latents: npt.NDArray[np.float64], kind: str, components: int
) -> None:
    density = made(kind, components)
    density.fit(latents, seed=0)
    sample = draws(density)
    np.testing.assert_allclose(sample.mean(0), latents.mean(0), atol=0.12)
    np.testing.assert_allclose(sample.var(0), latents.var(0), rtol=0.06)


def test_a_full_gaussian_keeps_the_correlation_and_a_diagonal_one_drops_it(
    latents: npt.NDArray[np.float64],
) -> None:
    full, diagonal = made("full"), made("diagonal")
    full.fit(latents, seed=0)
    diagonal.fit(latents, seed=0)
    expected = np.corrcoef(latents.T)[0, 1]
    assert abs(np.corrcoef(draws(full).T)[0, 1] - expected) < 0.03
    assert abs(np.corrcoef(draws(diagonal).T)[0, 1]) < 0.03


def test_a_mixture_finds_the_lumps_and_their_weights(latents: npt.NDArray[np.float64]) -> None:
    density = made("mixture", 2)
    density.fit(latents, seed=0)
    sample = draws(density)
    left = sample[:, 0] < 0
    assert abs(left.mean() - 1 / 3) < 0.02
    np.testing.assert_allclose(sample[left].mean(0), [-4, 0], atol=0.1)
    np.testing.assert_allclose(sample[~left].mean(0), [4, 1], atol=0.1)


@pytest.mark.parametrize(("kind", "components"), [("prior", 1), ("diagonal", 1), ("mixture", 3)])
def test_the_log_density_is_scikit_learns(
    latents: npt.NDArray[np.float64], kind: str, components: int
) -> None:
    density = made(kind, components)
    density.fit(latents, seed=0)
    peer = GaussianMixture(components, covariance_type="diag" if kind == "diagonal" else "full")
    peer.set_params(random_state=0).fit(latents)
    points = np.random.default_rng(1).normal(0, 3, (50, 2)).astype(np.float32)
    expected = peer.score_samples(points)
    if kind == "prior":
        expected = -np.log(2 * np.pi) - 0.5 * np.square(points).sum(axis=1)
    np.testing.assert_allclose(density.log_density(points), expected, rtol=1e-4)
