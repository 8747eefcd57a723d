"""The jobs by spark-submit on a real standalone cluster: a master and two workers on loopback.

With SPARKGEN_TEST_ENVIRONMENT=FILE.tar.gz executors have the Python that venv-pack put there (README).
"""

import json
import os
import re
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
EXPERIMENT = str(REPOSITORY / "conf/experiments/dense_autoencoder_digits.yaml")
PACKED = "SPARKGEN_TEST_ENVIRONMENT"
SHORT = "for 300 s more at most: found 1 slots"
TRAINING = (
    "--set=environment.launcher=spark",
    "--set=training.epochs=15",
    "--set=training.checkpoint_steps=10",
    "--set=gates=[]",
)


class Cluster(NamedTuple):
    """A running cluster."""

    url: str
    folder: Path
    workers: list[subprocess.Popen[bytes]]

    def add_worker(self) -> None:
        """Starts a worker of one core, whose executors have the working directory `folder`/work/..."""
        size = ("--cores", "1", "--memory", "2g", "--webui-port", "0")
        work, number = ("--work-dir", str(self.folder / "work")), len(self.workers)
        log = self.folder / f"{number}.log"
        self.workers.append(start(log, "Worker", *size, *work, self.url))

    def submit(self, jobs: list[list[str]], *, wheel: Path, here: Path) -> subprocess.Popen[bytes]:
        """Starts `spark-submit` of jobs in the working directory `here`; what it says is in `here`/log.

        The driver and the executors import the package from the wheel.
        """
        properties = {
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": "1g",
            "spark.executor.memory": "1g",
            "spark.executor.extraJavaOptions": os.environ["SPARK_SUBMIT_OPTS"],
            "spark.pyspark.python": sys.executable,
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
        }
        command = [SPARK_BIN / "spark-submit", "--master", self.url, "--py-files", wheel]
        if packed := os.environ.get(PACKED):
            command += ["--archives", f"{packed}#environment"]
            properties["spark.pyspark.driver.python"] = sys.executable
            properties["spark.pyspark.python"] = "./environment/bin/python"
        command += [part for k, v in properties.items() for part in ("--conf", f"{k}={v}")]
        with (here / "log").open("wb") as log:
            return subprocess.Popen(
                [*map(str, command), str(REPOSITORY / "tests/cluster_jobs.py"), json.dumps(jobs)],
                cwd=here,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )


class Ended(NamedTuple):
    """How a job ended, and what was said until then: its result is the last line that is JSON."""

    status: int
    said: str

    @property
    def result(self) -> dict[str, Any]:
        lines = [line for line in self.said.splitlines() if line.startswith("{")]
        return dict(json.loads(lines[-1]))


def all_ended(said: str) -> list[Ended]:
    """Every job in the log of `cluster_jobs.py`."""
    parts = re.split(r"^=== \w+ exits (\d+)\n", said, flags=re.MULTILINE)
    return [Ended(int(status), job) for job, status in zip(parts[::2], parts[1::2], strict=False)]


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


def wait_for(condition: Callable[[], bool], what: str, *, seconds: float = 900) -> None:
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
    """A master and a worker of one core."""
    folder = tmp_path_factory.mktemp("cluster")
    port, page = free_port(), free_port()
    ports = ("--port", str(port), "--webui-port", str(page))
    master = start(folder / "master.log", "Master", *ports)
    made = Cluster(f"spark://127.0.0.1:{port}", folder, [])
    try:
        made.add_worker()
        wait_for(lambda: alive_workers(page) == 1, "a worker")
        yield made
    finally:
        for process in (*made.workers, master):
            process.terminate()
        for process in (*made.workers, master):
            process.wait(timeout=30)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("here") / "runs"


class Run(NamedTuple):
    """What became of all jobs, and the environment of a training worker."""

    ingest: Ended
    train_on_too_few: Ended
    train: Ended
    evaluate: Ended
    promote: Ended
    sample: Ended
    environment: dict[str, str]


