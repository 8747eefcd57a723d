"""What `conf/environments/*.yaml` may say."""

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


class EnvironmentConfig(Strict):
    """Where things are and what runs them. `{root}` in a value stands for `root`."""

    root: Text = "runs"
    data: Text = "data"
    """Where source files lie: stands for `{data}` at the start of a dataset's source path."""
    datasets: Place = "{root}/datasets"
    checkpoints: Place = "{root}/checkpoints"
    samples: Place = "{root}/samples"
    tracking_uri: Place = "sqlite:///{root}/mlflow.db"
    registry_uri: Place | None = None
    """None: the tracking server's own registry."""
    artifacts: Place | None = "{root}/artifacts"
    """Where the tracking server keeps artifacts; None: it decides."""
    experiment: Text = "sparkgen"
    """The MLflow experiment."""
    model_prefix: Annotated[str, AfterValidator(_of_a_model_name)] = ""
    """Goes before registered model names, such as `main.sparkgen.` under Unity Catalog."""
    launcher: Literal["in-process", "local", "spark"] = "local"
    workers: Annotated[int, Field(gt=0)] = 2
    threads_per_worker: Annotated[int, Field(gt=0)] | None = None
    """TensorFlow threads of a worker; None: the machine's cores over the workers on it."""
    max_restarts: Annotated[int, Field(ge=0)] = 2
    hang_seconds: Annotated[float, Field(gt=0)] = 60.0
    """A worker that takes no training step for this long is lost; for ten times its usual pace where
    that is longer. Start, compilation, validation and checkpoints have half an hour at least."""
    spark_master: Text | None = None
    """None: what spark-submit or the cluster says."""
    spark: dict[str, str] = {}
    """Spark properties. Numbers and booleans are written as Spark spells them."""

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
