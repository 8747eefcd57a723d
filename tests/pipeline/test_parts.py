"""A model that stands on a registered one, from its request to its samples, on a real registry."""

from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from strangers import sample_as_a_stranger

from sparkgen.config.load import parse
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.sealed import unseal
from sparkgen.errors import RequestError
from sparkgen.evaluation.sample_figures import read_records
from sparkgen.models.portable import pack
from sparkgen.models.saving import load_model
from sparkgen.pipeline import evaluate, promote, sample, train
from sparkgen.pipeline.journal import Journal, checkpoint_uri, write_journal
from sparkgen.pipeline.parts import parts_at_hand
from sparkgen.pipeline.preflight import check, check_rows
from sparkgen.pipeline.sample import sample_version
from sparkgen.pipeline.version import newest_version
from sparkgen.tracking import registry
from sparkgen.tracking.server import connect

CLASSIFIER = {"name": "discriminative.full_classifier", "options": {"filters": 2, "hidden": 8}}


@pytest.fixture(scope="module")
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parts")


@pytest.fixture
def request_of(experiment, own_root: Path, root: Path):
    """The small experiment with a registry of this module's own and the shared dataset."""

    def make(**sections) -> ExperimentConfig:
        own = {"root": str(own_root), "datasets": f"{root}/datasets", "model_prefix": "our_"}
        return experiment(
            environment=own,
            density={"kind": "prior"},
            gates=[],
            evaluation={"samples": 8},
            **sections,
        )

    return make


@pytest.fixture
def standing(request_of):
    """`standing(part)`: the request of a model on the classifier that it names, without training."""

    def make(part: str = "sure", name: str = "images") -> ExperimentConfig:
        model = {"name": "optimised.activation_maximisation", "parts": {"classifier": part}}
        values = request_of(name=name).model_dump(mode="json")
        del values["training"]
        options = {"steps": 3}
        values["sampling"] |= {"options": options, "count": 20}
        return ExperimentConfig.model_validate({**values, "model": model})

    return make


@pytest.fixture
def classifier(request_of, dataset_version: str) -> registry.ModelVersion:
    """Version 1 of the model of `sure`."""
    request = request_of(name="sure", model=CLASSIFIER, training={"max_steps": 6})
    versions = registry.versions(request.environment, "our_sure")
    if not versions:
        train.run(request, None)
        versions = registry.versions(request.environment, "our_sure")
    registry.crown(request.environment, versions[1])
    return versions[1]


def refusal(request: ExperimentConfig) -> str:
    with pytest.raises(RequestError) as error:
        check("train", request)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_cannot_be_a_part_is_refused_before_a_run_is_opened(
    standing, request_of, classifier
) -> None:
    line = refusal(standing("sure/4"))
    assert "version 4 of the registered model our_sure as model.parts.classifier" in line
    assert "a champion of our_shure as model.parts.classifier" in refusal(standing("shure"))
    own = {"name": "own.guided", "options": {}, "parts": {"classifier": "sure/1"}}
    for name, model in (("plain", {}), ("guided", own)):
        train.run(request_of(name=name, training={"max_steps": 1}, model=model), None)
    line = refusal(standing("plain/1"))
    assert "a classifier of images of shape [8, 8, 1] in 10 classes as model.parts.class" in line
    assert "found reconstruction.dense_autoencoder of images of shape [8, 8, 1] in 10" in line
    line = refusal(standing("guided/1"))
    assert (
        "a model of sparkgen's own as model.parts.classifier, found guided/1, which is own.g"
        in line
    )
    check("train", standing("models:/our_sure/1"))
    assert not Path(checkpoint_uri(standing(), "any")).parent.exists()


def test_a_name_that_no_model_can_have_is_refused_by_the_configuration(standing) -> None:
    values = standing().model_dump(mode="json")
    values["model"]["parts"]["classifier"] = "Sure"
    with pytest.raises(RequestError, match=r"model\.parts\.classifier in it, .* as vae_mnist, "):
        parse(ExperimentConfig, values, source="it")