@pytest.fixture(scope="module")
def run(cluster: Cluster, root: Path, wheel: Path) -> Run:
    """All jobs, with a relative root. The training finds an executor for one of its two workers, the
    other one comes late; and one of its workers is killed at the first checkpoint.
    """
    train = ["train", EXPERIMENT, *TRAINING]
    others = ["evaluate", "promote", "sample"]
    jobs = [["ingest", str(REPOSITORY / "conf/datasets/digits.yaml")]]
    jobs += [[*train, "--set=environment.slots_seconds=1"], train]
    jobs += [[name, EXPERIMENT, "--set=gates=[]"] for name in others]
    here, log = root.parent, root.parent / "log"
    process = cluster.submit([[*job, "--root=runs"] for job in jobs], wheel=wheel, here=here)
    try:
        wait_for(lambda: SHORT in log.read_text(), "a training that waits")
        cluster.add_worker()
        wait_for(lambda: bool(checkpoints(root)), "a checkpoint")
        victim = training_workers(cluster)[1]
        its_environment = victim.environ()
        victim.kill()
        process.wait(timeout=900)
    finally:
        process.kill()
    said = log.read_text()
    assert process.returncode == 0, said[-6000:]
    return Run(*all_ended(said), its_environment)


def test_spark_submit_runs_every_job_on_a_cluster_with_a_relative_root(
    run: Run, root: Path
) -> None:
    assert sum(run.ingest.result["rows"].values()) == 1797
    trained = run.train.result
    assert run.evaluate.result["model_uri"] == trained["model_uri"]
    assert 0 < run.evaluate.result["metrics"]["mse"] < 0.1
    assert run.promote.result["champion"] == trained["model_uri"]
    assert run.sample.result["count"] == 100
    sheet = Path(run.sample.result["contact_sheet"])
    assert sheet.is_relative_to(root)
    assert sheet.stat().st_size > 0


def test_a_training_waits_for_late_executors_and_says_what_is_there_when_none_comes(
    run: Run,
) -> None:
    assert run.train_on_too_few.status == 2
    assert (
        "sparkgen: expected a Spark cluster with a task slot for each of the 2 workers, found 1 "
        "slots on 1 executors after 1 s (environment.slots_seconds), master spark://127.0.0.1:"
    ) in run.train_on_too_few.said
    assert run.train.status == 0
    assert "waiting for 2 task slots of Spark, for 300 s more at most: found 1 slots on 1" in (
        run.train.said
    )


def test_the_epochs_of_rank_0_reach_the_log_of_the_driver(run: Run) -> None:
    epochs = re.findall(r"^epoch (\d+)/15 ", run.train.said, flags=re.MULTILINE)
    assert list(dict.fromkeys(epochs)) == [str(n) for n in range(1, 16)]
    assert all(epochs.count(epoch) <= 2 for epoch in epochs)  # twice where it was done again


def test_executors_import_the_package_from_the_wheel_that_was_submitted(
    run: Run, wheel: Path
) -> None:
    path = [Path(entry) for entry in run.environment["PYTHONPATH"].split(os.pathsep)]
    first = next(p for p in path if p.name == f"{wheel.stem}.zip" or (p / "sparkgen").is_dir())
    assert first.name == f"{wheel.stem}.zip"


def test_a_killed_training_worker_changes_nothing_in_the_result(
    run: Run, root: Path, tmp_path: Path
) -> None:
    """The weights are those of a training of this machine's own, to which nothing happens."""
    assert "starting again (1 of" in run.train.said
    changes = [setting.removeprefix("--set=") for setting in TRAINING]
    changes += ["environment.launcher=local", f"environment.datasets={root}/datasets"]
    request = load_experiment(EXPERIMENT, overrides=tuple(changes), root=str(tmp_path))
    undisturbed = train.run(request, None)
    assert run.train.result["metrics"]["val_loss"] == undisturbed["metrics"]["val_loss"]
    for name, array in weights(undisturbed).items():
        np.testing.assert_array_equal(array, weights(run.train.result)[name])


def checkpoints(root: Path) -> set[Path]:
    return set((root / "checkpoints").rglob("checkpoint-*.npz"))


def training_workers(cluster: Cluster) -> list[psutil.Process]:
    """The training workers, which are below the executors."""
    below = [p for w in cluster.workers for p in psutil.Process(w.pid).children(recursive=True)]
    return [p for p in below if trains(p)]


def trains(process: psutil.Process) -> bool:
    try:
        return "sparkgen.distribution.process" in process.cmdline()
    except psutil.Error:  # it has just ended
        return False


def weights(result: dict[str, Any]) -> dict[str, np.ndarray]:
    """The arrays of the last checkpoint of a training job."""
    with np.load(result["checkpoint"]) as file:
        return {name: file[name] for name in file.files if name != "facts"}
