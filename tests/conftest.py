"""What tests share: one Spark session, and the folder of real data where there is one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from hypothesis import settings

from sparkgen import cli

# A busy machine is no fault of a test.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

REPOSITORY = Path(__file__).parents[1]

# Several processes run tests, and each has its share of the cores: products of NumPy and of TensorFlow
# need no threads. The last bits of a sum depend on how many threads share it, so the processes that a
# test starts have as many; training workers have a number of their own (`environment.threads`).
for threads in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS"):
    os.environ.setdefault(threads, "1")

# Java's optimising compiler costs the many small queries of tests more than it brings in. These are
# read by every Spark that a test starts, in this process or another: by the one that puts the command
# together, by the driver, and by the master and workers of a cluster.
for options in ("SPARK_LAUNCHER_OPTS", "SPARK_SUBMIT_OPTS", "SPARK_DAEMON_JAVA_OPTS"):
    os.environ.setdefault(options, "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begins with the slow files, so that no process is left alone with one at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


class Said(NamedTuple):
    """What one call of the program leaves."""

    status: int
    out: str
    err: str


@pytest.fixture
def sparkgen(capfd: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`sparkgen(*arguments)`: the program in this process, with its output."""

    def call(*arguments: str | Path) -> Said:
        status = 0
        try:
            cli.main([str(argument) for argument in arguments])
        except SystemExit as left:
            status = int(left.code or 0)
        return Said(status, *capfd.readouterr())

    return call


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator["SparkSession"]:  # noqa: F821
    """A Spark session on two threads of this machine."""
    from pyspark.sql import SparkSession

    from sparkgen.pipeline.session import find_java

    find_java()
    os.environ["PYSPARK_PYTHON"] = os.environ["PYSPARK_DRIVER_PYTHON"] = sys.executable
    scratch = tmp_path_factory.mktemp("spark")
    session = (
        SparkSession.builder.master("local[2]")
        .appName("tests")
        .config("spark.driver.memory", "2g")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        .config("spark.sql.shuffle.partitions", "2")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database of runs. A test copies it to its root, as MLflow takes seconds to make one."""
    from sparkgen.tracking.database import make_database

    file = tmp_path_factory.mktemp("database") / "mlflow.db"
    make_database(file)
    return file


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel as the Databricks bundle builds it, with nothing on PATH but Python."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("setup.py", "pyproject.toml"):
        shutil.copy(REPOSITORY / name, folder)
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__")
    shutil.copytree(REPOSITORY / "lib", folder / "lib", ignore=ignored)
    left = folder / "build" / "lib" / "sparkgen" / "models" / "deleted.py"  # of an earlier build
    left.parent.mkdir(parents=True)
    left.touch()
    python = folder / "bin" / "python3"
    python.parent.mkdir()
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    bundle = yaml.safe_load((REPOSITORY / "databricks.yml").read_text())
    subprocess.run(
        ["/bin/sh", "-ec", bundle["artifacts"]["sparkgen"]["build"]],
        cwd=folder,
        # With setuptools as it is here, so that no package index is asked.
        env={**os.environ, "PATH": str(python.parent), "PIP_NO_BUILD_ISOLATION": "0"},
        check=True,
    )
    (made,) = (folder / "dist").iterdir()
    return made


@pytest.fixture(scope="session")
def s3() -> Iterator["S3Server"]:  # noqa: F821
    """A real S3 server on loopback, with the bucket `bucket`; storage of this process leads there."""
    pytest.importorskip("moto.server", reason="moto is not installed")
    pytest.importorskip("boto3", reason="boto3 is not installed")
    from s3_server import s3_server

    with s3_server() as server:
        yield server


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real data; a test that asks for it is skipped where there is none."""
    folder = Path(os.environ.get("SPARKGEN_TEST_DATA", REPOSITORY.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; SPARKGEN_TEST_DATA names another folder")
    return folder
