"""The pictures of a run, drawn of models that were never trained."""

from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image
from tiny_version import CLASSES, SHAPE, request, write_version
from versions import random_data, write_split
from versions import write_version as write_rows

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.drawing.charts import loss_curves
from sparkgen.models.discovery import build_model
from sparkgen.models.reconstruction._base import Autoencoder
from sparkgen.training.class_report import confusion, predict
from sparkgen.training.latent_report import draw_latents, pairs
from sparkgen.training.report import draw_samples, text_units, write_report

HISTORY = [{"loss": 1.0, "val_loss": 1.5}, {"loss": 0.5, "val_loss": 1.0}]
ALWAYS = {"loss_curves.png", "samples.png"}


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"), validation=60)


@pytest.fixture
def report(version, tmp_path):
    """`report(name, split="validation", **options)`: the pictures of a model, by name."""
    return partial(draw, version, tmp_path)


def draw(version, tmp_path, name, *, model=None, split="validation", **options):
    keras.utils.set_random_seed(0)
    model = model or build_model(name, options, DataSpec(ImageRecord(SHAPE), CLASSES))
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


def test_a_classifier_shows_its_mistakes(report):
    found = report("discriminative.dense_classifier")
    assert set(found) == ALWAYS | {"confusion_matrix.png", "predictions.png"}
    for path in found.values():
        with Image.open(path) as image:
            assert min(image.size) > 100


LATENTS = ALWAYS | {"reconstructions.png", "latent_map.png", "interpolation.png", "concept.png"}
ENCODER_DECODERS = {
    "reconstruction.tanh_autoencoder": ({"latent": 2}, LATENTS | {"latent_grid.png"}),
    "reconstruction.linear_autoencoder": ({"latent": 3}, LATENTS),
    "variational.vae": ({"latent": 2, "conditional": True}, LATENTS | {"latent_grid.png"}),
    "variational.vq_vae": ({"codes": 4, "code_size": 2, "filters": [4]}, LATENTS),
}


@pytest.mark.parametrize("name", ENCODER_DECODERS)
def test_an_encoder_decoder_shows_its_latent_space(report, name):
    options, names = ENCODER_DECODERS[name]
    found = report(name, **options)
    assert set(found) == names
    # Ten ways of eleven steps between two images; ten rows of an image and eight strengths of it.
    for picture, columns in (("interpolation.png", 1 + 11 + 1), ("concept.png", 1 + 8)):
        with Image.open(found[picture]) as image:
            assert columns * 67 < image.width < columns * 67 + 150
            assert 10 * 67 < image.height < 10 * 67 + 50


@pytest.mark.parametrize("name", ["variational.vae", "discriminative.dense_classifier"])
def test_a_split_of_one_row_has_all_pictures_but_the_concept(tmp_path, name):
    version = write_version(tmp_path / "data", validation=1)
    options = {"latent": 3, "hidden": [8]} if name == "variational.vae" else {}
    pictures = LATENTS - {"concept.png"}
    if not options:
        pictures = ALWAYS | {"confusion_matrix.png", "predictions.png"}
    assert set(draw(version, tmp_path, name, **options)) == pictures


def test_samples_have_the_labels_that_training_saw_in_turn(version, tmp_path):
    options = {"latent": 2, "hidden": [8], "conditional": True}
    values = request(version, tmp_path, model="variational.vae", options=options)["experiment"]
    drawn = {}
    for seen in (None, (0, 2), (2,)):
        keras.utils.set_random_seed(0)
        model = build_model("variational.vae", options, DataSpec(ImageRecord(SHAPE), CLASSES, seen))
        drawn[seen] = draw_samples(model, ExperimentConfig.model_validate(values))
    assert (drawn[0, 2][1::2] == drawn[(2,)][1::2]).all()
    assert (drawn[0, 2][::6] == drawn[None][::6]).all()
    assert (drawn[0, 2] != drawn[(2,)])[::2].any(axis=(1, 2, 3)).all()


def test_samples_of_a_model_that_needs_a_picture_are_left_out_with_a_line(
    version, tmp_path, caplog
):
    assert set(draw(version, tmp_path, "own.echo")) == {"loss_curves.png"}
    (warning,) = caplog.messages
    assert warning == "no samples.png: image must be given to the model; sparkgen sample gives it"


def test_a_picture_that_fails_is_a_warning_and_the_others_are_drawn(version, tmp_path, caplog):
    (tmp_path / "report" / "samples.png").mkdir(parents=True)
    found = draw(version, tmp_path, "reconstruction.linear_autoencoder", latent=3)
    assert {name for name, path in found.items() if path.is_file()} == LATENTS - {"samples.png"}
    (warning,) = caplog.messages
    assert warning.startswith("no samples.png: IsADirectoryError: ")
    assert "grids.py:" in warning


class Counting(Autoencoder):
    """Shows how many rows it was given."""

    has_latents = False

    def draw_report(self, rows, folder):
        (folder / "rows.txt").write_text(f"{len(rows(7)['label'])} {rows(100)['image'].shape}")


