import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import psutil
import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
SPARKGEN = Path(sys.executable).parent / "sparkgen"
DATASET = "conf/datasets/digits.yaml"
EXPERIMENT = "conf/experiments/dense_autoencoder_digits.yaml"
QUIET_SPARK = ("--set", "environment.spark_master=local[2]")


class Ingest(NamedTuple):
    """A process that ingested, and the root it wrote to."""

    root: Path
    done: subprocess.CompletedProcess[str]


def sparkgen(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Runs the program in the repository, without a terminal."""
    return subprocess.run(
        [SPARKGEN, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def last_line(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def ingest(tmp_path_factory: pytest.TempPathFactory) -> Ingest:
    """An ingest of the digits that is done."""
    root = tmp_path_factory.mktemp("root")
    return Ingest(root, sparkgen("ingest", DATASET, "--root", root, *QUIET_SPARK))


@pytest.fixture(scope="module")
def ingested(ingest: Ingest) -> Path:
    """A root that holds a version of the digits."""
    return ingest.root


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sparkgen.cli import main; main(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(yaml.safe_load(done.stdout.splitlines()[-1]))
    assert "click" in loaded
    heavy = {"tensorflow", "keras", "pyspark", "mlflow", "numpy", "pyarrow", "pandas", "horovod"}
    assert not loaded & heavy


def test_logs_go_to_stderr_and_only_the_result_to_stdout(ingest: Ingest) -> None:
    assert len(ingest.done.stdout.splitlines()) == 1
    result = last_line(ingest.done)
    assert result["dataset"] == "digits"
    assert result["quarantined"] == {}
    rows = result["rows"]
    assert rows["train"] + rows["validation"] + rows["test"] == 1797
    version = ingest.root / "datasets" / "digits" / result["version"]
    assert (version / "manifest.json").is_file()
    assert ingest.done.stderr


def test_a_job_runs_where_the_package_is_not_installed(tmp_path: Path) -> None:
    os.symlink(Path(click.__file__).parent, tmp_path / "click")
    done = subprocess.run(
        [sys.executable, "-S", REPOSITORY / "jobs" / "train.py", "--colour"],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.startswith("sparkgen: No such option")


def start(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SPARKGEN, *map(str, arguments)],
        cwd=REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def below(process: subprocess.Popen[str]) -> list[psutil.Process]:
    return psutil.Process(process.pid).children(recursive=True)


def test_ctrl_c_while_java_starts_leaves_nothing_but_a_line(tmp_path: Path) -> None:
    process = start("ingest", DATASET, "--root", tmp_path, *QUIET_SPARK)
    wait_until(lambda: any(child.name() == "java" for child in below(process)))
    children = below(process)
    process.send_signal(signal.SIGINT)
    output, error = process.communicate(timeout=60)
    assert (process.returncode, output) == (130, "")
    assert [line for line in error.splitlines() if line.startswith("sparkgen: stopped")]
    assert "Exception" not in error
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert not list(tmp_path.rglob(".staging-*"))


def test_sigterm_while_spark_works_leaves_nothing_but_a_line(tmp_path: Path) -> None:
    process = start("ingest", DATASET, "--root", tmp_path, *QUIET_SPARK)
    wait_until(lambda: list(tmp_path.rglob(".staging-*")))
    children = below(process)
    process.send_signal(signal.SIGTERM)
    output, error = process.communicate(timeout=60)
    assert (process.returncode, output) == (143, "")
    assert error.splitlines()[-1].startswith("sparkgen: stopped; the same command")
    assert not [word for word in ("Exception", "Traceback", "ERROR") if word in error]
    assert not psutil.wait_procs(children, timeout=10)[1]
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == []
    assert not list(tmp_path.rglob(".staging-*"))


def test_sigterm_during_training_leaves_a_checkpoint_and_a_killed_run(ingested: Path) -> None:
    options = ("--set", "training.epochs=100000", "--set", "environment.workers=1")
    process = start("train", EXPERIMENT, "--root", ingested, *options)
    wait_until(lambda: list((ingested / "checkpoints").rglob("checkpoint-*.npz")))
    beside = sparkgen("train", EXPERIMENT, "--resume", "--root", ingested, *options)
    assert beside.returncode == 2
    assert f"found process {process.pid} on " in beside.stderr.splitlines()[-1]
    children = below(process)
    process.send_signal(signal.SIGTERM)
    output, error = process.communicate(timeout=60)
    assert (process.returncode, output) == (143, "")
    assert re.match("sparkgen: stopped at epoch .*--resume goes on", error.splitlines()[-1])
    assert "Traceback" not in error
    assert not psutil.wait_procs(children, timeout=10)[1]
    with sqlite3.connect(ingested / "mlflow.db") as database:
        assert database.execute("SELECT status FROM runs").fetchall() == [("KILLED",)]
