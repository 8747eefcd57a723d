"""What `conf/environments/*.yaml` may say."""

from typing import Annotated, Literal

from pydantic import Field

from sparkgen.config.strict import Strict


class EnvironmentConfig(Strict):
    """Where things are and what runs them. `{root}` in a value stands for `root`."""

    root: str = "runs"
    data: str = "data"
    """Where source files lie: stands for `{data}` at the start of a dataset's source path."""
    datasets: str = "{root}/datasets"
    checkpoints: str = "{root}/checkpoints"
    samples: str = "{root}/samples"
    tracking_uri: str = "sqlite:///{root}/mlflow.db"
    registry_uri: str | None = None
    """None: the tracking server's own registry."""
    artifacts: str | None = "{root}/artifacts"
    """Where the tracking server keeps artifacts; None: it decides."""
    experiment: str = "sparkgen"
    """The MLflow experiment."""
    model_prefix: str = ""
    """Goes before registered model names, such as `main.sparkgen.` under Unity Catalog."""
    launcher: Literal["in-process", "local", "spark"] = "local"
    workers: Annotated[int, Field(gt=0)] = 2
    threads_per_worker: Annotated[int, Field(gt=0)] | None = None
    """TensorFlow threads of a worker; None: the machine's cores over the workers on it."""
    max_restarts: Annotated[int, Field(ge=0)] = 2
    hang_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A worker that takes no training step for this long, and ten times its usual pace, is lost."""
    spark_master: str | None = None
    """None: what spark-submit or the cluster says."""
    spark: dict[str, str] = {}
    """Spark properties."""

    def path(self, value: str) -> str:
        """A value of this environment with `{root}` filled in."""
        return value.replace("{root}", self.root)
