"""A training that starts from a registered version, on a real registry."""

import logging
from pathlib import Path

import pytest

from sparkgen.config.load import parse
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.sealed import unseal
from sparkgen.errors import RequestError
from sparkgen.models.saving import load_model
from sparkgen.pipeline import train
from sparkgen.pipeline.journal import Journal, checkpoint_uri, write_journal
from sparkgen.pipeline.preflight import check
from sparkgen.pipeline.start import model_to_start_from
from sparkgen.tracking import registry
from sparkgen.tracking.server import connect


@pytest.fixture(scope="module")
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("start")


@pytest.fixture
def request_of(experiment, own_root: Path, root: Path):
    """The small experiment with a registry of this module's own and the shared dataset."""

    def make(**sections) -> ExperimentConfig:
        own = {"root": str(own_root), "datasets": f"{root}/datasets", "model_prefix": "our_"}
        training = {"max_steps": 6, "checkpoint_steps": 2, **sections.pop("training", {})}
        return experiment(environment=own, training=training, **sections)

    return make


@pytest.fixture
def source(request_of, dataset_version: str) -> registry.ModelVersion:
    """Version 1 of the model of `tiny`."""
    request = request_of()
    versions = registry.versions(request.environment, "our_tiny")
    if not versions:
        train.run(request, None)
        versions = registry.versions(request.environment, "our_tiny")
    return versions[1]


def test_a_version_without_a_crown_is_named_by_its_number(request_of, source) -> None:
    for named in ("tiny/1", "models:/our_tiny/1"):
        found = model_to_start_from(request_of(training={"start_from": named}))
        assert found is not None
        assert found.uri == source.uri == "models:/our_tiny/1"


def refusal(request: ExperimentConfig) -> str:
    with pytest.raises(RequestError) as error:
        check("train", request)
    return str(error.value)


def test_what_there_is_not_is_refused_and_the_nearest_named(request_of, source) -> None:
    line = refusal(request_of(training={"start_from": "tiny/4"}))
    assert "version 4 of the registered model our_tiny as training.start_from" in line
    assert "found versions 1: name one of them" in line
    environment = request_of().environment
    client = connect(environment)
    client.delete_registered_model_alias("our_tiny", registry.CHAMPION)
    line = refusal(request_of(training={"start_from": "tiny"}))
    assert "found none among its versions 1: sparkgen promote" in line
    registry.crown(environment, source)
    for named in ("tinny", "tinny/1", "models:/our_tinny/1"):
        line = refusal(request_of(training={"start_from": named}))
        assert "found no such model: did you mean tiny?" in line


@pytest.mark.parametrize("named", ["tiny/0", "Tiny", "models:/a'b/1", "tiny/1/2", ""])
def test_a_name_that_no_model_can_have_is_refused_by_the_configuration(request_of, named) -> None:
    values = request_of().model_dump(mode="json")
    values["training"]["start_from"] = named
    with pytest.raises(RequestError, match=r"training\.start_from in it, .* as vae_mnist, vae_mn"):
        parse(ExperimentConfig, values, source="it")


def test_a_started_training_tells_its_source_and_goes_on_without_it(
    request_of, source, caplog: pytest.LogCaptureFixture
) -> None:
    environment = request_of().environment
    registry.crown(environment, source)
    request = request_of(name="second", training={"start_from": "tiny"})
    with caplog.at_level(logging.INFO):
        first = train.run(request, None)
    assert f"started from {source.uri}: took" in caplog.text
    client, run_id = connect(environment), first["run_id"]
    tags = client.get_run(run_id).data.tags
    assert tags["sparkgen.started_from"] == source.uri
    assert tags["sparkgen.started_from_run"] == source.run_id
    assert "start.json" in [file.path for file in client.list_artifacts(run_id)]
    weights = _learnt(f"{checkpoint_uri(request, run_id)}/model")

    # As if it had been killed after two steps, and another model had become champion since.
    folder = Path(checkpoint_uri(request, run_id))
    for file in sorted(folder.glob("checkpoint-*"))[1:]:
        file.unlink()
    _mark_unfinished(request, run_id)
    client.delete_registered_model_alias("our_tiny", registry.CHAMPION)
    check("train", request, resume=True)
    again = train.run(request, None, resume=True)
    assert again["run_id"] == run_id
    assert _learnt(folder / "model") == weights
    version = registry.versions(environment, "our_second")[2]
    assert version.tags["started_from"] == source.uri
    assert version.tags["started_from_run"] == source.run_id
    assert "started_from" not in source.tags


def _mark_unfinished(request: ExperimentConfig, run_id: str) -> None:
    path = Path(checkpoint_uri(request, run_id), "run.json")
    noted = unseal(path.read_bytes())
    write_journal(request, Journal(**{**noted, "finished": False}))


def _learnt(folder: Path | str) -> list[bytes]:
    return [v.numpy().tobytes() for v in load_model(folder).weights]
