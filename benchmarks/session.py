"""The Spark session of the benchmarks: both cores of this machine, as `make run` has it."""

from pathlib import Path
from typing import Any


def spark_session(scratch: Path) -> Any:
    """A session on `local[*]` that keeps its files under `scratch`."""
    from sparkgen.config.environment import EnvironmentConfig
    from sparkgen.pipeline.session import spark_session as start

    environment = EnvironmentConfig(
        root=str(scratch),
        spark_master="local[*]",
        spark={"spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "2"},
    )
    return start(environment)
