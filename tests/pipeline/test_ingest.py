from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sparkgen.config.request import DatasetRequest
from sparkgen.datasets.manifest import read_manifest
from sparkgen.pipeline import ingest


def test_every_record_of_the_sources_is_in_the_result_as_used_or_not(
    experiment, dataset_version: str, spark
) -> None:
    request = experiment()
    made = ingest.run(
        DatasetRequest(dataset=request.dataset, environment=request.environment), spark
    )
    assert made["version"] == dataset_version
    assert sum(made["rows"].values()) + made["unused"]["beyond-limit"] == 1797
    assert set(made["unused"]) == {"beyond-limit"}
    assert made["quarantined"] == {}


def test_a_version_lies_below_a_relative_root_though_executors_have_other_working_directories(
    experiment,
    dataset_version: str,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    request = experiment(environment={"root": "runs"})
    made = ingest.run(
        DatasetRequest(dataset=request.dataset, environment=request.environment), spark
    )
    assert made["version"] == dataset_version
    folder = tmp_path / "runs" / "datasets" / "digits" / dataset_version
    for file in read_manifest(str(folder)).all_files(str(folder)):
        file.read()  # which holds it to its SHA-256
