"""What holds for every model there is, with the options of its experiment on the digits."""

import inspect
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from parts import experiment_of, is_of_text, names_that_learn, outlined, spec_of

from sparkgen.config.options import check_options
from sparkgen.config.strict import Strict
from sparkgen.models.contract import GenerativeModel, Measured
from sparkgen.models.discovery import model_module, model_names
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.saving import save_model
from sparkgen.noise import Stream, row_noise, row_noises
from sparkgen.sampling.generate import one_by_one

ROWS = 4
every_model = pytest.mark.parametrize("name", model_names())
# Their networks play against each other; adversarial/test_every_game.py trains one at a time.
GAMES = [name for name in model_names() if name.startswith("adversarial.")]

GENERATE = """
import sys
from pathlib import Path
import numpy as np
from sparkgen.models.saving import load_model
for folder in map(Path, sys.argv[1:]):
    given = np.load(folder / "given.npz")
    model = load_model(folder)
    rest = {name: given[name] for name in model.given if name in given}
    made = model.generate(given["noise"], rest)
    np.save(folder / "again.npy", getattr(made, "data", made))
"""


def options_of(name: str) -> dict[str, Any]:
    experiment = yaml.safe_load(experiment_of(name).read_text())
    return experiment["model"].get("options", {})


def label_for(model: GenerativeModel, labels: np.ndarray) -> dict[str, Any]:
    return {"label": labels} if model.conditional else {}


def needed_by(model: GenerativeModel, rows: int = ROWS) -> dict[str, Any]:
    """What the model cannot do without: labels, and records of random numbers."""
    found = {
        name: np.arange(rows, dtype=np.int32) % (one.choices or 10)
        for name, one in model.given.items()
        if one.required and one.what == "label"
    }
    for name, one in model.given.items():
        if one.required and one.what == "text":
            found[name] = ["the cat sat on the mat", "a dog", "on the mat", "ran"][:rows]
        if one.required and one.record is not None:
            size = () if one.record.fixed else (6, 9)
            shape = (rows, *size, *one.record.shape)
            stored = np.random.default_rng(0).integers(0, one.record.values, shape)
            found[name] = one.record.to_model(stored)
    return found


def rows_of(model: GenerativeModel) -> int:
    """How many samples are made at once: those of any size one by one."""
    return 1 if one_by_one(model) else ROWS


def generated(model: GenerativeModel) -> np.ndarray:
    rows = rows_of(model)
    noise = row_noise(model.noise, range(rows), seed=1)
    made = model.generate(noise, needed_by(model, rows))
    return np.asarray(made.data if isinstance(made, Measured) else made)


def loss(model: GenerativeModel, batch: dict[str, Any]) -> float:
    terms = model.loss_terms(batch, training=True)
    return float(np.mean(sum(np.asarray(terms[name]) for name in model.loss_names)))


@every_model
@pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (32, 32, 3)])
def test_a_model_builds_and_every_term_is_one_finite_number_a_row(
    name: str, shape: tuple[int, int, int], build: Callable, batch_of: Callable
) -> None:
    model = build(name, shape, **options_of(name))
    terms = model(batch_of(model, 3))
    assert set(terms) == {*model.loss_names, *model.metric_names}
    for term in terms.values():
        assert tuple(term.shape) == (3,)
        assert np.isfinite(np.asarray(term)).all()


@every_model
def test_an_outline_says_of_a_model_what_the_model_says(name: str, untrained: Callable) -> None:
    options = options_of(name)
    outlines = outlined(name, options, spec_of(name))
    model = untrained(name, options)
    for said in ("given", "generate_options", "generate_ranges", "loss_names"):
        assert getattr(outlines, said) == getattr(model, said)
    assert set(outlines.optimizer_groups()) == set(model.optimizer_groups())
    assert set(outlines.likelihoods(samples=1)) == set(model.likelihoods(samples=1))


@every_model
def test_the_defaults_of_a_model_are_options_that_it_takes(name: str) -> None:
    model = outlined(name, options_of(name), spec_of(name))
    check_options(model.generate_options, model.generate_options, model.generate_ranges, model=name)
    assert set(model.generate_ranges) <= set(model.generate_options)


@pytest.mark.parametrize(
    "name", sorted({*names_that_learn("gradient"), *names_that_learn("counting")} - set(GAMES))
)
def test_the_loss_is_finite_and_falls_on_a_tiny_set(
    name: str, build: Callable, batch_of: Callable, train: Callable
) -> None:
    model = build(name, **options_of(name))
    batch = batch_of(model)
    before = loss(model, batch)
    assert np.isfinite(before)
    if model.trainable_variables:
        train(model, 30 * [batch])
    else:
        model.fit_statistics(model.statistics(batch))
    assert loss(model, batch) < before


HIGHER = ("elbo", "success", "psnr", "psnr_gain", "ssim", "kept", "mended_1", "mended_2")
# The critic's estimate of a distance, and how far its gradients are from 1: both rise and fall. What
# another method attains does not depend on the model.
NEITHER = {"wasserstein", "gradient_penalty", "psnr_bicubic", "ssim_bicubic"}


@every_model
def test_every_figure_says_which_way_it_is_better(name: str) -> None:
    model = outlined(name, options_of(name), spec_of(name))
    plays = len(model.optimizer_groups()) > 1
    for figure in ("loss", *model.loss_names):
        assert model.direction(f"val_{figure}") == (None if plays else "lower")
    for figure in set(model.metric_names) - NEITHER:
        higher = figure.endswith("accuracy") or figure in HIGHER
        assert model.direction(figure) == ("higher" if higher else "lower"), figure
    for figure in ("learning_rate", "rows_per_second", *NEITHER):
        assert model.direction(figure) is None


