from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.config.experiment import DensityConfig
from sparkgen.models.contract import GenerativeModel
from sparkgen.noise import NoiseSpec, Stream, row_noise, row_noises

VAE = "variational.vae"
MIXTURE = DensityConfig(kind="mixture", components=3)


def bound(model: GenerativeModel, batch: dict, name: str, samples: int, seed: int = 0) -> float:
    likelihood = model.likelihoods(samples=samples)[name]
    noise = row_noises(likelihood.noise, batch["id"], seed=seed, stream=Stream.EVALUATE)
    return float(np.mean(likelihood.function({**batch, "noise": noise})))


def test_the_dense_reference_has_652824_parameters(build: Callable, parameters: Callable) -> None:
    model = build(VAE, (28, 28, 1))
    assert parameters(model.encoder) == 785 * 400 + 401 * 40
    assert parameters(model.decoder) == 21 * 400 + 401 * 784
    assert parameters(model) == 652_824


def test_a_convolutional_vae_has_its_parameters_and_odd_sides_come_out_right(
    build: Callable, parameters: Callable
) -> None:
    model = build(VAE, (7, 5, 3), filters=[4, 6], hidden=[8], latent=2)
    # 7×5 → 4×3 → 2×2 by 6 filters.
    assert parameters(model.encoder_stem) == (9 * 3 + 1) * 4 + (9 * 4 + 1) * 6
    assert parameters(model.encoder) == 25 * 8 + 9 * 4
    dense, convolutions = 3 * 8 + 9 * 24, (9 * 6 + 1) * 6 + (9 * 6 + 1) * 4 + (9 * 4 + 1) * 3
    assert parameters(model.decoder) == dense + convolutions
    assert tuple(model.decode(np.zeros((1, 2), np.float32)).shape) == (1, 7, 5, 3)


def test_residual_blocks_stand_at_every_map_of_both_networks(
    build: Callable, parameters: Callable
) -> None:
    plain = build(VAE, filters=[4, 6], hidden=[8], latent=2)
    model = build(VAE, filters=[4, 6], blocks=2, hidden=[8], latent=2)
    narrow, wide = ((9 * f + 1) * f for f in (4, 6))
    # Two blocks of two convolutions after 4 and 6 filters, and before the convolutions to 6 and to 4.
    assert parameters(model) - parameters(plain) == 2 * 2 * (narrow + wide) + 2 * 2 * (wide + wide)
    assert model.decode(np.zeros((1, 2), np.float32)).shape == (1, 8, 8, 1)


def test_the_loss_is_the_negative_elbo_when_beta_is_one(
    build: Callable, batch_of: Callable
) -> None:
    model = build(VAE)
    terms = {k: np.asarray(v) for k, v in model(batch_of(model)).items()}
    np.testing.assert_allclose(terms["reconstruction"] + terms["kl"], -terms["elbo"], rtol=1e-5)


def test_beta_weighs_the_kl_and_leaves_the_elbo(build: Callable, batch_of: Callable) -> None:
    one, four = build(VAE), build(VAE, beta=4.0)
    first, second = one(batch_of(one)), four(batch_of(four))
    np.testing.assert_allclose(4 * np.asarray(first["kl"]), second["kl"], rtol=1e-5)
    np.testing.assert_allclose(first["elbo"], second["elbo"], rtol=1e-5)


def test_free_bits_are_a_floor_under_every_entrys_kl(build: Callable, batch_of: Callable) -> None:
    model = build(VAE, free_bits=50.0, latent=3)
    np.testing.assert_array_equal(model(batch_of(model))["kl"], 150.0)


