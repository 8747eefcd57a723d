"""A small experiment on the built-in digits, with everything it makes under one folder."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.pipeline import ingest

MakeExperiment = Callable[..., ExperimentConfig]


def experiment_in(root: Path, **sections: Any) -> ExperimentConfig:
    values: dict[str, Any] = {
        "name": "tiny",
        "dataset": {
            "name": "digits",
            "source": {"format": "builtin"},
            "shape": [8, 8, 1],
            "class_names": [str(n) for n in range(10)],
            "limit": 400,
        },
        "model": {"name": "reconstruction.dense_autoencoder", "options": {"latent": 8}},
        "training": {
            "epochs": 2,
            "batch_size": 32,
            "optimizer": {"learning_rate": 3e-3},
            "checkpoint_steps": 5,
        },
        "density": {"kind": "full"},
        "sampling": {"count": 30, "batch_rows": 10, "contact_sheet": 30},
        "gates": [{"metric": "mse", "max": 0.2}, {"metric": "mse", "max_regression": 0.5}],
        "environment": {"root": str(root), "launcher": "in-process", "workers": 1},
    }
    for name, section in sections.items():
        old = values.get(name)
        values[name] = {**old, **section} if isinstance(old, dict) else section
    return ExperimentConfig.model_validate(values)


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


@pytest.fixture
def experiment(root: Path) -> MakeExperiment:
    """`experiment(section={...})`: the small experiment with other values."""
    return lambda **sections: experiment_in(root, **sections)


@pytest.fixture(scope="session")
def dataset_version(root: Path, spark: SparkSession) -> str:
    """The id of the version of the digits that the small experiment trains on."""
    request = experiment_in(root)
    made = ingest.run(
        DatasetRequest(dataset=request.dataset, environment=request.environment), spark
    )
    return str(made["version"])
