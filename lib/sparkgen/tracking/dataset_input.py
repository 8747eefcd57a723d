"""Describes a dataset version as MLflow's pages show it: where it lies, its columns, its counts."""

import json
from typing import Any

from sparkgen.credentials import hide
from sparkgen.datasets.manifest import Manifest

TYPES = {"int32": "integer", "int64": "long", "binary": "binary", "string": "string"}
"""MLflow's names for the types of Parquet columns."""
MOST_CLASSES = 50
"""Of more classes the counts are not shown: the manifest has them."""


def dataset_input(manifest: Manifest, version_uri: str) -> Any:
    """The `mlflow.entities.DatasetInput` of a training on a dataset version.

    Args:
        manifest: of the version.
        version_uri: the folder of the version.
    """
    from mlflow.entities import Dataset, DatasetInput, InputTag

    dataset = Dataset(
        name=manifest.name,
        digest=manifest.version,
        source_type="local",
        source=json.dumps({"uri": hide(version_uri)}),
        schema=json.dumps({"mlflow_colspec": _columns(manifest)}),
        profile=json.dumps(_profile(manifest)),
    )
    return DatasetInput(dataset, tags=[InputTag("mlflow.data.context", "training")])


def _columns(manifest: Manifest) -> list[dict[str, Any]]:
    from mlflow.types import ColSpec, Schema

    schema = manifest.spec.record.schema
    columns = [ColSpec(TYPES[str(field.type)], field.name) for field in schema]
    return list(Schema(columns).to_dict())


def _profile(manifest: Manifest) -> dict[str, Any]:
    record, names = manifest.spec.record, manifest.class_names
    profile: dict[str, Any] = {
        "num_rows": sum(split.rows for split in manifest.splits.values()),
        "rows": {name: split.rows for name, split in manifest.splits.items()},
        "record": str(record),
        "shape": list(record.shape),
        "dtype": str(record.dtype),
        "values": record.values,
    }
    if len(names) <= MOST_CLASSES:
        profile["rows_by_class"] = {
            name: {names[label]: count for label, count in split.label_counts.items()}
            for name, split in manifest.splits.items()
        }
    further = ("texts", "quarantined", "unused", "captions", "copies")
    return profile | {name: value for name in further if (value := getattr(manifest, name))}
