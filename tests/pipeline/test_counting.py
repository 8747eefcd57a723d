"""Training by counting: Spark's sums against NumPy's, whatever the number of tasks."""

from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest
from pyspark.sql import SparkSession

from sparkgen.datasets.sealed import seal, unseal
from sparkgen.errors import RequestError
from sparkgen.models.contract import DataSpec
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack, unpack
from sparkgen.pipeline import train
from sparkgen.pipeline.counting import _pack, _resume, _save
from sparkgen.pipeline.journal import Journal, checkpoint_uri, sections, write_journal
from sparkgen.pipeline.version import newest_version


@pytest.fixture
def counting(experiment, dataset_version: str):
    """`counting(model={...})`: the small experiment, trained by counting."""

    def make(**sections):
        model = {"name": "autoregressive.naive_bayes", "options": {"smoothing": 1.0}}
        return experiment(
            **{
                "name": "counted",
                "model": model,
                "training": {"method": "counting", "epochs": 1, "batch_size": 64},
                "density": {"kind": "prior"},
                **sections,
            }
        )

    return make


def training_pixels(request):
    table = ds.dataset(Path(newest_version(request).uri) / "train").to_table()
    x = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8).reshape(-1, 64) / 255
    return x, table["label"].to_numpy()


def test_naive_bayes_counted_by_spark_is_the_closed_form(counting, spark: SparkSession) -> None:
    request = counting()
    result = train.run(request, spark)
    model = unpack(pack(result["checkpoint"]))
    x, labels = training_pixels(request)
    for label in range(10):
        on = x[labels == label].sum(0)
        expected = np.log((on + 1) / ((labels == label).sum() + 2))
        np.testing.assert_allclose(model.log_levels_KTL[label, :, 1], expected, rtol=1e-5)


def test_em_gains_in_every_pass_and_goes_on_where_it_was_cut_off(
    counting, spark: SparkSession
) -> None:
    options = {"components": 5, "binarisation": "threshold", "smoothing": 1e-3}
    model = {"name": "autoregressive.mixture_of_bernoullis", "options": options}
    training = {"method": "counting", "epochs": 3, "batch_size": 64}
    request = counting(name="mixture", model=model, training=training)
    whole = train.run(request, spark)
    folder = Path(checkpoint_uri(request, whole["run_id"]))
    history = unseal((folder / "history.json").read_bytes())["history"]
    level = training_pixels(request)[0].reshape(-1, 8, 8, 1) >= 0.5
    likelihoods = [
        np.mean(unpack(pack(folder / f"pass-{n:05d}")).log_probability(level.astype(np.int32)))
        for n in (1, 2, 3)
    ]
    assert likelihoods[0] < likelihoods[1] < likelihoods[2]

    (folder / "history.json").write_bytes(seal({"history": history[:1]}))
    journal = Journal(whole["run_id"], newest_version(request).manifest.version, sections(request))
    write_journal(request, journal)
    resumed = train.run(request, spark, resume=True)
    assert resumed["run_id"] == whole["run_id"]
    assert unseal((folder / "history.json").read_bytes())["history"] == history


def test_a_damaged_pass_is_told_and_training_goes_on_from_the_one_before(
    counting, tmp_path: Path, caplog
) -> None:
    request, history = counting(), [{"loss": 2.0}, {"loss": 1.0}]
    model = build_model(request.model.name, request.model.options, DataSpec((8, 8, 1), 10))
    for number in (1, 2):
        model.log_prior_Y.assign(np.full(10, number))
        _save(_pack(model, request), history[:number], str(tmp_path))
    assert _resume(model, str(tmp_path)) == history
    with (tmp_path / "pass-00002" / "model.weights.h5").open("ab") as file:
        file.write(b"more")
    assert _resume(model, str(tmp_path)) == history[:1]
    assert set(model.log_prior_Y.numpy()) == {1.0}
    assert "going back one pass: " in caplog.text
    noted = tmp_path / "history.json"
    noted.write_bytes(noted.read_bytes().replace(b"2.0", b"3.0"))
    assert _resume(model, str(tmp_path)) == []
    assert "history.json is damaged, and the training begins anew" in caplog.text


def test_a_model_and_a_method_that_do_not_fit_are_refused(counting, spark: SparkSession) -> None:
    with pytest.raises(RequestError, match=r"remove training\.method"):
        train.run(counting(model={"name": "variational.vae", "options": {}}), spark)
    with pytest.raises(RequestError, match=r"set training\.method to counting"):
        train.run(counting(training={"epochs": 1, "batch_size": 64, "method": "gradient"}), spark)
