"""One training, seen from outside: on one worker, and continued in every way that it can be."""

import gc
import logging
import threading
from pathlib import Path

import numpy as np
import pytest
from tiny_version import request, same_weights, weights, without_clock, write_version

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.rows import Rows, first_rows
from sparkgen.distribution.launcher import launch
from sparkgen.errors import ManifestError, RequestError, SparkgenError
from sparkgen.feed.feeds import FEEDS, why_not
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.saving import load_model
from sparkgen.training.checkpoints import decode, encode, list_checkpoints
from sparkgen.training.request import changed_value
from sparkgen.training.worker import train


def train_here(request):
    return launch(train, request, workers=1, where="in-process")


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def undisturbed(version, tmp_path_factory):
    return train_here(request(version, tmp_path_factory.mktemp("undisturbed")))


def test_the_result_is_as_promised(undisturbed):
    assert undisturbed["steps"] == 30
    assert undisturbed["seconds"] > 0
    assert undisturbed["metrics"] == undisturbed["history"][-1]
    assert Path(undisturbed["checkpoint"]).name == "checkpoint-0000000030.npz"
    figures = {"loss", "mse", "binary_crossentropy", "rows_per_second", "learning_rate"}
    figures |= {"val_loss", "val_mse", "val_binary_crossentropy"}
    assert [set(record) for record in undisturbed["history"]] == [figures] * 3


@pytest.mark.parametrize("feed", FEEDS)
def test_a_training_leaves_no_thread_and_no_rows_of_its_feed_behind(version, tmp_path, feed):
    if reason := why_not(feed):
        pytest.skip(reason)
    before = set(threading.enumerate())
    held = {id(one) for one in gc.get_objects() if isinstance(one, Rows)}
    train_here(request(version, tmp_path) | {"feed": feed})
    assert not [one for one in set(threading.enumerate()) - before if one.name.startswith("feed")]
    assert not [one for one in gc.get_objects() if isinstance(one, Rows) and id(one) not in held]


def test_the_loss_falls(undisturbed):
    losses = [record["val_loss"] for record in undisturbed["history"]]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("feed", FEEDS)
def test_the_same_training_by_each_feed_gives_the_same_bits(version, undisturbed, tmp_path, feed):
    if reason := why_not(feed):
        pytest.skip(reason)
    again = train_here(request(version, tmp_path) | {"feed": feed})
    assert without_clock(again["history"]) == without_clock(undisturbed["history"])
    assert same_weights(again, undisturbed)


@pytest.mark.parametrize("file", ["train/part-00005.parquet", "validation/part-00001.parquet"])
def test_a_damaged_file_is_named_and_once_mended_the_training_goes_on_to_the_same_weights(
    undisturbed, tmp_path, file
):
    copy = write_version(tmp_path / "data")
    path = Path(copy, file)
    whole = path.read_bytes()
    path.write_bytes(whole[:90] + bytes([whole[90] ^ 1]) + whole[91:])
    asked = request(copy, tmp_path / "checkpoints", checkpoint_steps=1)
    with pytest.raises(ManifestError, match=rf"{file}, found others.*run sparkgen ingest again"):
        train_here(asked)
    path.write_bytes(whole)
    assert same_weights(train_here(asked), undisturbed)


def test_a_checkpoint_without_what_this_release_reads_is_one_line(version, tmp_path):
    asked = request(version, tmp_path, max_steps=1)
    path = Path(train_here(asked)["checkpoint"])
    arrays, facts = decode(path.read_bytes())
    figures = arrays.pop("accumulated")
    path.write_bytes(encode(arrays, facts))
    with pytest.raises(RequestError, match=r"take up in .*found KeyError.*without --resume"):
        train_here(asked)
    arrays.pop(next(name for name in arrays if name.endswith("/0001")))
    path.write_bytes(encode({**arrays, "accumulated": figures}, facts))
    with pytest.raises(RequestError, match=r"found other variables: train without --resume"):
        train_here(asked)


def test_another_seed_gives_other_weights(version, undisturbed, tmp_path):
    assert not same_weights(train_here(request(version, tmp_path, seed=1)), undisturbed)


def test_a_finished_training_is_not_trained_again(version, undisturbed):
    folder = Path(undisturbed["checkpoint"]).parent
    again = train_here(request(version, folder))
    assert again["history"] == undisturbed["history"]
    assert again["seconds"] == undisturbed["seconds"]


