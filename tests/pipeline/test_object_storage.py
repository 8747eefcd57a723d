"""The pipeline on object storage, a real S3 server: what it makes there is what it makes on a disk."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pyspark.sql import SparkSession
from s3_server import S3Server

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.storage import read_bytes
from sparkgen.errors import RequestError
from sparkgen.pipeline import run, train
from sparkgen.pipeline.journal import unfinished
from sparkgen.pipeline.preflight import check
from sparkgen.training.checkpoints import decode

pytestmark = pytest.mark.slow

ROOT = "s3://bucket/runs"
TRAIN = """
import sys
from sparkgen.config.request import ExperimentConfig
from sparkgen.pipeline import train
train.run(ExperimentConfig.model_validate_json(sys.argv[1]), None)
"""


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory, database: Path) -> str:
    """The URI of a tracking server of the module's own."""
    file = tmp_path_factory.mktemp("tracking") / "mlflow.db"
    shutil.copy(database, file)
    return f"sqlite:///{file}"


@pytest.fixture
def of(
    experiment: Callable[..., ExperimentConfig], tracking: str
) -> Callable[..., ExperimentConfig]:
    """`of(root, launcher)`: the small experiment."""

    def make(root: str, launcher: str) -> ExperimentConfig:
        places = {"root": root, "launcher": launcher, "workers": 2, "tracking_uri": tracking}
        # An experiment of MLflow keeps its place for artifacts.
        return experiment(environment={**places, "experiment": root.partition(":")[0]})

    return make


def arrays(result: dict[str, Any]) -> dict[str, np.ndarray]:
    return decode(read_bytes(result["checkpoint"])).arrays


def assert_equal(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        np.testing.assert_array_equal(found[name], array)


def test_object_storage_gives_the_weights_of_a_disk_by_both_launchers_and_after_a_kill(
    of, s3: S3Server, spark: SparkSession, root: Path, dataset_version: str
) -> None:
    on_disk = train.run(of(str(root), "local"), None)

    made = run.run(of(ROOT, "spark"), spark)
    assert made["ingest"]["version"] == dataset_version
    assert_equal(arrays(made["train"]), arrays(on_disk))
    assert made["train"]["checkpoint"].startswith(f"{ROOT}/checkpoints/tiny/")
    assert made["evaluate"]["metrics"]["mse"] > 0
    assert made["promote"]["champion"] == made["train"]["model_uri"]
    assert read_bytes(made["sample"]["contact_sheet"]).startswith(b"\x89PNG")
    places = {name.split("/")[1] for name in s3.names() if name.startswith("runs/")}
    assert places == {"artifacts", "checkpoints", "datasets", "samples"}

    request = of(ROOT, "local")
    killed = killed_at_a_checkpoint(request, s3)
    assert unfinished(request).run_id == killed
    resumed = train.run(request, None, resume=True)
    assert resumed["run_id"] == killed
    assert_equal(arrays(resumed), arrays(on_disk))


def killed_at_a_checkpoint(request: ExperimentConfig, s3: S3Server) -> str:
    """Trains until half of the second checkpoint is sent, kills the driver, and gives the run's id."""
    begun: list[str] = []

    def kill(method: str, asked: str) -> None:
        path = asked.partition("?")[0]
        if "/checkpoint-" in path and "partNumber" in asked and path not in begun:
            begun.append(path)
            if len(begun) == 2:
                os.killpg(job.pid, signal.SIGKILL)

    s3.watchers.append(kill)
    try:
        command = [sys.executable, "-c", TRAIN, request.model_dump_json()]
        job = subprocess.Popen(command, start_new_session=True)
        assert job.wait(timeout=200) == -signal.SIGKILL
    finally:
        s3.watchers.remove(kill)
    return begun[0].split("/")[-2]


@pytest.mark.parametrize("step", ["train", "evaluate", "promote", "sample", "run"])
def test_remote_storage_without_a_tracking_server_is_refused_before_it_is_asked(
    experiment: Callable[..., ExperimentConfig], step: str
) -> None:
    request = experiment(environment={"root": "s3://no-bucket-of-this-name/runs"})
    with pytest.raises(RequestError, match=r"set environment\.tracking_uri"):
        check(step, request)
