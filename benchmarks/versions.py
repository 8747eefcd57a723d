"""What several benchmarks start from: a dataset version of MNIST, a model, a registered model."""

from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.load import load_experiment
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.models.portable import PortableModel, pack

EXPERIMENTS = Path("conf/experiments")


class Version(NamedTuple):
    """A dataset version and where it is."""

    uri: str
    manifest: Manifest


def mnist_version(spark: Any, folder: Path, train: Path, test: Path | None = None) -> Version:
    """Ingests libsvm files into `folder`, which is to be empty; no rows are set aside."""
    from sparkgen.ingest.ingest import ingest

    config = DatasetConfig.model_validate(
        {
            "name": "mnist",
            "source": {"format": "libsvm", "train": str(train), "test": test and str(test)},
            "shape": [28, 28, 1],
            "class_names": [str(i) for i in range(10)],
            "validation_fraction": 0.0,
        }
    )
    manifest = ingest(spark, config, datasets_uri=str(folder))
    return Version(f"{folder}/mnist/{manifest.version}", manifest)


def experiment_of(name: str, root: Path, *overrides: str) -> ExperimentConfig:
    """An experiment of conf/experiments, with all that it makes under `root`."""
    return load_experiment(EXPERIMENTS / f"{name}.yaml", overrides=overrides, root=str(root))


def fresh_model(experiment: ExperimentConfig, version: Version, folder: Path) -> PortableModel:
    """The experiment's model, saved into `folder` as it was born: weights do not change the time.

    It is made in a process of its own, so that this one has not yet chosen TensorFlow's threads.
    """
    from benchmarks.processes import in_new_process

    in_new_process(_save, experiment, version, str(folder))
    return pack(folder)


def _save(experiment: ExperimentConfig, version: Version, folder: str) -> None:
    import keras

    from sparkgen.datasets.records import DataSpec, ImageRecord
    from sparkgen.models.discovery import build_model
    from sparkgen.models.saving import save_model

    keras.utils.set_random_seed(0)
    model, shape = experiment.model, tuple(version.manifest.shape)
    spec = DataSpec(ImageRecord(shape), len(version.manifest.class_names))
    built = build_model(model.name, model.options, spec, experiment.density)
    save_model(folder, built, name=model.name, options=model.options, density=experiment.density)
