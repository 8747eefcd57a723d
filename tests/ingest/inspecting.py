"""Inspects a path, with a dataset file in a folder `conf` of its own, and ingests by that file."""

from pathlib import Path
from typing import Any

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.load import load_dataset
from sparkgen.config.request import DatasetRequest
from sparkgen.datasets.manifest import Manifest
from sparkgen.ingest.ingest import ingest
from sparkgen.pipeline.inspect import Written, run


def inspected(path: str | Path, folder: Path, **changes: Any) -> Written:
    """The path inspected; `{data}` is the folder `data`."""
    conf = folder / "conf"
    (conf / "environments").mkdir(parents=True, exist_ok=True)
    (conf / "environments" / "local.yaml").write_text("workers: 1\n")
    asked = {"name": None, "file": f"{conf}/datasets/mine.yaml", **changes}
    return run(str(path), EnvironmentConfig(data=str(folder / "data")), **asked)


def loaded(folder: Path) -> DatasetRequest:
    """The request of the dataset file."""
    overrides = (f"environment.data={folder / 'data'}",)
    return load_dataset(folder / "conf" / "datasets" / "mine.yaml", overrides=overrides)


def ingested(spark: Any, folder: Path) -> Manifest:
    """The version that the dataset file makes."""
    return ingest(spark, loaded(folder).dataset, datasets_uri=f"{folder}/out")


def rows_of(manifest: Manifest) -> dict[str, int]:
    return {name: split.rows for name, split in manifest.splits.items()}


def is_short_and_explained(text: str) -> bool:
    """Whether a dataset file has at most six lines, each with a comment."""
    lines = text.splitlines()
    return len(lines) <= 6 and all("  # " in line for line in lines)
