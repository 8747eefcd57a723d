import logging
import shutil
from pathlib import Path

import pytest

from sparkgen.datasets.manifest import content_version, write_manifest
from sparkgen.errors import ManifestError, RequestError
from sparkgen.pipeline.version import newest_version, version_by_id


def test_the_version_made_with_the_same_options_is_found(experiment, dataset_version) -> None:
    found = newest_version(experiment())
    assert found.manifest.version == dataset_version
    assert found.uri.endswith(f"/datasets/digits/{dataset_version}")
    assert version_by_id(experiment(), dataset_version) == found


def test_a_version_made_with_other_options_is_not_taken(experiment, dataset_version) -> None:
    with pytest.raises(
        RequestError, match=r"found [12] made with other options: run sparkgen ingest"
    ):
        newest_version(experiment(dataset={"labels": [1, 5, 6]}))


def test_versions_that_are_damaged_or_of_another_release_are_told_and_passed_over(
    experiment, dataset_version, tmp_path: Path, caplog
) -> None:
    whole = newest_version(experiment())
    there = experiment(environment={"root": str(tmp_path)})
    folder = tmp_path / "datasets" / "digits"
    shutil.copytree(whole.uri, folder / dataset_version)
    other = whole.manifest.model_copy(update={"config": {**whole.manifest.config, "odd": 1}})
    other = other.model_copy(update={"version": content_version(other)})
    write_manifest(f"{folder}/{other.version}", other)
    write_manifest(f"{folder}/damaged", whole.manifest)
    with caplog.at_level(logging.WARNING):
        assert newest_version(there).manifest == whole.manifest
    assert f"left out version {other.version}: odd: Extra inputs" in caplog.text
    assert "damaged, found that of version" in caplog.text


def test_where_all_versions_are_damaged_it_is_said_how(
    experiment, dataset_version, tmp_path: Path
) -> None:
    there = experiment(environment={"root": str(tmp_path)})
    folder = tmp_path / "datasets" / "digits" / dataset_version
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(ManifestError, match=f"{folder}, found .*sparkgen ingest again, which rep"):
        newest_version(there)


def test_a_dataset_that_was_never_ingested_is_asked_for(experiment) -> None:
    with pytest.raises(RequestError, match=r"found none: run sparkgen ingest .*unheard_of"):
        newest_version(experiment(dataset={"name": "unheard_of"}))
    with pytest.raises(RequestError, match="run sparkgen ingest"):
        version_by_id(experiment(), "0123456789abcdef")
