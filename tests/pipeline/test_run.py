"""The whole pipeline: Spark, the feed, two workers of each backend, MLflow and its registry."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from sparkgen.config.request import ExperimentConfig
from sparkgen.errors import RequestError
from sparkgen.feed.feeds import choose_feed
from sparkgen.models.portable import pack
from sparkgen.pipeline import run, train
from sparkgen.pipeline.journal import checkpoint_uri
from sparkgen.tracking import registry
from sparkgen.tracking.server import connect

RESULT_KEYS = {
    "ingest": {"dataset", "version", "rows", "quarantined", "unused", "copies"},
    "train": {"run_id", "model_uri", "metrics", "checkpoint"},
    "evaluate": {"model_uri", "metrics"},
    "promote": {"promoted", "champion", "reasons"},
    "sample": {"samples", "count", "contact_sheet", "model_uri"},
}
TRAIN_ALONE = """
import sys
from sparkgen.config.request import ExperimentConfig
from sparkgen.pipeline import train
train.run(ExperimentConfig.model_validate_json(sys.argv[1]), None)
"""


@pytest.fixture
def own(experiment, tmp_path: Path):
    """`own(section={...})`: the small experiment on two workers, in the test's own folder."""

    def make(**sections) -> ExperimentConfig:
        environment = {"root": str(tmp_path), "launcher": "local", "workers": 2}
        environment |= sections.pop("environment", {})
        return experiment(environment=environment, **sections)

    return make


@pytest.mark.slow
def test_the_pipeline_runs_from_source_to_samples_and_again(
    own,
    spark: SparkSession,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the executors have the working directory in which Spark began
    request = own(environment={"root": "."})
    first = run.run(request, spark)
    assert Path(first["sample"]["samples"]).is_relative_to(tmp_path)
    assert {step: set(result) for step, result in first.items()} == RESULT_KEYS
    assert json.loads(json.dumps(first)) == first
    assert first["promote"] == {"promoted": True, "champion": "models:/tiny/1", "reasons": []}
    with Image.open(first["sample"]["contact_sheet"]) as sheet:
        assert min(sheet.size) > 200
    artifacts = connect(request.environment).list_artifacts(first["train"]["run_id"], "report")
    assert {Path(a.path).name for a in artifacts} == {
        "loss_curves.png",
        "samples.png",
        "reconstructions.png",
        "latent_map.png",
        "interpolation.png",
        "concept.png",
    }

    gates = [{"metric": "mse", "max": 1e-6}]
    second = run.run(own(environment={"root": ".", "backend": "tensorflow"}, gates=gates), spark)
    runs = [connect(request.environment).get_run(r["train"]["run_id"]) for r in (first, second)]
    backends = [one.data.tags["sparkgen.backend"] for one in runs]
    assert backends == ["horovod", "tensorflow"]
    assert second["ingest"] == first["ingest"]
    assert second["train"]["model_uri"] == "models:/tiny/2"
    assert second["evaluate"]["metrics"] == first["evaluate"]["metrics"]
    assert second["promote"]["champion"] == "models:/tiny/1"
    assert second["promote"]["reasons"][0].endswith("is above max 1e-06")
    assert second["sample"] == first["sample"]
    assert "the champion models:/tiny/1 is sampled" in caplog.text


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        (
            {"dataset": {"validation_fraction": 0.0}, "evaluation": {"split": "validation"}},
            "a split 'validation' with rows",
        ),
        ({"density": {"kind": "mixture", "components": 500}}, "500 encoded training rows or more"),
    ],
)
def test_what_the_ingested_rows_do_not_allow_is_refused_before_the_training(
    own, root: Path, spark: SparkSession, tmp_path: Path, sections: dict, line: str
) -> None:
    request = own(environment={"datasets": f"{root}/datasets"}, **sections)
    with pytest.raises(RequestError, match=line):
        run.run(request, spark)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_killed_driver_is_resumed_by_another_feed_to_the_weights_of_an_undisturbed_run(
    own, root: Path, dataset_version: str
) -> None:
    def asked(feed: str) -> ExperimentConfig:
        environment = {"datasets": f"{root}/datasets", "workers": 1, "feed": feed}
        return own(training={"epochs": 12}, environment=environment)

    request = asked("auto")
    undisturbed = train.run(request, None)
    tags = mlflow.get_run(undisturbed["run_id"]).data.tags
    assert tags["sparkgen.feed"] == choose_feed("auto")
    before = {undisturbed["run_id"]}

    command = [sys.executable, "-c", TRAIN_ALONE, request.model_dump_json()]
    driver = subprocess.Popen(command, start_new_session=True, stderr=subprocess.DEVNULL)
    run_id = _first_checkpoint(request, before)
    os.killpg(driver.pid, signal.SIGKILL)
    driver.wait()

    resumed = train.run(asked("arrow"), None, resume=True)
    assert resumed["run_id"] == run_id
    assert mlflow.get_run(run_id).data.tags["sparkgen.feed"] == "arrow"
    weights = [pack(f"{checkpoint_uri(request, r)}/model").weights for r in (run_id, *before)]
    assert weights[0] == weights[1]
    challenger = registry.require(request.environment, request.name, registry.CHALLENGER)
    assert challenger.run_id == run_id
    assert mlflow.get_run(run_id).info.status == "FINISHED"


def _first_checkpoint(request: ExperimentConfig, before: set[str]) -> str:
    """The id of a new run, once it has written a checkpoint."""
    folder = Path(checkpoint_uri(request, "any")).parent
    for _ in range(1200):
        for path in folder.glob("*/checkpoint-*.npz"):
            if path.parent.name not in before:
                return path.parent.name
        time.sleep(0.05)
    pytest.fail("no checkpoint appeared")
