"""A registered model, as the jobs send it to the executors."""

import tempfile

from sparkgen.config.request import ExperimentConfig
from sparkgen.models.portable import PortableModel, pack
from sparkgen.tracking import registry
from sparkgen.tracking.registry import ModelVersion


def fetch(experiment: ExperimentConfig, version: ModelVersion) -> PortableModel:
    """The saved model of a version."""
    with tempfile.TemporaryDirectory() as folder:
        return pack(registry.fetch(experiment, version, folder))
