"""The jobs by spark-submit on a real standalone cluster: a master and two workers on loopback."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psutil
import pyspark
import pytest

from sparkgen.config.load import load_experiment
from sparkgen.pipeline import train
from sparkgen.pipeline.session import find_java

pytestmark = pytest.mark.slow

REPOSITORY = Path(__file__).parents[1]
SPARK_BIN = Path(pyspark.__file__).parent / "bin"
EXPERIMENT = "conf/experiments/dense_autoencoder_digits.yaml"
TRAINING = (
    "--set=environment.launcher=spark",
    "--set=training.epochs=15",
    "--set=training.checkpoint_steps=10",
    "--set=gates=[]",
)


class Cluster(NamedTuple):
    """A running cluster."""

    url: str
    workers: list[subprocess.Popen[bytes]]

    def submit(self, job: str, *arguments: str | Path) -> subprocess.Popen[str]:
        """Starts `spark-submit jobs/<job>.py` in the repository."""
        properties = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.executor.memory": "1g",
            "spark.executor.extraJavaOptions": os.environ["SPARK_SUBMIT_OPTS"],
            "spark.pyspark.python": sys.executable,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        conf = [part for k, v in properties.items() for part in ("--conf", f"{k}={v}")]
        command = [SPARK_BIN / "spark-submit", "--master", self.url, *conf]
        return subprocess.Popen(
            [*map(str, command), f"jobs/{job}.py", *map(str, arguments)],
            cwd=REPOSITORY,
            env=environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, job: str, *arguments: str | Path) -> dict[str, Any]:
        """The result of a job."""
        return finish(self.submit(job, *arguments)).result


class Ended(NamedTuple):
    """What a job left: the JSON object of its last line, and what it said."""

    result: dict[str, Any]
    messages: str


def finish(process: subprocess.Popen[str]) -> Ended:
    try:
        output, sparks_own = process.communicate(timeout=400)
    finally:
        process.kill()
    assert process.returncode == 0, (output + sparks_own)[-6000:]
    # spark-submit passes on what the program writes to stderr by its own stdout.
    return Ended(json.loads(output.splitlines()[-1]), output)


def environment() -> dict[str, str]:
    find_java()
    own = {"SPARK_LOCAL_IP": "127.0.0.1", "SPARK_DAEMON_MEMORY": "256m"}
    return {**os.environ, **own, "PYSPARK_PYTHON": sys.executable}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def start(log: Path, name: str, *arguments: str) -> subprocess.Popen[bytes]:
    main = f"org.apache.spark.deploy.{name.lower()}.{name}"
    command = [str(SPARK_BIN / "spark-class"), main, "--host", "127.0.0.1", *arguments]
    with log.open("ab") as file:
        return subprocess.Popen(command, env=environment(), stdout=file, stderr=file)


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:.0f} s for {what}")
        time.sleep(0.05)


def alive_workers(port: int) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/", timeout=5) as page:
            return int(json.load(page)["aliveworkers"])
    except OSError:
        return 0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A master and two workers of one core each."""
    folder = tmp_path_factory.mktemp("cluster")
    port, page = free_port(), free_port()
    url = f"spark://127.0.0.1:{port}"
    master = start(folder / "master.log", "Master", "--port", str(port), "--webui-port", str(page))
    size = ("--cores", "1", "--memory", "2g", "--webui-port", "0")
    work = ("--work-dir", str(folder / "work"))
    workers = [start(folder / f"{i}.log", "Worker", *size, *work, url) for i in range(2)]
    try:
        wait_for(lambda: alive_workers(page) == 2, "two workers")
        yield Cluster(url, workers)
    finally:
        for process in (*workers, master):
            process.terminate()
        for process in (*workers, master):
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("root")


@pytest.fixture(scope="module")
def ingested(cluster: Cluster, root: Path) -> dict[str, Any]:
    return cluster.run("ingest", "conf/datasets/digits.yaml", "--root", root)


@pytest.fixture(scope="module")
def ended(cluster: Cluster, root: Path, ingested: dict[str, Any]) -> Ended:
    """A training of two workers, one of which is killed at the first checkpoint."""
    job = cluster.submit("train", EXPERIMENT, "--root", root, *TRAINING)
    try:
        wait_for(lambda: bool(checkpoints(root)), "a checkpoint", seconds=240)
        os.kill(training_workers(cluster)[1], signal.SIGKILL)
        return finish(job)
    finally:
        job.kill()


def test_spark_submit_runs_every_job_on_a_cluster(
    cluster: Cluster, root: Path, ingested: dict[str, Any], ended: Ended
) -> None:
    assert sum(ingested["rows"].values()) == 1797
    trained = ended.result
    evaluated = cluster.run("evaluate", EXPERIMENT, "--root", root)
    assert evaluated["model_uri"] == trained["model_uri"]
    assert 0 < evaluated["metrics"]["mse"] < 0.1
    promoted = cluster.run("promote", EXPERIMENT, "--root", root, "--set=gates=[]")
    assert promoted["champion"] == trained["model_uri"]
    sampled = cluster.run("sample", EXPERIMENT, "--root", root)
    assert sampled["count"] == 100
    assert Path(sampled["contact_sheet"]).stat().st_size > 0


def test_a_killed_training_worker_changes_nothing_in_the_result(
    ended: Ended, root: Path, tmp_path: Path
) -> None:
    """The weights are those of a training of this machine's own, to which nothing happens."""
    assert "starting again (1 of" in ended.messages
    changes = [setting.removeprefix("--set=") for setting in TRAINING]
    changes += ["environment.launcher=local", f"environment.datasets={root}/datasets"]
    request = load_experiment(REPOSITORY / EXPERIMENT, overrides=tuple(changes), root=str(tmp_path))
    undisturbed = train.run(request, None)
    assert ended.result["metrics"]["val_loss"] == undisturbed["metrics"]["val_loss"]
    for name, array in weights(undisturbed).items():
        np.testing.assert_array_equal(array, weights(ended.result)[name])


def checkpoints(root: Path) -> set[Path]:
    return set((root / "checkpoints").rglob("checkpoint-*.npz"))


def training_workers(cluster: Cluster) -> list[int]:
    """Process ids of the training workers, which are below the executors."""
    below = [p for w in cluster.workers for p in psutil.Process(w.pid).children(recursive=True)]
    return [p.pid for p in below if trains(p)]


def trains(process: psutil.Process) -> bool:
    try:
        return "sparkgen.distribution.process" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def weights(result: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of the last checkpoint of a training job."""
    with np.load(result["checkpoint"]) as file:
        return {name: file[name] for name in file.files if name != "facts"}
