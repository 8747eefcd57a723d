"""Finds the dataset version that a request means."""

import logging
from typing import Any

from pydantic import ValidationError

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion, Manifest, read_manifest
from sparkgen.datasets.storage import absolute
from sparkgen.datasets.versions import list_versions
from sparkgen.errors import ManifestError, RequestError

log = logging.getLogger(__name__)


def datasets_uri(environment: EnvironmentConfig) -> str:
    """The folder of all dataset versions, as a URI or an absolute path."""
    return absolute(environment.path(environment.datasets))


def newest_version(experiment: ExperimentConfig) -> DatasetVersion:
    """The newest version of the experiment's dataset that was made with the same options.

    Raises:
        RequestError: there is none.
        ManifestError: those that there are are damaged; it says how the newest is.
    """
    root, dataset = datasets_uri(experiment.environment), experiment.dataset
    damaged: list[ManifestError] = []
    versions = list_versions(root, dataset.name, damaged=damaged)
    for manifest in versions:
        if _made_with(manifest) == _options(dataset):
            return _placed(root, manifest)
    if damaged and not versions:
        raise damaged[0]
    found = f"{len(versions)} made with other options" if versions else "none"
    raise RequestError(
        f"a version of dataset {dataset.name} in {root}",
        found=found,
        mend=f"run sparkgen ingest conf/datasets/{dataset.name}.yaml with the same --set dataset.*",
    )


def version_by_id(experiment: ExperimentConfig, version: str) -> DatasetVersion:
    """The version of the experiment's dataset with this id; a `ManifestError` where it is missing."""
    root = datasets_uri(experiment.environment)
    return _placed(root, read_manifest(f"{root}/{experiment.dataset.name}/{version}"))


def with_classes(experiment: ExperimentConfig, manifest: Manifest) -> ExperimentConfig:
    """The experiment with the class names of its dataset version, which it may leave to the source."""
    dataset = experiment.dataset.model_copy(update={"class_names": manifest.class_names})
    return experiment.model_copy(update={"dataset": dataset})


def _placed(root: str, manifest: Manifest) -> DatasetVersion:
    return DatasetVersion(f"{root}/{manifest.name}/{manifest.version}", manifest)


def _options(dataset: DatasetConfig) -> dict[str, Any]:
    """The configuration without its source."""
    # Of a source without classes, versions have those names that stand for none.
    no_classes = dataset.class_names in (None, NO_CLASSES)
    return dataset.model_dump(
        mode="json", exclude={"source", "class_names"} if no_classes else {"source"}
    )


def _made_with(manifest: Manifest) -> dict[str, Any] | None:
    """The configuration of a version without its source; None where this release cannot read it."""
    # Lanes and labels come back from JSON as lists; so do they from the request's dump.
    config = {key: value for key, value in manifest.config.items() if key != "source"}
    try:
        made = DatasetConfig.model_validate({**config, "source": {"format": "builtin"}})
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        log.warning("left out version %s: %s: %s", manifest.version, key, first["msg"])
        return None
    return _options(made)