def test_a_model_that_declares_no_latents_shows_what_it_draws_itself(report):
    spec = DataSpec(ImageRecord(SHAPE), CLASSES)
    layers = {
        "encoder": [keras.layers.Flatten()],
        "decoder": [keras.layers.Identity()],
        "latent": 16,
    }
    model = Counting(spec, **layers)
    model.set_density()
    found = report("reconstruction.dense_autoencoder", model=model)
    assert set(found) == ALWAYS | {"rows.txt"}
    assert found["rows.txt"].read_text() == "7 (60, 4, 4, 1)"


def test_a_way_begins_and_ends_beside_the_images_that_it_joins(tmp_path):
    """A model that brings everything back, with latents that are the pixels, shows it."""
    keras.utils.set_random_seed(0)
    options = {"latent": int(np.prod(SHAPE))}
    model = build_model(
        "reconstruction.linear_autoencoder", options, DataSpec(ImageRecord(SHAPE), CLASSES)
    )
    for variable in model.trainable_variables:
        variable.assign(np.eye(16) if len(variable.shape) == 2 else np.zeros(variable.shape))
    random = np.random.default_rng(0)
    images = random.uniform(size=(12, *SHAPE)).astype(np.float32)
    rows = {"image": images, "label": np.arange(12, dtype=np.int32) % 3}
    draw_latents(model, rows, "abc", tmp_path)
    with Image.open(tmp_path / "interpolation.png") as picture:
        page = np.asarray(picture.convert("L")).astype(int)
    first, start = page[-67:-3, 3:67], page[-67:-3, 85:149]
    end, last = page[-67:-3, -85 - 64 : -85], page[-67:-3, -67:-3]
    assert np.abs(first - start).max() <= 1
    assert np.abs(last - end).max() <= 1
    assert np.abs(first - last).max() > 50
    # No class of four rows has enough of them for a concept.
    assert not (tmp_path / "concept.png").exists()


def test_ways_lead_to_the_next_class_and_take_each_row_once():
    labels = np.random.default_rng(0).integers(0, 3, 60) * 2
    starts, ends = pairs(labels, 10, within_class=False)
    assert labels[starts].tolist() == [0, 2, 4, 0, 2, 4, 0, 2, 4, 0]
    assert labels[ends].tolist() == [2, 4, 0, 2, 4, 0, 2, 4, 0, 2]
    assert len({*starts, *ends}) == 20


def test_ways_of_a_conditional_model_stay_in_a_class_and_go_between_two_rows():
    labels = np.random.default_rng(0).integers(0, 3, 60)
    starts, ends = pairs(labels, 10, within_class=True)
    assert labels[starts].tolist() == labels[ends].tolist()
    assert len({*starts, *ends}) == 20
    alone = pairs(np.zeros(4, int), 2, within_class=False)
    assert [alone.starts.tolist(), alone.ends.tolist()] == [[0, 2], [1, 3]]


def test_a_dataset_without_the_split_leaves_the_pictures_that_need_none(report):
    assert set(report("discriminative.dense_classifier", split="test")) == ALWAYS


def test_a_confusion_matrix_counts_every_row_once_in_its_own_cell():
    labels, predicted = np.array([0, 0, 0, 2, 2, 1]), np.array([0, 0, 1, 2, 0, 1])
    counts = confusion(labels.astype(np.int32), predicted, classes=3)
    assert counts.tolist() == [[2, 1, 0], [0, 1, 0], [1, 0, 1]]


def test_predictions_are_those_of_the_whole_however_many_rows_there_are():
    keras.utils.set_random_seed(0)
    model = build_model(
        "discriminative.dense_classifier", {}, DataSpec(ImageRecord(SHAPE), CLASSES)
    )
    images = np.random.default_rng(0).uniform(size=(230, *SHAPE)).astype(np.float32)
    whole = np.asarray(model.logits(images)).argmax(axis=1)
    assert predict(model, images).tolist() == whole.tolist()
    assert predict(model, images[:30]).tolist() == whole[:30].tolist()


def test_the_loss_of_texts_has_an_axis_in_bits_a_byte(tmp_path: Path) -> None:
    record = TokenRecord((5,), 7)
    rows = {"ids": np.arange(3), "labels": np.zeros(3, np.int32), "data": random_data(record, 3)}
    splits = {"train": write_split(tmp_path, "train", record, **rows)}
    manifest = write_rows(tmp_path, record, splits, class_names=("all",))
    assert text_units(manifest) is None
    # 12 tokens are predicted of 24 bytes: one nat for each token is half a nat for each byte.
    counts = {"train": {"tokens": 12, "characters": 20, "bytes": 24}}
    units = text_units(manifest.model_copy(update={"texts": counts}))
    assert units.factor == pytest.approx(0.5 / np.log(2))
    greys = []
    for given in (None, {"loss": units}):
        loss_curves(HISTORY, tmp_path / "loss.png", units=given)
        with Image.open(tmp_path / "loss.png") as image:
            greys.append(np.asarray(image.convert("L")).mean())
    assert greys[1] < greys[0]  # there is more ink
