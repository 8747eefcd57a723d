from sparkgen.config.request import DatasetRequest
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
