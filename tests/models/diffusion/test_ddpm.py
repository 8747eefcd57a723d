from collections.abc import Callable

import numpy as np
import pytest

from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.diffusion._prompted import NO_WISH
from sparkgen.noise import row_noise

DDPM = "diffusion.ddpm"
SMALL = {"channels": [8, 16], "embedding": 16}


@pytest.fixture
def random_model(build: Callable) -> Callable[..., GenerativeModel]:
    """`random_model(**options)`: a small model with no weight at zero, as one that has learned."""

    def make(**options: object) -> GenerativeModel:
        model = build(DDPM, **{**SMALL, **options})
        random = np.random.default_rng(0)
        for variable in model.trainable_variables:
            variable.assign_add(0.1 * random.normal(size=variable.shape).astype(np.float32))
        return model

    return make


def sample(model: GenerativeModel, rows: int = 3, **options: object) -> np.ndarray:
    noise = row_noise(model.noise, range(rows), seed=0)
    given = {"label": np.arange(rows, dtype=np.int32)} if model.conditional else {}
    return np.asarray(model.generate(noise, given, **options))


def test_the_model_of_the_mnist_experiment_has_1249412_parameters(
    build: Callable, parameters: Callable
) -> None:
    model = build(DDPM, (28, 28, 1), patch=2, channels=[64, 96], conditional=True)
    assert parameters(model.embed_time) == 2 * 129 * 128
    assert parameters(model.embed_label) == 11 * 128
    assert parameters(model) == 1_249_412


@pytest.mark.parametrize("prediction", ["epsilon", "v"])
def test_an_untrained_model_misses_by_the_variance_of_its_target(
    prediction: str, build: Callable, batch_of: Callable
) -> None:
    """The network starts at zero, so its error is the mean square of what it should predict."""
    model = build(DDPM, prediction=prediction, **SMALL)
    batch = batch_of(model, 256)
    a, s = (np.asarray(r) for r in model.rates(np.floor(batch["noise"]["time"] * 1000)))
    x, epsilon = 2 * batch["image"] - 1, batch["noise"]["epsilon"]
    np.testing.assert_allclose(a**2 + s**2, 1, rtol=1e-5)
    wanted = epsilon if prediction == "epsilon" else a * epsilon - s * x
    terms = model(batch)
    np.testing.assert_allclose(terms["mse"], np.mean(wanted**2, axis=(1, 2, 3)), rtol=1e-4)


def test_the_network_is_shown_images_with_the_moments_of_the_process(
    build: Callable, batch_of: Callable
) -> None:
    """With x-prediction at zero, ε̂ - ε = (a / s) x: what was added to the image is known exactly."""
    model = build(DDPM, prediction="x", schedule="linear", **SMALL)
    batch = batch_of(model, 64)
    a, s = (np.asarray(r) for r in model.rates(np.floor(batch["noise"]["time"] * 1000)))
    expected = np.mean((a / s * (2 * batch["image"] - 1)) ** 2, axis=(1, 2, 3))
    np.testing.assert_allclose(model(batch)["epsilon_mse"], expected, rtol=1e-3)


@pytest.mark.parametrize("prediction", ["epsilon", "x", "v"])
def test_ddim_with_all_steps_is_deterministic_and_ends_in_images(
    prediction: str, random_model: Callable
) -> None:
    model = random_model(prediction=prediction, steps=30, sampling_steps=30)
    images = sample(model)
    np.testing.assert_array_equal(sample(model), images)
    assert images.shape == (3, 8, 8, 1)
    assert images.min() >= 0
    assert images.max() <= 1
    assert images.std() > 0.05


def test_the_way_back_of_a_network_that_knows_the_image_ends_at_it(build: Callable) -> None:
    """With x-prediction at zero, x̂ = 0 at every time: mid-grey, whatever the noise."""
    for sampler in ("ddim", "ancestral"):
        model = build(DDPM, prediction="x", sampler=sampler, sampling_steps=5, **SMALL)
        np.testing.assert_allclose(sample(model), 0.5, atol=1e-6)


