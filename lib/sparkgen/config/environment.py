"""Defines the keys that an environment file in `conf/environments` can have."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator

from sparkgen.config.strict import Strict


def _one_line(text: str) -> str:
    if not text.strip():
        raise ValueError("it must not be empty; leave the key out for its default")
    if not text.isprintable():
        raise ValueError("it must be one line of printable characters")
    return text


def _below_root(text: str) -> str:
    for name in re.findall(r"\{\w*\}", text):
        if name != "{root}":
            raise ValueError(f"the only name in braces is {{root}}, found {name} in {text}")
    return text


def _of_a_model_name(text: str) -> str:
    if not re.fullmatch(r"[\w.-]*", text):
        raise ValueError("names of registered models have letters, digits and . _ - only")
    return text


Text = Annotated[str, AfterValidator(_one_line)]
Place = Annotated[Text, AfterValidator(_below_root)]
"""A path or URI, in which `{root}` stands for the root."""
FeedName = Literal["auto", "petastorm", "arrow"]
"""The feeds, in the order in which `auto` tries them."""


class EnvironmentConfig(Strict):
    """Where things are and what runs them. `{root}` in a value stands for `root`."""

    root: Text = "runs"
    """The folder or URI below which everything is written; `--root` changes it too."""
    data: Text = "data"
    """The folder or URI of the source files, where missing ones are fetched to. It replaces `{data}` at
    the start of a path in `dataset.source`, `sampling.given` or `model.options`. The variable
    SPARKGEN_DATA takes the place of what the file says."""
    pretrained: Place = "pretrained"
    """The folder or URI of pretrained weights, from which `sample --pretrained` samples."""
    datasets: Place = "{root}/datasets"
    """Where dataset versions are written."""
    checkpoints: Place = "{root}/checkpoints"
    """Where trainings write their checkpoints."""
    samples: Place = "{root}/samples"
    """Where sample sets are written."""
    tracking_uri: Place = "sqlite:///{root}/mlflow.db"
    """The MLflow tracking server: the URL of a server, or a SQLite database."""
    registry_uri: Place | None = None
    """The MLflow model registry; null: the one of the tracking server."""
    artifacts: Place | None = "{root}/artifacts"
    """Where the files of MLflow runs are kept; null: the tracking server decides."""
    experiment: Text = "sparkgen"
    """The MLflow experiment that runs are written to."""
    model_prefix: Annotated[str, AfterValidator(_of_a_model_name)] = ""
    """Put before the names of registered models, such as `main.sparkgen.` under Unity Catalog."""
    system_metrics: bool = False
    """Log the load of the machine that trains to the run, every ten seconds: processors, memory, disk,
    network, GPUs. Of several machines it is that of the first worker."""
    launcher: Literal["in-process", "local", "spark"] = "local"
    """Where the training workers run: one worker in the process of the command, processes of this
    machine, or tasks of Spark."""
    backend: Text = "auto"
    """By what several workers exchange gradients: `horovod`, or `tensorflow`, which needs nothing more;
    `auto`: Horovod where it is installed, else TensorFlow. Neither asks for a password, and the servers
    of `tensorflow` listen on all network interfaces, with the launcher `local` too."""
    workers: Annotated[int, Field(gt=0)] = 2
    """How many workers train together; it must divide `dataset.lanes`."""
    feed: FeedName = "auto"
    """What reads the data in training: Petastorm, or pyarrow alone; auto: Petastorm where it can be used.
    The batches are the same."""
    threads_per_worker: Annotated[int, Field(gt=0)] | None = None
    """TensorFlow threads of a worker; null: the cores of its machine divided by the workers there."""
    max_restarts: Annotated[int, Field(ge=0)] = 2
    """How often workers that died or hang are started again before the training fails."""
    hang_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A worker that takes no training step for this long, or for ten times its usual step where that
    is longer, counts as hanging. Start, compilation, validation and checkpoints have at least half an
    hour."""
    slots_seconds: Annotated[float, Field(ge=0)] = 300.0
    """How long the launcher `spark` waits for a task slot for each worker: executors may come late."""
    spark_master: Text | None = None
    """The Spark master, such as `local[4]`; null: what spark-submit or the cluster says."""
    spark: dict[str, str] = {}
    """Spark properties by name, such as `spark.executor.memory: 4g`."""

    @field_validator("spark", mode="before")
    @classmethod
    def _properties_are_texts(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for key in value:
            if not str(key).startswith("spark."):
                raise ValueError(f"names of properties start with spark., found {key}")
        return {key: _spelt(part) for key, part in value.items()}

    def path(self, value: str) -> str:
        """A value of this environment with `{root}` filled in."""
        return value.replace("{root}", self.root)


def _spelt(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value
