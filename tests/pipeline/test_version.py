import pytest

from sparkgen.datasets.manifest import write_manifest
from sparkgen.errors import RequestError
from sparkgen.pipeline.version import newest_version, version_by_id


def test_the_version_made_with_the_same_options_is_found(experiment, dataset_version) -> None:
    found = newest_version(experiment())
    assert found.manifest.version == dataset_version
    assert found.uri.endswith(f"/datasets/digits/{dataset_version}")
    assert version_by_id(experiment(), dataset_version) == found


def test_a_version_made_with_other_options_is_not_taken(experiment, dataset_version) -> None:
    with pytest.raises(RequestError, match=r"found 1 made with other options: run sparkgen ingest"):
        newest_version(experiment(dataset={"labels": [1, 5, 6]}))


def test_a_dataset_that_was_never_ingested_is_asked_for(experiment) -> None:
    with pytest.raises(RequestError, match=r"found none: run sparkgen ingest .*unheard_of"):
        newest_version(experiment(dataset={"name": "unheard_of"}))
    with pytest.raises(RequestError, match="run sparkgen ingest"):
        version_by_id(experiment(), "0123456789abcdef")


def test_a_version_of_options_that_are_refused_by_now_is_passed_over(
    experiment, dataset_version, tmp_path
) -> None:
    found = newest_version(experiment())
    config = {**found.manifest.config, "seed": 2**40}
    old = found.manifest.model_copy(update={"config": config})
    write_manifest(f"{tmp_path}/datasets/digits/{dataset_version}", old)
    with pytest.raises(RequestError, match="found 1 made with other options"):
        newest_version(experiment(environment={"root": str(tmp_path)}))
