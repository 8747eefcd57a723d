"""A small request with its own tracking server (SQLite) in the test's folder."""

import shutil
from pathlib import Path

import pytest

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest, SourceEntry, SplitEntry
from sparkgen.tracking.runs import Subject


@pytest.fixture
def first(tmp_path: Path) -> ExperimentConfig:
    """The request, of which nothing ran yet."""
    return ExperimentConfig.model_validate(
        {
            "name": "tiny",
            "dataset": {
                "name": "digits",
                "source": {"format": "builtin"},
                "shape": [8, 8, 1],
                "class_names": [str(n) for n in range(10)],
            },
            "model": {"name": "reconstruction.dense_autoencoder", "options": {"latent": 4}},
            "training": {"epochs": 1, "batch_size": 64},
            "environment": {"root": str(tmp_path / "runs")},
        }
    )


@pytest.fixture
def experiment(first: ExperimentConfig, database: Path, tmp_path: Path) -> ExperimentConfig:
    """The request, with an empty database of runs."""
    (tmp_path / "runs").mkdir()
    shutil.copy(database, tmp_path / "runs")
    return first


@pytest.fixture
def subject(first: ExperimentConfig) -> Subject:
    """A training of the request, on five rows."""
    manifest = Manifest(
        name="digits",
        version="0123456789abcdef",
        shape=(8, 8, 1),
        class_names=first.dataset.class_names,
        lanes=8,
        splits={"test": SplitEntry(rows=5, label_counts={3: 5}, files=())},
        quarantined={},
        sources=(SourceEntry(uri="builtin:digits", size=1, modified="0"),),
        config=first.dataset.model_dump(mode="json"),
        libraries={},
    )
    return Subject(
        first.name,
        first.model.name,
        first.model_dump(mode="json"),
        manifest,
        "datasets/digits/0123456789abcdef",
    )
