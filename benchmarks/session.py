"""Where the benchmarks run: a scratch folder, and Spark on all cores of this machine."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that goes when the benchmark ends."""
    with tempfile.TemporaryDirectory(prefix="sparkgen-bench-") as name:
        yield Path(name)


@contextmanager
def local_spark(scratch: Path) -> Iterator[Any]:
    """A session on `local[*]` that keeps its files under `scratch`, as `make run` has it."""
    from sparkgen.config.environment import EnvironmentConfig
    from sparkgen.pipeline.session import spark_session

    settings = {
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.driver.memory": "3g",
        "spark.sql.shuffle.partitions": "8",
        "spark.local.dir": str(scratch / "spark"),
        "spark.sql.warehouse.dir": str(scratch / "warehouse"),
    }
    environment = EnvironmentConfig(root=str(scratch), spark_master="local[*]", spark=settings)
    spark = spark_session(environment)
    try:
        yield spark
    finally:
        spark.stop()