def test_a_request_without_parts_is_written_as_by_older_releases(request_of, standing) -> None:
    assert set(request_of().model_dump(mode="json")["model"]) == {"name", "options"}
    assert standing().model_dump(mode="json")["model"]["parts"] == {"classifier": "sure"}


def test_a_model_that_learns_nothing_is_registered_with_its_part_and_its_lineage(
    standing, classifier, caplog: pytest.LogCaptureFixture
) -> None:
    request = standing()
    environment = request.environment
    result = train.run(request, None)
    assert set(result["metrics"]) == {"training_seconds", "parameters"}
    client, run_id = connect(environment), result["run_id"]
    run = client.get_run(run_id)
    assert run.data.metrics["parameters"] == 0
    assert run.data.tags["sparkgen.part_classifier"] == classifier.uri == "models:/our_sure/1"
    assert run.data.tags["sparkgen.part_classifier_run"] == classifier.run_id
    report = [file.path for file in client.list_artifacts(run_id, "report")]
    assert report == ["report/samples.png"]
    assert "no " not in caplog.text
    challenger = registry.require(environment, "images", registry.CHALLENGER)
    assert challenger.uri == result["model_uri"]
    assert challenger.tags["part_classifier"] == classifier.uri
    assert challenger.tags["part_classifier_run"] == classifier.run_id
    folder = Path(checkpoint_uri(request, run_id))
    part = pack(folder / "parts" / "classifier")
    assert _weights(folder / "model") == _weights(folder / "parts" / "classifier")
    assert part.description["name"] == CLASSIFIER["name"]
    assert unseal((folder / "run.json").read_bytes())["finished"] is True


def test_a_training_that_goes_on_needs_no_champion_any_more(standing, classifier) -> None:
    request = standing(name="resumed")
    environment = request.environment
    run_id = train.run(request, None)["run_id"]
    path = Path(checkpoint_uri(request, run_id), "run.json")
    write_journal(request, Journal(**{**unseal(path.read_bytes()), "finished": False}))
    weights = _weights(path.parent / "model")
    connect(environment).delete_registered_model_alias("our_sure", registry.CHAMPION)
    assert "found none among its versions 1" in refusal(request)
    check("train", request, resume=True)
    manifest = newest_version(request).manifest
    assert check_rows(request, manifest, parts_at_hand(request, resume=True)).learns == "nothing"
    again = train.run(request, None, resume=True)
    assert again["run_id"] == run_id
    assert _weights(path.parent / "model") == weights
    version = registry.versions(environment, "our_resumed")[2]
    assert version.tags["part_classifier"] == classifier.uri
    with pytest.raises(RequestError, match="an unfinished run of resumed"):
        check("train", request, resume=True)


def test_it_is_evaluated_promoted_and_sampled_and_its_sampler_needs_nothing_else(
    standing, classifier, spark: SparkSession
) -> None:
    request = standing(name="sampled")
    train.run(request, None)
    assert "memorised" in evaluate.run(request, spark)["metrics"]
    assert promote.run(request, spark)["promoted"] is True
    assert sample.run(request, spark)["count"] == 20
    version = registry.require(request.environment, "sampled", registry.CHAMPION)
    made = sample_version(request, version, request.sampling, spark)
    images = read_records(made.files, made.sample_set.record)
    ids, options = [0, 2, 13], {"seed": 0, "batch_rows": 10, "steps": 3}
    found = sample_as_a_stranger(
        request.environment, version, {"id": ids, "label": [i % 10 for i in ids]}, options
    )
    assert found == [(i, images[i].tobytes()) for i in ids]
    assert len(np.unique(images, axis=0)) == 20


def _weights(folder: Path) -> list[bytes]:
    return [v.numpy().tobytes() for v in load_model(folder).weights]