def test_the_importance_bound_grows_with_its_samples(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(VAE, hidden=[64], latent=4, binarisation="dynamic")
    train(model, [batch_of(model, 64, seed=s) for s in range(60)])
    batch = batch_of(model, 256, first=100)
    bounds = [bound(model, batch, "iwae", k) for k in (1, 5, 50)]
    assert bounds[0] < bounds[1] < bounds[2]
    assert abs(bounds[0] - bound(model, batch, "elbo", 1)) < 1.0


def test_the_importance_bound_of_a_linear_gaussian_model_is_its_evidence(build: Callable) -> None:
    """With a decoder that ignores z, p(x) is the pixel likelihood, and q = p makes it exact."""
    model = build(VAE, hidden=[], latent=2)
    for layer in (*model.encoder.layers, *model.decoder.layers):
        for weight in layer.trainable_variables:
            weight.assign(np.zeros(weight.shape))
    noise = {"latent": row_noise(NoiseSpec((3, 2)), range(2), seed=0)}
    batch = {"image": np.ones((2, 8, 8, 1), np.float32), "label": np.zeros(2), "noise": noise}
    nats = model.likelihoods(samples=3)["iwae"].function(batch)
    np.testing.assert_allclose(nats, 64 * np.log(0.5), rtol=1e-5)


def test_the_bound_of_the_model_that_samples_is_under_the_fitted_density(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(VAE, hidden=[64], latent=4, binarisation="dynamic", density=MIXTURE)
    batch = batch_of(model, 256, first=100)
    # as it is made, the density is N(0, I)
    fitted, own = (bound(model, batch, name, 5) for name in ("iwae_fitted", "iwae"))
    assert fitted == pytest.approx(own, rel=1e-6)
    train(model, [batch_of(model, 64, seed=s) for s in range(60)])
    model.density.fit(np.asarray(model.latents(batch_of(model, 1000))), seed=0)
    fitted, own = (bound(model, batch, name, 50) for name in ("iwae_fitted", "iwae"))
    assert fitted > own
    protocol = model.likelihoods(samples=5)["iwae_fitted"].protocol
    assert protocol.estimator == "iwae, prior mixture"


def test_a_density_is_fitted_to_draws_of_the_posterior(build: Callable, batch_of: Callable) -> None:
    model = build(VAE, latent=2, binarisation="dynamic")
    batch = batch_of(model, 3)
    drawn = np.asarray(model.latents(batch))
    silent = {**batch, "noise": {**batch["noise"], "latent": np.zeros((3, 2), np.float32)}}
    mean, log_variance = (np.asarray(v) for v in model.posterior(model._pixels(batch), None))
    np.testing.assert_allclose(model.latents(silent), mean, rtol=1e-6)
    noise = batch["noise"]["latent"]
    np.testing.assert_allclose(drawn, mean + np.exp(0.5 * log_variance) * noise, rtol=1e-5)


@pytest.mark.parametrize("likelihood", ["gaussian", "logistic"])
def test_a_learned_scale_makes_the_bound_better(
    likelihood: str, build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(VAE, likelihood=likelihood, hidden=[64])
    before = bound(model, batch_of(model), "elbo", 1)
    train(model, 40 * [batch_of(model)])
    assert bound(model, batch_of(model), "elbo", 1) > before
    assert float(model.log_scale) != -2.0


@pytest.mark.parametrize(
    ("options", "pixels"),
    [
        ({"binarisation": "dynamic"}, "dynamic"),
        ({}, "relaxed"),
        ({"likelihood": "gaussian"}, "density"),
        ({"likelihood": "logistic"}, "none"),
    ],
)
def test_the_protocol_says_what_the_pixels_were_taken_as(
    options: dict, pixels: str, build: Callable
) -> None:
    protocols = [v.protocol for v in build(VAE, **options).likelihoods(samples=5).values()]
    assert [p.binarisation for p in protocols] == [pixels, pixels]
    assert [p.samples for p in protocols] == [1, 5]


def test_labels_steer_a_conditional_vae_and_must_be_given(build: Callable) -> None:
    model = build(VAE, conditional=True)
    noise = row_noise(model.noise, range(2), seed=0)
    one, two = (np.asarray(model.generate(noise, {"label": np.full(2, k)})) for k in (1, 2))
    assert np.abs(one - two).max() > 1e-3
    with pytest.raises(ValueError, match="label to be given"):
        model.generate(noise)
