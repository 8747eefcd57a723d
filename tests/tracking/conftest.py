"""A small request with its own tracking server (SQLite) in the test's folder."""

from pathlib import Path

import pytest

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest, SourceEntry, SplitEntry
from sparkgen.tracking.runs import Subject


@pytest.fixture
def experiment(tmp_path: Path) -> ExperimentConfig:
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
def subject(experiment: ExperimentConfig) -> Subject:
    """A training of the request, on five rows."""
    manifest = Manifest(
        name="digits",
        version="0123456789abcdef",
        shape=(8, 8, 1),
        class_names=experiment.dataset.class_names,
        lanes=8,
        splits={"test": SplitEntry(rows=5, label_counts={3: 5}, files=())},
        quarantined={},
        sources=(SourceEntry(uri="builtin:digits", size=1, modified="0"),),
        config=experiment.dataset.model_dump(mode="json"),
        libraries={},
    )
    return Subject(
        experiment.name,
        experiment.model.name,
        experiment.model_dump(mode="json"),
        manifest,
        "datasets/digits/0123456789abcdef",
    )
