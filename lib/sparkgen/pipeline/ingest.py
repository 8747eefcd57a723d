"""Runs the ingest step: it makes a dataset version from a request."""

from typing import TYPE_CHECKING, Any

from sparkgen.config.request import DatasetRequest

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def run(request: DatasetRequest, spark: "SparkSession") -> dict[str, Any]:
    """Ingests a dataset; returns the values that the command prints.

    Returns:
        `dataset`, `version`, `rows` by split, `quarantined`, the bad records by reason, `unused`,
        what else was in the sources and is not in the version, by reason, and `copies`, how many
        records of one split are exact copies of records of another.
    """
    from sparkgen.ingest.ingest import ingest

    datasets_uri = request.environment.path(request.environment.datasets)
    manifest = ingest(spark, request.dataset, datasets_uri=datasets_uri)
    return {
        "dataset": manifest.name,
        "version": manifest.version,
        "rows": {name: split.rows for name, split in manifest.splits.items()},
        "quarantined": manifest.quarantined,
        "unused": manifest.unused,
        "copies": manifest.copies,
    }
