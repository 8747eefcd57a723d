"""The pictures of a run, drawn of models that were never trained."""

from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_version import CLASSES, SHAPE, request, write_version

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.models.contract import DataSpec
from sparkgen.models.discovery import build_model
from sparkgen.training.class_report import confusion, predict
from sparkgen.training.report import write_report

HISTORY = [{"loss": 1.0, "val_loss": 1.5}, {"loss": 0.5, "val_loss": 1.0}]
ALWAYS = {"loss_curves.png", "samples.png"}


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"))


@pytest.fixture
def report(version, tmp_path):
    """`report(name, split="validation", **options)`: the pictures of a model, by name."""

    def make(name, split="validation", **options):
        keras.utils.set_random_seed(0)
        model = build_model(name, options, DataSpec(SHAPE, CLASSES))
        values = request(version, tmp_path, model=name, options=options)["experiment"]
        values["evaluation"]["split"] = split
        folder = write_report(
            model,
            HISTORY,
            experiment=ExperimentConfig.model_validate(values),
            manifest=read_manifest(version),
            version_uri=version,
            folder=tmp_path / "report",
        )
        return {path.name: path for path in Path(folder).iterdir()}

    return make


def test_a_classifier_shows_its_mistakes(report):
    found = report("discriminative.dense_classifier")
    assert set(found) == ALWAYS | {"confusion_matrix.png", "predictions.png"}
    for path in found.values():
        with Image.open(path) as image:
            assert min(image.size) > 100


def test_a_dataset_without_the_split_leaves_the_pictures_that_need_none(report):
    assert set(report("discriminative.dense_classifier", split="test")) == ALWAYS


def test_a_confusion_matrix_counts_every_row_once_in_its_own_cell():
    labels, predicted = np.array([0, 0, 0, 2, 2, 1]), np.array([0, 0, 1, 2, 0, 1])
    counts = confusion(labels.astype(np.int32), predicted, classes=3)
    assert counts.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_predictions_are_those_of_the_whole_however_many_rows_there_are():
    keras.utils.set_random_seed(0)
    model = build_model("discriminative.dense_classifier", {}, DataSpec(SHAPE, CLASSES))
    images = np.random.default_rng(0).uniform(size=(230, *SHAPE)).astype(np.float32)
    whole = np.asarray(model.logits(images)).argmax(axis=1)
    assert predict(model, images).tolist() == whole.tolist()
    assert predict(model, images[:30]).tolist() == whole[:30].tolist()