@pytest.mark.parametrize("steps", [4, 10])
def test_a_training_ends_after_its_steps_also_in_an_epoch(version, tmp_path, steps):
    result = train_here(request(version, tmp_path, max_steps=steps))
    assert (result["steps"], len(result["history"])) == (steps, 1)


def cut_short(folder, steps):
    """Removes the checkpoints of later steps, as if the training had been killed after these."""
    for path in map(Path, list_checkpoints(str(folder))):
        if int(path.stem.rpartition("-")[2]) > steps:
            path.unlink()


@pytest.mark.parametrize(("steps", "feed"), [(4, "auto"), (10, "auto"), (14, "arrow")])
def test_a_training_cut_short_goes_on_exactly_whatever_feed_it_goes_on_with(
    version, undisturbed, tmp_path, caplog, steps, feed
):
    asked = request(version, tmp_path, checkpoint_steps=2, keep_checkpoints=99)
    train_here(asked)
    cut_short(tmp_path, steps)
    with caplog.at_level(logging.INFO):
        rest = train_here(asked | {"feed": feed})
    assert f"going on at epoch {steps // 10 + 1}, step {steps % 10}" in caplog.text
    assert without_clock(rest["history"]) == without_clock(undisturbed["history"])
    assert same_weights(rest, undisturbed)


def test_a_truncated_checkpoint_costs_only_the_steps_since_the_one_before(
    version, undisturbed, tmp_path, caplog
):
    asked = request(version, tmp_path, checkpoint_steps=4)
    train_here(asked)
    with open(list_checkpoints(str(tmp_path))[0], "r+b") as file:
        file.truncate(1000)
    with caplog.at_level(logging.INFO):
        rest = train_here(asked)
    assert "skipping" in caplog.text
    assert "going on at epoch 3, step 8" in caplog.text
    assert without_clock(rest["history"]) == without_clock(undisturbed["history"])
    assert same_weights(rest, undisturbed)


@pytest.mark.parametrize(
    ("section", "change"),
    [
        ("training", {"batch_size": 40}),
        ("training", {"optimizer": {"learning_rate": 1e-5}}),
        ("training", {"ema_momentum": 0.9}),
        ("density", {"density": {"kind": "full"}}),
    ],
)
def test_checkpoints_of_another_training_are_refused(version, undisturbed, section, change):
    folder = Path(undisturbed["checkpoint"]).parent
    found = f"checkpoints of this training in .*found one of another {section} section"
    with pytest.raises(RequestError, match=found):
        train_here(request(version, folder, **change))


def test_a_checkpoint_of_a_release_that_noted_no_sections_is_taken_up(version, tmp_path):
    asked = request(version, tmp_path, max_steps=1)
    whole = train_here(asked)
    path = Path(whole["checkpoint"])
    arrays, facts = decode(path.read_bytes())
    noted = {"dataset": read_manifest(version).version, "batch_size": 20, "seed": 0}
    path.write_bytes(encode(arrays, {**facts, "training": noted}))
    assert train_here(asked)["seconds"] == whole["seconds"]
    path.write_bytes(encode(arrays, {**facts, "training": {**noted, "seed": 1}}))
    with pytest.raises(RequestError, match="found one of another seed: train without --resume"):
        train_here(asked)
    path.write_bytes(encode(arrays, {**facts, "training": {**noted, "dataset": "f" * 16}}))
    with pytest.raises(RequestError, match="found one of another dataset version"):
        train_here(asked)


def test_what_a_release_without_sections_noted_is_compared(version, tmp_path):
    experiment = ExperimentConfig.model_validate(request(version, tmp_path)["experiment"])
    model = {"model": "reconstruction.dense_autoencoder", "options": {"latent": 3}}
    noted = {**model, "batch_size": 20, "seed": 0}
    assert changed_value(noted, experiment) is None
    others = {"model": "a.b", "options": {"latent": 4}, "batch_size": 40, "seed": 1}
    found = [changed_value({**noted, key: value}, experiment) for key, value in others.items()]
    assert found == ["model", "set of model options", "batch size", "seed"]


def test_checkpoints_of_another_dataset_version_are_refused(version, undisturbed, tmp_path):
    folder = Path(undisturbed["checkpoint"]).parent
    other = write_version(tmp_path, seed=1)
    with pytest.raises(RequestError, match="found one of another dataset version"):
        train_here(request(other, folder))


