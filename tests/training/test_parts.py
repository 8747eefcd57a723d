"""Trainings of a model that learns with the help of a part, which they leave as it is."""

from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_version import SHAPE, request, same_weights, without_clock, write_version

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.distribution.launcher import launch
from sparkgen.errors import ModelError
from sparkgen.models.discovery import build_model, look_up
from sparkgen.models.package import source_of
from sparkgen.models.saving import load_model, save_model
from sparkgen.training.checkpoints import decode, list_checkpoints
from sparkgen.training.transfer import take, tensors
from sparkgen.training.worker import train

CLASSIFIER = ("discriminative.full_classifier", {"filters": 2, "hidden": 8, "dropout": 0.5})
SHAPES = [(16,), (16,), (16,), (16,), (16,), (16, 16)]
"""Of the variables that are the model's own: four of batch normalisation, two of the dense layer."""
TRAINING = {"epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 0.05}}


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"))


def classifier(seed=0):
    keras.utils.set_random_seed(seed)
    return build_model(*CLASSIFIER, DataSpec(ImageRecord(SHAPE), 3))


def guided(version, folder, **training):
    """The request of a training of the model with a part, which lies in its folder."""
    folder.mkdir(exist_ok=True)
    look_up("own.guided")
    (folder / "package.zip").write_bytes(source_of("own.guided").archive)
    part = folder / "parts" / "classifier"
    save_model(part, classifier(), name=CLASSIFIER[0], options=CLASSIFIER[1])
    asked = request(version, folder, model="own.guided", options={}, **{**TRAINING, **training})
    asked["experiment"]["model"]["parts"] = {"classifier": "any"}
    return asked


def train_here(asked):
    return launch(train, asked, workers=1, where="in-process")


@pytest.fixture(scope="module")
def alone(version, tmp_path_factory):
    return train_here(guided(version, tmp_path_factory.mktemp("alone")))


def values(model):
    return [v.numpy().tobytes() for v in model.weights]


def test_two_workers_learn_what_one_learns(version, alone, tmp_path):
    result = launch(
        train, guided(version, tmp_path), workers=2, where="local", threads_per_worker=1
    )
    for one, two in zip(*map(without_clock, (alone["history"], result["history"])), strict=True):
        assert two == pytest.approx(one, rel=1e-5)
    models = [load_model(one["model"]) for one in (alone, result)]
    assert values(models[0].parts["classifier"]) == values(models[1].parts["classifier"])


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"ema_momentum": 0.9, "mixed_precision": True},
        {"early_stopping": {"monitor": "val_loss"}, "ema_momentum": 0.9},
    ],
    ids=["plain", "half precision", "early stopping"],
)
def test_a_part_is_left_as_it_is(version, tmp_path, training):
    result = train_here(guided(version, tmp_path, **training))
    assert result["history"][1]["val_loss"] < result["history"][0]["val_loss"]
    assert values(load_model(result["model"]).parts["classifier"]) == values(classifier())


def test_a_part_computes_in_full_precision_whatever_the_model_does(version, alone, tmp_path):
    """The loss of the first step differs by what the model's own two layers round."""
    half = train_here(guided(version, tmp_path / "half", mixed_precision=True, max_steps=1))
    full = train_here(guided(version, tmp_path / "full", max_steps=1))
    assert half["history"][0]["loss"] == pytest.approx(full["history"][0]["loss"], rel=5e-3)
    assert half["history"][0]["loss"] != full["history"][0]["loss"]


def test_checkpoints_do_without_the_part_and_the_training_goes_on_exactly(version, alone, tmp_path):
    asked = guided(version, tmp_path, checkpoint_steps=3, keep_checkpoints=99)
    train_here(asked)
    for path in map(Path, list_checkpoints(str(tmp_path))):
        if int(path.stem.rpartition("-")[2]) > 13:
            path.unlink()
    arrays, _ = decode(Path(list_checkpoints(str(tmp_path))[0]).read_bytes())
    shapes = [array.shape for name, array in arrays.items() if name.startswith("model/")]
    assert sorted(shape for shape in shapes if shape) == SHAPES
    rest = train_here(asked)
    assert without_clock(rest["history"]) == without_clock(alone["history"])
    assert same_weights(rest, alone)


def test_a_training_starts_from_the_weights_of_a_model_without_those_of_its_part():
    spec = DataSpec(ImageRecord(SHAPE), 3)
    model, source = (
        build_model("own.guided", {}, spec, parts={"classifier": classifier(seed)})
        for seed in (1, 2)
    )
    transfer = take(model, source)
    assert len(transfer.taken) == len(tensors(model)) == 6
    assert (transfer.own, transfer.unused) == ((), ())
    np.testing.assert_array_equal(model.dense.kernel.numpy(), source.dense.kernel.numpy())
    assert values(model.parts["classifier"]) == values(classifier(1))


def test_a_part_that_is_gone_is_named(version, tmp_path):
    asked = guided(version, tmp_path)
    (tmp_path / "parts" / "classifier" / "model.weights.h5").unlink()
    with pytest.raises(ModelError, match=r"a saved model in .*/parts/classifier"):
        train_here(asked)