@every_model
def test_what_is_given_is_refused_without_what_it_needs(name: str) -> None:
    model = outlined(name, options_of(name), spec_of(name))
    noise = np.zeros(1, np.float32)
    labels, image = label_for(model, np.zeros(1, np.int32)), np.zeros((1, 8, 8, 1), np.float32)
    alone = [entry for entry in ("image", "known") if entry in model.given]
    for entry in alone:
        for lacking in model.given[entry].needs:
            line = f"expected {lacking} to be given to {model.name} with {entry}, found none"
            with pytest.raises(ValueError, match=line):
                model.generate(noise, {**labels, entry: image})
    with pytest.raises(ValueError, match="found nonsense given"):
        model.generate(noise, {**needed_by(model, 1), "nonsense": image})
    if needed := sorted(name for name, one in model.given.items() if one.required):
        with pytest.raises(ValueError, match=f"expected {', '.join(needed)} to be given"):
            model.generate(noise)


@every_model
def test_samples_are_records_and_the_same_every_time(name: str, untrained: Callable) -> None:
    model = untrained(name, options_of(name))
    sample = generated(model)
    if model.makes.kind == "text":
        assert all(isinstance(text, str) for text in model.makes.to_stored(sample))
        np.testing.assert_array_equal(generated(model), sample)
        return
    if model.makes.fixed:
        assert sample.shape == (ROWS, *model.makes.shape)
    else:
        assert (sample.ndim, sample.shape[0], sample.shape[3:]) == (4, 1, model.makes.shape)
    assert sample.dtype == np.float32
    assert sample.min() >= 0
    assert sample.max() <= 1
    np.testing.assert_array_equal(generated(model), sample)


def test_a_saved_model_generates_the_same_bits_in_a_new_process(
    untrained: Callable, tmp_path: Path
) -> None:
    expected = {}
    for name in model_names():
        model, folder = untrained(name, options_of(name)), tmp_path / name
        save_model(folder, model, name=name, options=options_of(name))
        noise = row_noise(model.noise, range(rows_of(model)), seed=1)
        np.savez(folder / "given.npz", noise=noise, **needed_by(model, rows_of(model)))
        expected[folder] = generated(model)
    subprocess.run([sys.executable, "-c", GENERATE, *map(str, expected)], check=True)
    for folder, sample in expected.items():
        np.testing.assert_array_equal(np.load(folder / "again.npy"), sample, folder.name)


@every_model
def test_every_option_is_documented_and_options_of_generate_are_taken(
    name: str, untrained: Callable
) -> None:
    module = model_module(name)
    assert module.__doc__
    assert module.build.__doc__
    options = [kind for kind in module.Config.__mro__ if issubclass(kind, Strict)][:-1]
    for kind in options:
        assert kind.__doc__
        for field in kind.__annotations__:
            assert re.search(rf'    {field}: .*\n    """', inspect.getsource(kind)), field
    model = untrained(name, options_of(name))
    rows = rows_of(model)  # as many as elsewhere: what is compiled for them is there
    noise = row_noise(model.noise, range(rows), seed=0)
    model.generate(noise, needed_by(model, rows), **model.generate_options)


LIKELIHOODS = {
    **{name: {"exact"} for name in model_names() if name.startswith("autoregressive.")},
    **{f"language.{name}": {"exact"} for name in ("lstm", "ngram", "transformer")},
    "variational.vae": {"elbo", "iwae"},
    "variational.vq_vae": {"elbo"},
}


@pytest.mark.parametrize("name", sorted(set(model_names()) - set(LIKELIHOODS)))
def test_other_models_have_no_likelihood(name: str) -> None:
    model = outlined(name, options_of(name), spec_of(name))
    assert model.likelihoods(samples=3) == {}


@pytest.mark.parametrize("name", LIKELIHOODS)
def test_a_likelihood_gives_finite_nats_a_row(
    name: str, untrained: Callable, batch_of: Callable
) -> None:
    model = untrained(name, options_of(name))
    likelihoods = model.likelihoods(samples=3)
    assert set(likelihoods) == LIKELIHOODS[name]
    for likelihood in likelihoods.values():
        noise = row_noises(likelihood.noise, range(2), seed=0, stream=Stream.EVALUATE)
        nats = np.asarray(likelihood.function({**batch_of(model, 2), "noise": noise}))
        assert nats.shape == (2,)
        assert np.isfinite(nats).all()
        assert likelihood.protocol.kind in ("exact", "bound")
        pixels = likelihood.protocol.binarisation
        known = ("none", "dynamic", "threshold", "density", "relaxed")
        assert is_of_text(name) or pixels in known or pixels.removesuffix(" levels").isdecimal()


ENCODER_DECODERS = [
    name for name in model_names() if name.startswith(("reconstruction.", "variational."))
]


@every_model
def test_models_with_latents_are_those_of_two_families(name: str) -> None:
    model = outlined(name, options_of(name), spec_of(name))
    assert isinstance(model, EncoderDecoder) == (name in ENCODER_DECODERS)


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_an_encoder_decoder_encodes_flat_latents_and_reconstructs_images(
    name: str, untrained: Callable, batch_of: Callable
) -> None:
    model = untrained(name, options_of(name))
    batch = batch_of(model, 3)
    assert tuple(model.encode(batch["image"], {"label": batch["label"]}).shape) == (
        3,
        model.latent_size,
    )
    again = np.asarray(model.reconstruct(batch["image"], {"label": batch["label"]}))
    assert again.shape == (3, *model.spec.shape)
    assert again.min() >= 0
    assert again.max() <= 1