OPTIONS = {
    "plain": {},
    "averaged": {"ema_momentum": 0.8},
    "early stopping": {
        "epochs": 6,
        "early_stopping": {"patience": 2},
        "optimizer": {"name": "sgd", "learning_rate": 200.0, "options": {"clipvalue": 1e-3}},
    },
    "both": {"epochs": 2, "ema_momentum": 0.8, "early_stopping": {"patience": 5}},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_the_saved_model_has_the_figures_of_the_result(version, tmp_path, name):
    result = train_here(request(version, tmp_path, **OPTIONS[name]))
    model = load_model(result["model"])
    rows = first_rows(version, read_manifest(version), split="validation", limit=1000)
    batch = {**rows, "weight": np.ones(len(rows["id"]), np.float32), "noise": {}}
    loss = float(np.mean(model(batch)["mse"]))
    assert loss == pytest.approx(result["metrics"]["val_loss"], rel=1e-5)


def test_validation_leaves_out_the_rows_that_say_nothing_of_a_term(version, tmp_path, monkeypatch):
    monkeypatch.setattr(GenerativeModel, "left_out", {"accuracy": (0,)})
    options = {"model": "discriminative.dense_classifier", "options": {"hidden": [4]}, "epochs": 1}
    result = train_here(request(version, tmp_path, **options))
    rows = first_rows(version, read_manifest(version), split="validation", limit=1000)
    terms = load_model(result["model"])(rows | {"noise": {}})
    right, mean = np.asarray(terms["accuracy"]), result["metrics"]["val_accuracy"]
    assert mean == pytest.approx(right[rows["label"] != 0].mean())
    assert mean != pytest.approx(right.mean())


def test_validation_has_no_figure_of_a_term_that_no_row_says_anything_of(
    version, tmp_path, monkeypatch
):
    monkeypatch.setattr(GenerativeModel, "left_out", {"accuracy": tuple(range(10))})
    options = {"model": "discriminative.dense_classifier", "options": {"hidden": [4]}, "epochs": 2}
    stopping = {"monitor": "val_accuracy", "patience": 1}
    result = train_here(request(version, tmp_path, early_stopping=stopping, **options))
    assert len(result["history"]) == 1
    assert result["history"][0].keys() >= {"val_cross_entropy", "val_loss"}
    assert "val_accuracy" not in result["history"][0]


def test_early_stopping_ends_after_its_patience(version, tmp_path):
    stopping = {"patience": 2, "min_delta": 100.0}
    result = train_here(request(version, tmp_path, epochs=9, early_stopping=stopping))
    assert len(result["history"]) == 3
    assert result["metrics"] == result["history"][0]


def test_averages_lag_behind_the_weights(version, undisturbed, tmp_path):
    result = train_here(request(version, tmp_path, ema_momentum=0.9))
    assert result["metrics"]["loss"] == undisturbed["metrics"]["loss"]
    assert result["metrics"]["val_loss"] > undisturbed["metrics"]["val_loss"]


def test_averages_survive_a_restart(version, tmp_path):
    whole = train_here(request(version, tmp_path / "whole", ema_momentum=0.9))
    asked = request(version, tmp_path / "parts", ema_momentum=0.9, checkpoint_steps=13)
    train_here(asked)
    cut_short(tmp_path / "parts", 13)
    assert same_weights(train_here(asked), whole)


def test_mixed_precision_stays_near_and_keeps_float32_weights(version, undisturbed, tmp_path):
    result = train_here(request(version, tmp_path, mixed_precision=True))
    assert result["metrics"]["loss"] == pytest.approx(undisturbed["metrics"]["loss"], rel=0.02)
    assert result["metrics"]["loss"] != undisturbed["metrics"]["loss"]
    assert {v.dtype for v in load_model(result["model"]).variables} == {"float32"}


def test_a_schedule_moves_the_learning_rate(version, tmp_path):
    schedule = {"kind": "cosine", "warmup_steps": 10}
    optimizer = {"learning_rate": 0.01, "schedule": schedule}
    result = train_here(request(version, tmp_path, optimizer=optimizer))
    rates = [record["learning_rate"] for record in result["history"]]
    np.testing.assert_allclose(rates, [0.01, 0.005, 0.0], atol=1e-7)


def test_an_exploding_loss_ends_the_training_by_name(version, tmp_path):
    wild = {"name": "sgd", "learning_rate": 1e30}
    with pytest.raises(SparkgenError, match=r"no longer finite at epoch 1, step \d+ of 10"):
        train_here(request(version, tmp_path, optimizer=wild))
    assert list_checkpoints(str(tmp_path)) == []


def test_a_density_is_fitted_on_training_latents(version, tmp_path):
    result = train_here(request(version, tmp_path, epochs=1, density={"kind": "full", "rows": 50}))
    model = load_model(result["model"])
    rows = first_rows(version, read_manifest(version), split="train", limit=50)
    latents = np.asarray(model.encode(rows["image"]))
    np.testing.assert_allclose(model.density.means_KZ.numpy()[0], latents.mean(0), atol=1e-5)


def test_early_stopping_keeps_the_epoch_with_the_highest_accuracy(version, tmp_path):
    classifier = {"model": "discriminative.dense_classifier", "options": {"hidden": [8]}}
    stopping = {"monitor": "val_accuracy", "patience": 20}
    training = {"optimizer": {"learning_rate": 0.01}, "early_stopping": stopping}
    result = train_here(request(version, tmp_path, **classifier, **training))
    accuracies = [record["val_accuracy"] for record in result["history"]]
    assert min(accuracies) < max(accuracies)
    assert result["metrics"]["val_accuracy"] == max(accuracies)


GAN = {"model": "adversarial.dcgan", "options": {"latent": 4, "filters": 8}}
COSINE = {"learning_rate": 0.01, "schedule": {"kind": "cosine"}}


def test_averaged_weights_are_saved_with_the_batch_statistics_that_they_have(version, tmp_path):
    training = {"epochs": 8, "batch_size": 40, "optimizer": {"learning_rate": 0.01}}
    result = train_here(request(version, tmp_path, **GAN, **training, ema_momentum=0.9))
    model = load_model(result["model"])
    latent = np.random.default_rng(0).normal(size=(2000, 4)).astype(np.float32)
    by_moving_statistics = np.asarray(model.fake(latent, None, training=False))
    by_its_own = np.asarray(model.fake(latent, None, training=True))
    # With the statistics of the last steps' weights the difference is 0.053.
    assert np.abs(by_moving_statistics - by_its_own).mean() < 0.025


@pytest.mark.parametrize(
    "training",
    [
        {**GAN, "ema_momentum": 0.9, "optimizer": COSINE},
        {
            "ema_momentum": 0.9,
            "optimizer": {**COSINE, "options": {"gradient_accumulation_steps": 4}},
            "early_stopping": {"patience": 5},
        },
    ],
    ids=["two groups", "gathered gradients"],
)
def test_schedules_and_averages_go_on_exactly(version, tmp_path, training):
    asked = request(version, tmp_path, **training, checkpoint_steps=7)
    whole = train_here(asked)
    last, before = list_checkpoints(str(tmp_path))
    Path(last).unlink()
    assert Path(before).name == "checkpoint-0000000028.npz"
    rest = train_here(asked)
    assert without_clock(rest["history"]) == without_clock(whole["history"])
    assert same_weights(rest, whole)


@pytest.mark.parametrize(
    "training",
    [
        {},
        {"model": "adversarial.gan", "options": {"latent": 4}, "mixed_precision": True},
    ],
    ids=["one optimizer", "two optimizers in mixed precision"],
)
def test_a_step_in_slices_is_the_same_step(version, tmp_path, training):
    small = {"batch_size": 20, "epochs": 2, "optimizer": {"name": "sgd", "learning_rate": 0.05}}
    once, often = (
        train_here(request(version, tmp_path / str(n), **small, **training, accumulate=n))
        for n in (1, 5)
    )
    digits = 1e-2 if "mixed_precision" in training else 1e-5
    for mine, theirs in zip(once["history"], often["history"], strict=True):
        assert without_clock([mine])[0] == pytest.approx(without_clock([theirs])[0], rel=digits)
    np.testing.assert_allclose(weights(often), weights(once), atol=digits)


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"early_stopping": {"monitor": "val_beauty"}}, "val_binary_crossentropy"),
        ({"early_stopping": {"monitor": "learning_rate"}}, "better lower or higher"),
        ({**GAN, "early_stopping": {"monitor": "val_loss"}}, "leave training.early_stopping out"),
        (
            {
                "model": "reconstruction.conv_autoencoder",
                "options": {"filters": [2], "decoder_filters": [2], "latent": 2},
                "jit_compile": True,
            },
            "a training step that XLA can compile, found .*deterministic",
        ),
        ({"optimizers": {"critic": {}}}, "optimizer groups model"),
        ({"batch_size": 400}, "found 200 rows"),
    ],
)
def test_a_wrong_request_is_refused_before_a_step_is_taken(version, tmp_path, wrong, expected):
    with pytest.raises(RequestError, match=expected):
        train_here(request(version, tmp_path, **wrong))