def test_ddim_takes_any_number_of_steps(random_model: Callable) -> None:
    model = random_model(steps=40, sampling_steps=20)
    assert model.generate_options == {"steps": 20, "temperature": 1.0}
    np.testing.assert_array_equal(sample(model, steps=20), sample(model))
    for steps in (1, 3, 40):
        assert np.isfinite(sample(model, steps=steps)).all()
    with pytest.raises(ValueError, match="1 to 40 sampling steps, found 41"):
        sample(model, steps=41)


def test_ancestral_sampling_takes_a_noise_a_step(random_model: Callable) -> None:
    model = random_model(steps=40, sampler="ancestral", sampling_steps=6)
    assert model.noise.shape == (6, 8, 8, 1)
    noise = row_noise(model.noise, range(2), seed=0)
    images = np.asarray(model.generate(noise))
    for k in range(6):
        other = noise.copy()
        other[:, k] *= -1
        assert np.abs(np.asarray(model.generate(other)) - images).max() > 1e-4
    with pytest.raises(ValueError, match="noise for 6 sampling steps"):
        model.generate(noise, steps=7)


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_the_temperature_multiplies_all_noise(sampler: str, random_model: Callable) -> None:
    model = random_model(steps=20, sampler=sampler, sampling_steps=4)
    noise = row_noise(model.noise, range(3), seed=0)
    cooler = np.asarray(model.generate(np.float32(0.5) * noise))
    np.testing.assert_array_equal(model.generate(noise, temperature=0.5), cooler)
    assert np.abs(np.asarray(model.generate(noise)) - cooler).max() > 1e-3


def test_guidance_0_ignores_the_label_and_1_follows_it(random_model: Callable) -> None:
    model = random_model(conditional=True, steps=20, sampling_steps=5)
    noise = row_noise(model.noise, range(4), seed=0)

    def images(labels: list[int], guidance: float) -> np.ndarray:
        return np.asarray(model.generate(noise, {"label": np.array(labels)}, guidance=guidance))

    without = images([0, 1, 2, 3], 0.0)
    np.testing.assert_array_equal(images([5, 5, 5, 5], 0.0), without)
    np.testing.assert_array_equal(images([10, 10, 10, 10], 1.0), without)
    followed, exaggerated = images([0, 1, 2, 3], 1.0), images([0, 1, 2, 3], 3.0)
    assert np.abs(followed - without).max() > 1e-4
    assert np.abs(exaggerated - without).mean() > np.abs(followed - without).mean()
    np.testing.assert_allclose(images([0, 1, 2, 3], 1.000001), followed, atol=1e-4)


def test_guidance_leads_away_from_a_smaller_network_that_is_trained_beside(
    random_model: Callable, batch_of: Callable
) -> None:
    """The step is that of p_small + guidance · (p - p_small); 0 samples the smaller one alone."""
    model = random_model(guide_channels=[8], steps=20, sampling_steps=1)
    assert model.generate_options == {"steps": 1, "temperature": 1.0, "guidance": 1.0}
    terms = model(batch_of(model, 16))
    assert model.loss_names == ("mse", "guide_mse")
    assert set(terms) == {"mse", "guide_mse", "epsilon_mse"}
    assert np.abs(terms["mse"] - terms["guide_mse"]).min() > 0
    assert model.direction("val_guide_mse") == "lower"

    noise = row_noise(model.noise, range(3), seed=0)
    time, a, s = np.full(3, 19, np.float32), *np.sqrt([model.kept_T[19], 1 - model.kept_T[19]])
    large = np.asarray(model.predict_at(noise, time, NO_WISH))
    small = np.asarray(model.guide(noise, time))
    for guidance in (0.0, 1.0, 3.0):
        predicted = small + guidance * (large - small)
        expected = np.clip(0.5 * (a * noise - s * predicted + 1), 0, 1)
        np.testing.assert_allclose(sample(model, guidance=guidance), expected, atol=1e-5)


