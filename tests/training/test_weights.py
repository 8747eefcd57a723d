"""What a weights file holds, of which models there are such files, and of which model one is."""

from pathlib import Path

import numpy as np
import pytest

from sparkgen.config.experiment import DensityConfig
from sparkgen.config.load import load_experiment
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model, outline
from sparkgen.pipeline.outlook import spec_to_come
from sparkgen.training import checkpoints
from sparkgen.training.transfer import tensors
from sparkgen.training.weights import NUMBERS, check_model, decode, encode, put

ROOT = Path(__file__).parents[2]
SPEC = DataSpec(ImageRecord((8, 8, 1)), 10)
NAME = "reconstruction.dense_autoencoder"
TRAINING = {"training": {"ema_momentum": None}, "model": {"name": NAME, "options": {"latent": 4}}}


def dense(density: str = "prior", **options) -> GenerativeModel:
    return build_model(NAME, {"latent": 4, **options}, SPEC, DensityConfig(kind=density))


def refusal(function, *arguments, **options) -> str:
    with pytest.raises(RequestError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_model_has_after_reading_what_it_had_before_writing() -> None:
    first, second = dense("full"), dense("full")
    first.density.fit(np.random.default_rng(0).normal(size=(50, 4)).astype(np.float32), seed=0)
    weights = decode(encode(first, half=False), called="a.npz")
    assert weights.model == NAME
    assert weights.options == {
        "latent": 4,
        "encoder_activation": "relu",
        "decoder_activation": "relu",
        "initializer": "random_normal",
    }
    put(weights, second)
    for ours, theirs in zip(first.weights, second.weights, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_models_that_learn_otherwise_than_by_gradients_have_no_weights_files() -> None:
    counts = build_model("autoregressive.naive_bayes", {}, SPEC)
    line = refusal(encode, counts)
    assert "found autoregressive.naive_bayes, which learns by counting: train it by" in line
    weights = decode(encode(dense()), called="a.npz")
    assert refusal(put, weights, counts) == line
    assert refusal(check_model, weights, outline(counts.blueprint.name, {}, SPEC)) == line


@pytest.mark.parametrize("value", [1e5, -7e4, 65_520.0])
def test_a_tensor_that_float16_cannot_hold_stays_in_float32(value: float) -> None:
    first, second = dense(), dense()
    name, variable = next(iter(tensors(first).items()))
    variable.assign(np.full(variable.shape, value, np.float32))
    weights = decode(encode(first), called="a.npz")
    assert {n for n, array in weights.tensors.items() if array.dtype == np.float32} == {name}
    put(weights, second)
    np.testing.assert_array_equal(tensors(second)[name].numpy(), np.float32(value))


def test_a_number_that_is_not_finite_is_refused_where_it_is_read() -> None:
    model = dense()
    name, variable = next(iter(tensors(model).items()))
    variable.assign(np.full(variable.shape, np.nan, np.float32))
    weights = decode(encode(model), called="a.npz")
    assert weights.tensors[name].dtype == np.float32
    assert f"found values of {name} that are no finite numbers" in refusal(put, weights, dense())


def test_weights_of_another_model_with_the_same_shapes_are_refused() -> None:
    weights = decode(encode(dense("full")), called="a.npz")
    own = outline(NAME, {"latent": 4}, SPEC, DensityConfig(kind="full"))
    check_model(weights, own)
    other = weights._replace(model="variational.vae")
    assert "in a.npz, found those of variational.vae: name the file" in refusal(put, other, dense())
    other = weights._replace(options={**weights.options, "decoder_activation": "tanh"})
    line = refusal(put, other, dense())
    assert "in a.npz, found decoder_activation of 'tanh' in place of 'relu': name the file" in line
    other = weights._replace(options={"depth": 3})
    assert "found options that this release does not take (" in refusal(check_model, other, own)
    assert "found the density full in place of diagonal" in refusal(put, weights, dense("diagonal"))
    put(weights, dense())  # the prior needs no density


def test_an_option_at_its_default_may_be_left_out() -> None:
    weights = decode(encode(dense()), called="a.npz")
    check_model(weights._replace(options={"latent": 4}), dense())


def test_tensors_of_another_shape_are_refused() -> None:
    weights = decode(encode(dense(latent=8)), called="a.npz")._replace(options={"latent": 4})
    assert "of shape [64, 8] in place of [64, 4]" in refusal(put, weights, dense())


def checkpoint(arrays=None, **facts) -> bytes:
    arrays = {"model/0000": np.zeros(2, np.float32)} if arrays is None else arrays
    return checkpoints.encode(arrays, {NUMBERS: {"w": 0}, "training": TRAINING, **facts})


def test_a_checkpoint_says_of_which_model_it_is() -> None:
    weights = decode(checkpoint(), called="a.npz")
    assert (weights.model, weights.options) == (NAME, {"latent": 4})
    assert list(weights.tensors) == ["w"]
    assert "found those of " in refusal(put, weights._replace(model="variational.vae"), dense())


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (checkpoint(training=None), "a file that does not say training.training"),
        (checkpoint(training={"training": 3}), "a file that does not say training.training"),
        (
            checkpoint(training={**TRAINING, "model": {}}),
            "a file that does not say training.model.name",
        ),
        (checkpoint(numbers=[]), "a file that does not say numbers"),
        (checkpoint(numbers={"w": 7}), "a checkpoint without the array model/0007"),
        (checkpoint(numbers={"w": None}), "a checkpoint without the array model/None"),
        (checkpoint({"best/0001": np.zeros(1)}), "a checkpoint without the array best/0000"),
        (checkpoints.encode({}, {}), "a checkpoint of a release that did not name"),
        (checkpoints.encode({}, {"weights": "it"}), "a file that does not say options"),
        (checkpoints.encode({}, [1]), "facts that are no mapping"),
        (
            checkpoint(training={**TRAINING, "training": {"ema_momentum": 0.9}}),
            "a checkpoint of a training that averages weights when it ends",
        ),
    ],
)
def test_a_file_that_lacks_what_it_should_say_is_refused_in_one_line(
    data: bytes, found: str
) -> None:
    line = refusal(decode, data, called="a.npz")
    assert line.startswith(f"expected a weights file as a.npz, found {found}")
    assert line.endswith(": name another file, or get it again")


@pytest.mark.parametrize("file", sorted((ROOT / "pretrained").glob("*.yaml")), ids=lambda f: f.stem)
def test_pretrained_weights_are_those_of_their_experiment(file: Path) -> None:
    import yaml

    experiment = load_experiment(ROOT / "conf" / "experiments" / file.name)
    weights = (file.parent / yaml.safe_load(file.read_text())["weights"]).read_bytes()
    config, spec = experiment.model, spec_to_come(experiment.dataset, {})
    model = outline(config.name, config.options, spec, experiment.density)
    check_model(decode(weights, called=file.stem), model)
