"""The model of a training is built of what the driver left in the run's folder: its source, its parts."""

from typing import Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.records import DataSpec, PictureRecord
from sparkgen.datasets.storage import read_bytes
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.models.names import model_names
from sparkgen.models.package import use_package
from sparkgen.models.portable import PACKAGE_FILE, pack
from sparkgen.models.saving import load_packed
from sparkgen.training.device import dtype_policy
from sparkgen.training.request import part_uri, picture_uri


def build(experiment: ExperimentConfig, folder: str, spec: DataSpec) -> GenerativeModel:
    """The model of an experiment, with its variables made, prepared for training.

    Args:
        experiment: the request.
        folder: of the run's checkpoints, a path or URI.
        spec: of the data that it learns from.

    Raises:
        ModelError: a part is gone or damaged.
    """
    config = experiment.model
    if config.name not in model_names():
        # What the driver found on its path, which need not be that of this process.
        use_package(config.name, read_bytes(f"{folder}/{PACKAGE_FILE}"))
    parts = {name: _load_part(part_uri(folder, name)) for name in sorted(config.parts)}
    model = build_model(config.name, config.options, spec, experiment.density, parts)
    model.prepare({name: _picture(picture_uri(folder, name), spec) for name in model.reads})
    return model


def _picture(uri: str, spec: DataSpec) -> Any:
    record = PictureRecord(spec.shape[-1:])
    return record.to_model(record.decode([read_bytes(uri)])[0])[None]


def _load_part(uri: str) -> GenerativeModel:
    # In full precision, whatever the model that stands on it computes in.
    with dtype_policy("float32"):
        return load_packed(pack(uri), called=uri)