def test_a_smaller_network_takes_the_place_of_the_label_withheld(random_model: Callable) -> None:
    model = random_model(guide_channels=[8], conditional=True, steps=20, sampling_steps=5)
    noise = row_noise(model.noise, range(2), seed=0)

    def images(labels: list[int], guidance: float) -> np.ndarray:
        return np.asarray(model.generate(noise, {"label": np.array(labels)}, guidance=guidance))

    np.testing.assert_array_equal(images([0, 1], 0.0), images([2, 3], 0.0))
    assert np.abs(images([0, 1], 2.0) - images([2, 3], 2.0)).max() > 1e-4
    assert np.abs(images([0, 1], 2.0) - images([0, 1], 1.0)).max() > 1e-4


def test_the_smaller_network_must_fit_the_image_too(build: Callable) -> None:
    with pytest.raises(RequestError, match=r"multiples of 16.*options\.guide_channels fewer"):
        build(DDPM, **SMALL, guide_channels=[8, 8, 8, 8, 8])


@pytest.mark.parametrize("sampler", ["ddim", "ancestral"])
def test_known_pixels_stay_and_are_shown_noised_to_the_level_of_each_step(
    sampler: str, random_model: Callable
) -> None:
    model = random_model(steps=20, sampler=sampler, sampling_steps=5)
    noise = row_noise(model.noise, range(3), seed=0)
    random = np.random.default_rng(0)
    x, other = random.integers(0, 256, (2, 3, 8, 8, 1)).astype(np.float32) / np.float32(255)
    known = (random.random(x.shape) < 0.5).astype(np.float32)
    shown, step_back = [], model.compiled_step

    def watched(x_t: np.ndarray, *rest: object) -> object:
        shown.append(np.asarray(x_t))
        return step_back(x_t, *rest)

    model.compiled_step = watched
    made = np.asarray(model.generate(noise, {"image": x, "known": known}))
    np.testing.assert_array_equal(made[known == 1], x[known == 1])
    assert len(shown) == 5
    for k in range(1, 5):
        kept = model.kept_T[19 - 4 * k]
        drawn = noise[:, k] if sampler == "ancestral" else noise
        expected = np.sqrt(kept) * (2 * x - 1) + np.sqrt(1 - kept) * drawn
        np.testing.assert_allclose(shown[k][known == 1], expected[known == 1], atol=1e-5)
    model.compiled_step = step_back
    same = np.where(known == 1, x, other)
    np.testing.assert_array_equal(model.generate(noise, {"image": same, "known": known}), made)
    plain = np.asarray(model.generate(noise))
    assert np.abs(made - plain)[known == 0].max() > 1e-3
    for all_or_none, expected in ((np.ones_like(x), x), (np.zeros_like(x), plain)):
        given = {"image": x, "known": all_or_none}
        np.testing.assert_array_equal(model.generate(noise, given), expected)


def test_labels_are_withheld_in_training_only(random_model: Callable, batch_of: Callable) -> None:
    model = random_model(conditional=True, label_dropout=0.5)
    batch = batch_of(model)
    withheld = batch["noise"]["label"] < 0.5
    null = {**batch, "label": np.full(16, 10, np.int32)}
    trained, null_terms, full = (
        np.asarray(model.loss_terms(b, training=t)["mse"])
        for b, t in ((batch, True), (null, False), (batch, False))
    )
    assert 0 < withheld.sum() < 16
    np.testing.assert_allclose(trained, np.where(withheld, null_terms, full), rtol=1e-5)


def test_a_conditional_model_needs_labels(build: Callable) -> None:
    model = build(DDPM, conditional=True, **SMALL)
    with pytest.raises(ValueError, match="label to be given"):
        model.generate(row_noise(model.noise, range(1), seed=0))


def test_more_sampling_steps_than_times_are_refused(build: Callable) -> None:
    with pytest.raises(RequestError, match="at most the 40 steps"):
        build(DDPM, steps=40)


def test_training_brings_the_error_down(
    build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(DDPM, **SMALL)
    held_out = batch_of(model, 128, first=1000)
    before = np.mean(model(held_out)["mse"])
    train(model, [batch_of(model, 64, first=64 * (k % 12), seed=k) for k in range(120)], 3e-3)
    assert np.mean(model(held_out)["mse"]) < 0.6 * before
