import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psutil
import pytest
import yaml

REPOSITORY = Path(__file__).parents[1]
SPARKGEN = Path(sys.executable).parent / "sparkgen"
DATASET = "conf/datasets/digits.yaml"
EXPERIMENT = "conf/experiments/dense_autoencoder_digits.yaml"
QUIET_SPARK = ("--set", "environment.spark_master=local[2]")


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


def refusal(*arguments: str | Path) -> str:
    """The one line with which a wrong request is refused."""
    done = sparkgen(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("sparkgen: ")
    return line


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root that holds a version of the digits."""
    root = tmp_path_factory.mktemp("root")
    result = last_line(sparkgen("ingest", DATASET, "--root", root, *QUIET_SPARK))
    assert result["dataset"] == "digits"
    assert result["quarantined"] == {}
    assert (root / "datasets" / "digits" / result["version"] / "manifest.json").is_file()
    return root


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from sparkgen.cli import main; main(['--help']);"
        "print(sorted({m.split('.')[0] for m in sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(yaml.safe_load(done.stdout.splitlines()[-1]))
    assert "click" in loaded
    heavy = {"tensorflow", "keras", "pyspark", "mlflow", "numpy", "pyarrow", "pydantic", "horovod"}
    assert not loaded & heavy


def test_the_help_of_a_step_names_every_key_with_its_default() -> None:
    done = sparkgen("train", "--help")
    assert done.returncode == 0
    for key in ("training.batch_size", "dataset.lanes", "environment.workers", "sampling.count"):
        assert key in done.stdout
    assert "[4096] Rows a file, about" in " ".join(done.stdout.split())


def test_logs_go_to_stderr_and_only_the_result_to_stdout(ingested: Path) -> None:
    done = sparkgen("ingest", DATASET, "--root", ingested, *QUIET_SPARK)
    assert len(done.stdout.splitlines()) == 1
    rows = last_line(done)["rows"]
    assert rows["train"] + rows["validation"] + rows["test"] == 1797


def test_a_command_that_does_not_exist_is_a_wrong_request() -> None:
    assert "'paint'" in refusal("paint")


def test_an_option_that_does_not_exist_is_a_wrong_request() -> None:
    assert "--colour" in refusal("train", EXPERIMENT, "--colour")


def test_a_missing_file_is_a_wrong_request() -> None:
    assert "choose one of" in refusal("train", "conf/experiments/nothing.yaml")


def test_an_unknown_key_is_a_wrong_request() -> None:
    assert "training.epoch" in refusal("train", EXPERIMENT, "--set", "training.epoch=3")


def test_a_wrong_type_is_a_wrong_request() -> None:
    assert "valid integer" in refusal("train", EXPERIMENT, "--set", "training.epochs=three")


def test_workers_that_do_not_divide_the_lanes_are_a_wrong_request() -> None:
    line = refusal("train", EXPERIMENT, "--set", "environment.workers=3")
    assert "set it to 1, 2, 4, 8" in line


def test_a_batch_that_is_no_multiple_of_the_lanes_is_a_wrong_request() -> None:
    assert "96 or 104" in refusal("train", EXPERIMENT, "--set", "training.batch_size=100")


def test_an_unknown_model_is_a_wrong_request() -> None:
    line = refusal("train", EXPERIMENT, "--set", "model.name=variational.nothing")
    assert "choose one of" in line
    assert "variational.vae" in line


def test_an_unknown_option_of_a_model_is_a_wrong_request() -> None:
    assert "depth" in refusal("run", EXPERIMENT, "--set", "model.options.depth=3")


def test_training_without_a_dataset_version_is_a_wrong_request(tmp_path: Path) -> None:
    assert "run sparkgen ingest" in refusal("train", EXPERIMENT, "--root", tmp_path)


def test_a_dataset_with_a_pickled_schema_is_a_wrong_request(ingested: Path, tmp_path: Path) -> None:
    root = shutil.copytree(ingested, tmp_path / "root")
    version = next((root / "datasets" / "digits").glob("*/manifest.json")).parent
    (version / "_common_metadata").touch()
    line = refusal("train", EXPERIMENT, "--root", root)
    assert "_common_metadata" in line
    assert "pickled" in line


def test_a_tracking_server_that_does_not_answer_is_a_wrong_request(ingested: Path) -> None:
    server = "environment.tracking_uri=http://127.0.0.1:9"
    line = refusal("train", EXPERIMENT, "--root", ingested, "--set", server)
    assert "environment.tracking_uri" in line


def test_a_missing_source_is_a_wrong_request(tmp_path: Path) -> None:
    data = f"environment.data={tmp_path}"
    arguments = ("ingest", "conf/datasets/mnist.yaml", "--root", tmp_path, "--set", data)
    assert "mnist-digits-train.txt.gz" in refusal(*arguments, *QUIET_SPARK)


def libsvm_dataset(folder: Path, text: str) -> Path:
    (folder / "rows.txt").write_text(text)
    config = {
        "name": "rows",
        "source": {"format": "libsvm", "train": str(folder / "rows.txt")},
        "shape": [2, 2, 1],
        "class_names": ["0", "1"],
        "validation_fraction": 0.0,
    }
    shutil.copytree(REPOSITORY / "conf" / "environments", folder / "conf" / "environments")
    path = folder / "conf" / "datasets" / "rows.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(config))
    return path


def test_a_width_too_small_for_the_source_is_a_wrong_request(tmp_path: Path) -> None:
    path = libsvm_dataset(tmp_path, "0 1:1 784:3\n" * 20)
    line = refusal("ingest", path, "--root", tmp_path / "runs", *QUIET_SPARK)
    assert "a shape of 784 values or more" in line


def test_too_many_bad_records_fail_with_status_1_and_leave_no_version(tmp_path: Path) -> None:
    path = libsvm_dataset(tmp_path, "0 1:1\n" * 10 + "0 1:nonsense\n" * 10)
    done = sparkgen("ingest", path, "--root", tmp_path / "runs", *QUIET_SPARK)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert not list((tmp_path / "runs").rglob("manifest.json"))


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
    beside = refusal("train", EXPERIMENT, "--resume", "--root", ingested, *options)
    assert f"found process {process.pid} on " in beside
    children = below(process)
    process.send_signal(signal.SIGTERM)
    output, error = process.communicate(timeout=60)
    assert (process.returncode, output) == (143, "")
    assert re.match("sparkgen: stopped at epoch .*--resume goes on", error.splitlines()[-1])
    assert "Traceback" not in error
    assert not psutil.wait_procs(children, timeout=10)[1]
    with sqlite3.connect(ingested / "mlflow.db") as database:
        assert database.execute("SELECT status FROM runs").fetchall() == [("KILLED",)]
