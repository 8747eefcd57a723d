"""Runs the ingest step: it makes a dataset version from a request."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.ingest.fetching.download import fetch_missing
from sparkgen.ingest.sources import source_of
from sparkgen.pipeline.version import datasets_uri

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def fetch_sources(request: DatasetRequest | ExperimentConfig) -> None:
    """Fetches the source files that are missing, where `dataset.download` says where they are.

    Raises:
        RequestError: one cannot be fetched; it says where to get it.
    """
    fetch_missing(request.dataset, source_of(request.dataset), data=request.environment.data)


def run(request: DatasetRequest, spark: "SparkSession") -> dict[str, Any]:
    """Ingests a dataset, whose missing sources it fetches; returns the values that the command prints.

    Returns:
        `dataset`, `version`, `rows` by split, `quarantined`, the bad records by reason, `unused`,
        what else was in the sources and is not in the version, by reason, and `copies`, how many
        records of one split are exact copies of records of another.
    """
    from sparkgen.ingest.ingest import ingest

    fetch_sources(request)
    manifest = ingest(spark, request.dataset, datasets_uri=datasets_uri(request.environment))
    return {
        "dataset": manifest.name,
        "version": manifest.version,
        "rows": {name: split.rows for name, split in manifest.splits.items()},
        "quarantined": manifest.quarantined,
        "unused": manifest.unused,
        "copies": manifest.copies,
    }
