"""Training by counting: Spark's sums against NumPy's, whatever the number of tasks."""

from pathlib import Path

import numpy as np
import pyarrow.dataset as ds
import pytest
from pyspark.sql import SparkSession

from sparkgen.config.request import DatasetRequest
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.pipeline import ingest, train
from sparkgen.pipeline.counting import _pack, _resume, _save
from sparkgen.pipeline.journal import Journal, checkpoint_uri, write_journal
from sparkgen.pipeline.preflight import check_rows
from sparkgen.pipeline.version import newest_version
from sparkgen.training.request import identity


@pytest.fixture
def counting(experiment, dataset_version: str):
    """`counting(model={...})`: the small experiment, trained by counting."""

    def make(**sections):
        model = {"name": "autoregressive.naive_bayes", "options": {"smoothing": 1.0}}
        training = {"optimizer": {}, "epochs": 1, "batch_size": 64, **sections.pop("training", {})}
        return experiment(
            **{
                "name": "counted",
                "model": model,
                "training": training,
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
    training = {"epochs": 3, "batch_size": 64}
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
    version = newest_version(request).manifest.version
    journal = Journal(whole["run_id"], version, identity(request))
    write_journal(request, journal)
    resumed = train.run(request, spark, resume=True)
    assert resumed["run_id"] == whole["run_id"]
    assert unseal((folder / "history.json").read_bytes())["history"] == history


def test_a_model_is_counted_where_no_rows_are_held_out(
    counting, spark: SparkSession, tmp_path: Path
) -> None:
    source = tmp_path / "train.libsvm"
    source.write_text("".join(f"{n % 10} {n + 1}:255\n" for n in range(64)))
    source = {"format": "libsvm", "train": str(source)}
    request = counting(
        name="bare", dataset={"name": "bare", "source": source, "validation_fraction": 0.0}
    )
    ingest.run(DatasetRequest(dataset=request.dataset, environment=request.environment), spark)
    result = train.run(request, spark)
    assert set(result["metrics"]) == {"training_seconds", "parameters"}
    model = unpack(pack(result["checkpoint"]))
    on = np.exp(model.log_levels_KTL[3, :, 1])  # of the 7 rows of label 3: pixels 3, 13, ..., 63
    np.testing.assert_allclose(on, np.where(np.arange(64) % 10 == 3, 2 / 9, 1 / 9), rtol=1e-5)


def test_a_method_that_the_model_does_not_declare_is_refused_before_a_run_is_opened(
    counting, spark: SparkSession
) -> None:
    for model, method in (("variational.vae", "counting"), (None, "gradient")):
        own = {"model": {"name": model, "options": {}}} if model else {}
        training = {"epochs": 1, "batch_size": 64, "method": method}
        request = counting(name="contrary", training=training, **own)
        with pytest.raises(RequestError, match=r"remove training\.method"):
            train.run(request, spark)
        assert not Path(checkpoint_uri(request, "any")).parent.exists()


def test_the_method_that_the_model_declares_may_be_said(counting) -> None:
    request = counting(training={"epochs": 1, "batch_size": 64, "method": "counting"})
    assert check_rows(request, newest_version(request).manifest).learns == "counting"


def test_a_damaged_pass_is_told_and_training_goes_on_from_the_one_before(
    counting, tmp_path: Path, caplog
) -> None:
    request, history = counting(), [{"loss": 2.0}, {"loss": 1.0}]
    model = build_model(
        request.model.name, request.model.options, DataSpec(ImageRecord((8, 8, 1)), 10)
    )
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
