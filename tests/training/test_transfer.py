"""Trainings that start from a saved model: what is taken, what is not, and how they go on."""

import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_version import request, without_clock, write_version

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.distribution.launcher import launch
from sparkgen.errors import ModelError, RequestError
from sparkgen.models.discovery import build_model, look_up
from sparkgen.models.imports import packages_restored
from sparkgen.models.saving import load_model, save_model
from sparkgen.training.checkpoints import list_checkpoints
from sparkgen.training.request import TrainRequest
from sparkgen.training.transfer import stable_names, take, take_start, tell, tensors
from sparkgen.training.worker import train

SOURCE = "models:/source/1"
STANDING = {"optimizer": {"name": "sgd", "learning_rate": 1e-30}, "max_steps": 1}
"""A step that moves no weight."""
SMALL = {
    "variational.vae": {"latent": 2, "hidden": [8, 8]},
    "variational.vq_vae": {},
    "discriminative.full_classifier": {"filters": 2, "hidden": 8},
    "diffusion.ddpm": {"channels": [8], "embedding": 8, "steps": 20, "sampling_steps": 4},
    "autoregressive.made": {},
}


def train_here(request):
    return launch(train, request, workers=1, where="in-process")


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def source(version, tmp_path_factory):
    return train_here(request(version, tmp_path_factory.mktemp("source"), epochs=1))


@pytest.fixture
def started(version, source):
    """`started(folder, ...)`: the request of a training that starts from the source."""

    def make(folder, **options):
        shutil.copytree(source["model"], folder / "start")
        asked = request(version, folder, start_from="source", **options)
        return {**asked, "started_from": SOURCE}

    return make


def learnt(folder):
    """The numbers that a saved model has learnt, by name."""
    return {name: v.numpy().tobytes() for name, v in tensors(load_model(folder)).items()}


def model_of(name, *, classes=3, **options):
    return build_model(name, options, DataSpec(ImageRecord((8, 8, 1)), classes))


def test_layers_are_numbered_anew_in_the_layer_that_holds_them():
    paths = ["encoder/dense_9/kernel", "encoder/dense_10/kernel", "decoder/dense_11/kernel"]
    assert stable_names(paths) == [
        "encoder/dense/kernel",
        "encoder/dense_1/kernel",
        "decoder/dense/kernel",
    ]
    stages = ["stage_4/block_9/bias", "stage_5/block_10/bias", "stage_5/block_11/bias"]
    assert stable_names(stages) == [
        "stage/block/bias",
        "stage_1/block/bias",
        "stage_1/block_1/bias",
    ]


def test_a_models_own_numbers_stay_and_equal_names_are_told_apart():
    assert stable_names(["look_0/bias", "look_2/bias"]) == ["look_0/bias", "look_2/bias"]
    assert stable_names(["a/bias", "a/bias"]) == ["a/bias", "a/bias (2)"]


@pytest.mark.parametrize("name", SMALL)
def test_a_model_takes_every_tensor_of_its_like(name):
    model, other = (model_of(name, **SMALL[name]) for _ in range(2))
    transfer = take(model, other)
    density = 3 if hasattr(model, "density") else 0
    assert len(transfer.taken) == len(model.weights) - density
    assert (transfer.own, transfer.unused) == ((), ())
    others = tensors(other)
    for name, tensor in tensors(model).items():
        np.testing.assert_array_equal(tensor.numpy(), others[name].numpy())


def test_a_classifier_of_other_classes_takes_all_but_its_head_and_the_statistics_too():
    options = SMALL["discriminative.full_classifier"]
    other = model_of("discriminative.full_classifier", classes=10, **options)
    for variable in other.weights:
        if variable.name == "moving_mean":
            variable.assign(variable.numpy() + 7)
    model = model_of("discriminative.full_classifier", **options)
    head = tensors(model)["logits/bias"].numpy()
    transfer = take(model, other)
    assert transfer.own == ("logits/kernel [8, 3]", "logits/bias [3]")
    assert transfer.unused == ("logits/kernel [8, 10]", "logits/bias [10]")
    means = [v.numpy() for v in model.weights if v.name == "moving_mean"]
    assert means
    assert all((mean == 7).all() for mean in means)
    np.testing.assert_array_equal(tensors(model)["logits/bias"].numpy(), head)


def test_the_density_on_latents_is_not_taken():
    model, other = (model_of("variational.vae", **SMALL["variational.vae"]) for _ in range(2))
    other.density.weights[1].assign(np.ones((1, 2)))
    take(model, other)
    assert not model.density.weights[1].numpy().any()


def test_a_smaller_network_for_guidance_begins_anew_and_not_all_its_tensors_are_named(caplog):
    options = SMALL["diffusion.ddpm"]
    model = model_of("diffusion.ddpm", **options, guide_channels=[8])
    transfer = take(model, model_of("diffusion.ddpm", **options))
    assert all(name.startswith("guide/") for name in transfer.own)
    with caplog.at_level(logging.INFO):
        tell(transfer, SOURCE)
    assert f"and {len(transfer.own) - 4} more begin anew; the source's none are not" in caplog.text


