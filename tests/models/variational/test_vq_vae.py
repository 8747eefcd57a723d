from collections.abc import Callable

import keras
import numpy as np
import pytest
from parts import spec_of

from sparkgen.config.experiment import DensityConfig
from sparkgen.errors import RequestError
from sparkgen.evaluation.probes import check_probed
from sparkgen.models.discovery import outline
from sparkgen.noise import row_noise

NAME = "variational.vq_vae"


def test_the_mnist_one_has_its_parameters(build: Callable, parameters: Callable) -> None:
    model = build(NAME, (28, 28, 1))
    down = 10 * 32 + (9 * 32 + 1) * 64 + (9 * 64 + 1) * 64 + 64 * 16 + 2 * 16
    up = (9 * 16 + 1) * 64 + (9 * 64 + 1) * 64 + (9 * 64 + 1) * 32 + (9 * 32 + 1)
    # A 2×3 window of one-hot codes, and blocks of a 2×3 and a 1×1 convolution.
    prior = (6 * 128 + 1) * 64 + 4 * ((6 * 64 + 1) * 64 + 65 * 64) + 65 * 128
    assert parameters(model.encoder) == down
    assert parameters(model.decoder) == up
    assert parameters(model.prior) == prior
    assert parameters(model) == down + up + prior + 128 * 16 + 1


def test_a_vector_becomes_its_nearest_code(build: Callable) -> None:
    model = build(NAME, codes=16, code_size=3)
    vectors = np.random.default_rng(0).normal(size=(5, 2, 2, 3)).astype(np.float32)
    book = np.asarray(model.book_KD)
    distances = np.sum((vectors[..., None, :] - book) ** 2, axis=-1)
    code, vector = model.quantise(vectors)
    np.testing.assert_array_equal(code, distances.argmin(-1))
    np.testing.assert_array_equal(vector, book[np.asarray(code)])


def test_a_latent_is_decoded_as_its_nearest_codes_are(build: Callable) -> None:
    model = build(NAME)
    latent = np.random.default_rng(0).normal(size=(2, model.latent_size)).astype(np.float32)
    nearest = np.asarray(model.quantise(latent.reshape(2, 2, 2, 16)).vector).reshape(2, -1)
    np.testing.assert_array_equal(model.decode(latent), model.decode(nearest))


def test_the_prior_gives_the_encoder_no_gradient_and_the_picture_does(
    build: Callable, batch_of: Callable
) -> None:
    import tensorflow as tf

    model = build(NAME, filters=[8], codes=8)
    batch = batch_of(model)
    with tf.GradientTape(persistent=True) as tape:
        terms = model.loss_terms(batch, training=True)
    encoder = model.encoder.trainable_variables
    assert all(g is None for g in tape.gradient(terms["prior"], [*encoder, model.book_KD]))
    assert all(g is None for g in tape.gradient(terms["codebook"], encoder))
    assert tape.gradient(terms["commitment"], model.book_KD) is None
    for gradient in tape.gradient(terms["reconstruction"], encoder):
        assert np.abs(gradient).max() > 0


def test_pictures_are_drawn_from_the_prior_or_from_a_fitted_density(build: Callable) -> None:
    drawn = build(NAME, filters=[8])
    assert drawn.noise == ((4, 4, 1), "uniform")
    fitted = build(NAME, density=DensityConfig(kind="diagonal"), filters=[8])
    assert fitted.noise.shape == (fitted.latent_size + 1,)
    for model in (drawn, fitted):
        sample = np.asarray(model.generate(row_noise(model.noise, range(3), seed=0)))
        assert sample.shape == (3, 8, 8, 1)


def test_only_the_prior_is_given_the_label(build: Callable, batch_of: Callable) -> None:
    model = build(NAME, conditional=True, filters=[8], codes=8)
    assert model.conditional
    batch = batch_of(model)
    other = {**batch, "label": (batch["label"] + 1) % model.spec.classes}
    one, two = (model(each) for each in (batch, other))
    assert np.abs(np.asarray(one["prior"]) - np.asarray(two["prior"])).min() > 0
    for term in ("reconstruction", "codebook", "commitment"):
        np.testing.assert_array_equal(one[term], two[term])


def test_a_sample_depends_on_its_label_and_on_the_temperature_of_the_prior(build: Callable) -> None:
    model = build(NAME, conditional=True, temperature=0.5, filters=[8])
    noise = row_noise(model.noise, range(8), seed=0)
    labels = np.arange(8) % model.spec.classes
    made = np.asarray(model.generate(noise, {"label": labels}))
    assert (made != np.asarray(model.generate(noise, {"label": (labels + 1) % 3}))).any()
    np.testing.assert_array_equal(made, model.generate(noise, {"label": labels}, temperature=0.5))
    assert (made != np.asarray(model.generate(noise, {"label": labels}, temperature=4.0))).any()


def test_a_density_in_the_priors_place_has_no_temperature(build: Callable) -> None:
    mixture = DensityConfig(kind="mixture")
    fitted = build(NAME, density=mixture, filters=[8])
    assert fitted.generate_options == outline(NAME, {}, fitted.spec, mixture).generate_options == {}
    assert set(outline(NAME, {}, fitted.spec).generate_options) == {"temperature"}


@pytest.mark.parametrize("options", [{"conditional": True}, {"temperature": 0.5}])
def test_what_only_the_prior_has_is_refused_with_another_density(options: dict) -> None:
    with pytest.raises(RequestError, match=r"density\.kind prior for .*, found mixture: remove"):
        outline(NAME, options, spec_of(NAME), DensityConfig(kind="mixture"))


def test_latents_do_not_depend_on_the_label_and_can_be_probed(build: Callable) -> None:
    model = build(NAME, conditional=True, filters=[8])
    check_probed(model)
    x = np.random.default_rng(0).random((3, 8, 8, 1), np.float32)
    one, two = (model.encode(x, {"label": np.full(3, label)}) for label in range(2))
    np.testing.assert_array_equal(one, two)


def test_the_prior_computes_alike_where_the_rest_is_in_half_precision(build: Callable) -> None:
    logits = []
    try:
        for policy in ("float32", "mixed_bfloat16"):
            keras.mixed_precision.set_dtype_policy(policy)
            model = build(NAME, conditional=True, filters=[8])
            logits.append(np.asarray(model.prior(np.zeros((3, 4, 4, 1), np.float32), np.arange(3))))
    finally:
        keras.mixed_precision.set_dtype_policy("float32")
    np.testing.assert_array_equal(*logits)


def test_the_bound_is_the_picture_and_the_codes(build: Callable, batch_of: Callable) -> None:
    model = build(NAME)
    terms = {k: np.asarray(v) for k, v in model(batch_of(model)).items()}
    np.testing.assert_allclose(terms["elbo"], -terms["reconstruction"] - terms["prior"], rtol=1e-5)


def test_many_codes_are_used_after_some_steps(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    """Vectors that share an offset would all have the same nearest code."""
    model = build(NAME, codes=32, code_size=8, filters=[16])
    train(model, 4 * [batch_of(model, 64, first=64 * k) for k in range(10)])
    code = np.asarray(model.quantise(model.encoder(batch_of(model, 64, first=1000)["image"])).code)
    assert len(np.unique(code)) >= 8