def test_the_first_loss_is_that_of_the_source(started, source, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        result = train_here(started(tmp_path, seed=1, **STANDING))
    assert result["history"][0]["val_loss"] == source["history"][-1]["val_loss"]
    assert learnt(result["model"]) == learnt(source["model"])
    assert f"started from {SOURCE}: took 4 of 4 tensors" in caplog.text
    assert "not taken" not in caplog.text


def test_averages_begin_at_the_weights_taken(started, source, tmp_path):
    result = train_here(started(tmp_path, ema_momentum=0.9, **STANDING))
    assert learnt(result["model"]) == learnt(source["model"])


def test_what_is_not_taken_is_named_on_both_sides(started, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        train_here(started(tmp_path, options={"latent": 2}, max_steps=1))
    assert "took 1 of 4 tensors" in caplog.text
    own, _, unused = caplog.text.partition("not taken: ")[2].partition(" begin anew; ")
    assert own.count("[") == unused.partition("\n")[0].count("[") == 3


@pytest.mark.parametrize("steps", [4, 14])
def test_a_training_that_started_so_goes_on_exactly(started, tmp_path, caplog, steps):
    options = {"ema_momentum": 0.8, "checkpoint_steps": 2, "keep_checkpoints": 99}
    asked = started(tmp_path, epochs=2, **options)
    whole = train_here(asked)
    weights = learnt(whole["model"])
    for path in map(Path, list_checkpoints(str(tmp_path))):
        if int(path.stem.rpartition("-")[2]) > steps:
            path.unlink()
    caplog.clear()
    with caplog.at_level(logging.INFO):
        rest = train_here(asked)
    assert "started from" not in caplog.text
    assert without_clock(rest["history"]) == without_clock(whole["history"])
    assert learnt(rest["model"]) == weights


def test_checkpoints_of_a_training_that_started_otherwise_are_refused(started, version, tmp_path):
    train_here(started(tmp_path, max_steps=1))
    with pytest.raises(RequestError, match="found one of another training section"):
        train_here(request(version, tmp_path, max_steps=1))


def test_a_source_that_nothing_can_be_taken_of_is_refused(started, tmp_path):
    asked = started(tmp_path, model="discriminative.dense_classifier", options={})
    found = r"a tensor of models:/source/1 .* for .* and 2 more: name another model"
    with pytest.raises(RequestError, match=found):
        train_here(asked)
    assert list_checkpoints(str(tmp_path)) == []


def test_a_damaged_source_is_named(started, tmp_path):
    asked = started(tmp_path)
    with open(tmp_path / "start" / "model.weights.h5", "r+b") as file:
        file.truncate(1000)
    with pytest.raises(ModelError, match=r"models:/source/1/model\.weights\.h5, found another"):
        train_here(asked)


def test_two_workers_start_as_one_does_and_tell_it(started, source, tmp_path, capfd):
    asked = started(tmp_path, **STANDING)
    result = launch(train, asked, workers=2, where="local", threads_per_worker=1)
    assert learnt(result["model"]) == learnt(source["model"])
    assert capfd.readouterr().err.count(f"started from {SOURCE}: took 4 of 4 tensors") == 1


OWN = """
import keras
from sparkgen.config.strict import Strict
from sparkgen.models.contract import GenerativeModel

class Config(Strict):
    pass

class Own(GenerativeModel):
    def __init__(self, spec):
        super().__init__(spec, name="own")
        start = keras.initializers.Constant({level})
        self.level = self.add_weight(shape=(), name="level", initializer=start)

    def loss_terms(self, batch, *, training):
        return {{}}

    def make(self, noise, given):
        from own_shades.level import LEVEL
        return LEVEL

def build(config, spec):
    return Own(spec)
"""


def test_a_model_keeps_its_code_where_it_starts_from_an_older_version(tmp_path, monkeypatch):
    package, spec = tmp_path / "own_shades", DataSpec(ImageRecord((4, 4, 1)), 3)
    package.mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    with packages_restored():
        for level in (1, 2):
            (package / "model.py").write_text(OWN.format(level=level))
            (package / "level.py").write_text(f"LEVEL = {level}")
            look_up("own_shades.model")
            model = build_model("own_shades.model", {}, spec)
            if level == 1:
                save_model(tmp_path / "start", model, name="own_shades.model", options={})
        asked = request("", tmp_path, model="own_shades.model", options={})
        asked = {**asked, "started_from": SOURCE}
        asked["experiment"] = ExperimentConfig.model_validate(asked["experiment"])
        assert take_start(model, TrainRequest(**asked)).taken == ("level",)
        assert (model.level.numpy(), model.make(None, {})) == (1, 2)
