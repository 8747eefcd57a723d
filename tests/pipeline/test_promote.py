"""Promotion on a real registry, of models that were never trained."""

import json
import shutil
from pathlib import Path

import keras
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.errors import ModelError, RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.models.discovery import build_model
from sparkgen.models.encoder_decoder import EncoderDecoder
from sparkgen.models.portable import PortableModel, Spec
from sparkgen.models.saving import save_model
from sparkgen.pipeline import evaluate, promote
from sparkgen.pipeline.figures import log_figures, logged_figures
from sparkgen.pipeline.judging import check_judge, judge_of
from sparkgen.pipeline.train import SAMPLER, subject
from sparkgen.pipeline.version import newest_version
from sparkgen.tracking import registry
from sparkgen.tracking.registry import Candidate
from sparkgen.tracking.runs import open_run
from sparkgen.tracking.server import connect


@pytest.fixture
def request_of(experiment, database: Path, tmp_path: Path, root: Path):
    """The small experiment with a registry of its own and the shared dataset."""
    shutil.copy(database, tmp_path)

    def make(**sections):
        own = {"root": str(tmp_path), "datasets": f"{root}/datasets"}
        return experiment(**{"environment": own, "evaluation": {"samples": 0}, **sections})

    return make


@pytest.fixture
def register(request_of, dataset_version, tmp_path: Path):
    """`register(section={...})`: the next version of an untrained model."""

    def make(**sections) -> registry.ModelVersion:
        request = request_of(**sections)
        keras.utils.set_random_seed(0)
        options = request.model.options
        model = build_model(request.model.name, options, DataSpec(ImageRecord((8, 8, 1)), 10))
        save_model(tmp_path / "model", model, name=request.model.name, options=options)
        version = newest_version(request)
        candidate = Candidate(tmp_path / "model", SAMPLER, request.sampling, version.manifest)
        with open_run(request.environment, subject(request, version)) as run:
            return registry.register(request.environment, request.name, run, candidate)

    return make


def test_a_judge_is_a_model_that_says_it_classifies_whatever_its_name(
    request_of, register, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged = request_of(evaluation={"judge": request_of().name, "samples": 10})
    registry.crown(judged.environment, register())
    with pytest.raises(RequestError, match=r"a classifier of digits as evaluation\.judge"):
        judge_of(judged)
    monkeypatch.setattr(EncoderDecoder, "classifies", True)
    version = register()
    registry.crown(judged.environment, version)
    judge = judge_of(judged)
    assert judge is not None
    assert (judge.version.uri, judge.packed.classifies) == (version.uri, True)


def test_a_judge_of_another_vocabulary_is_refused(request_of) -> None:
    tokens = {"record": "tokens", "shape": [17], "values": 99}
    judged = request_of(dataset=tokens, evaluation={"judge": "someone"})

    def judge_with(values: int) -> PortableModel:
        spec = Spec.of(DataSpec(TokenRecord((17,), values), 10)).model_dump(mode="json")
        return PortableModel(
            json.dumps({"name": "a.b", "spec": spec, "classifies": True}).encode(), b""
        )

    check_judge(judged, judge_with(99))
    told = r"\[17\] and 99 values in 10 classes, found someone, a a\.b of tokens .* 256 values"
    with pytest.raises(RequestError, match=told):
        check_judge(judged, judge_with(256))


def mse(value: float, protocol: str = "p", version: str = "v") -> dict[str, Figure]:
    return {"mse": Figure(value, 0.1, protocol, 40, "digits", version, "test", 0)}


def test_the_champion_moves_only_when_every_gate_holds(request_of, register) -> None:
    request = request_of()
    first = register()
    log_figures(request, first, mse(0.1))
    assert promote.run(request, None) == {"promoted": True, "champion": first.uri, "reasons": []}
    second = register()
    log_figures(request, second, mse(0.19))
    verdict = promote.run(request, None)
    assert verdict["promoted"] is False
    assert verdict["champion"] == first.uri
    assert verdict["reasons"] == [
        "gates[1] mse: 0.19 is worse than the champion's 0.1 by more than max_regression 0.5 of it"
    ]
    log_figures(request, second, mse(0.12))
    assert promote.run(request, None)["champion"] == second.uri
    champion = registry.require(request.environment, request.name, registry.CHAMPION)
    assert champion.version == 2


def test_a_model_that_samples_is_held_to_the_gate_on_memorisation(request_of, register) -> None:
    sampled = request_of(evaluation={"samples": 100})
    version = register()
    copies = mse(0.1)["mse"]._replace(value=0.5)
    log_figures(sampled, version, mse(0.1) | {"memorised": copies})
    assert promote.run(sampled, None)["reasons"] == ["gates[2] memorised: 0.5 is above max 0.05"]
    own = request_of(evaluation={"samples": 100}, gates=[{"metric": "memorised", "max": 0.6}])
    assert promote.run(own, None)["promoted"] is True


def test_a_refused_first_challenger_leaves_no_champion(request_of, register) -> None:
    log_figures(request_of(), register(), mse(0.3))
    verdict = promote.run(request_of(), None)
    assert verdict["champion"] is None
    assert verdict["reasons"] == ["gates[0] mse: 0.3 is above max 0.2"]


def test_a_challenger_must_be_evaluated_first(request_of, register) -> None:
    with pytest.raises(RequestError, match="run sparkgen train first"):
        promote.run(request_of(), None)
    register()
    with pytest.raises(RequestError, match="run sparkgen evaluate first"):
        promote.run(request_of(), None)


def test_evaluation_is_logged_to_the_version_and_its_run(request_of, register, spark) -> None:
    probe = {"labels": [40], "draws": 2}
    request, version = request_of(evaluation={"samples": 0, "probe": probe}), register()
    made = evaluate.run(request, spark)
    assert made["model_uri"] == version.uri
    challenger = registry.require(request.environment, request.name, registry.CHALLENGER)
    figures = logged_figures(request.environment, challenger)
    assert {name: figure.value for name, figure in figures.items()} == made["metrics"]
    logged = connect(request.environment).get_run(version.run_id).data.metrics
    for name in ("mse", "probe_accuracy_40", "probe_over_pca_40"):
        assert logged[f"test_{name}"] == made["metrics"][name]


def test_a_model_that_needs_a_picture_is_evaluated_with_the_rows_that_the_request_gives(
    request_of, register, spark
) -> None:
    sections = {
        "model": {"name": "own.echo", "options": {}},
        "density": {"kind": "prior"},
        "sampling": {"given": {"image": {"from": "rows", "split": "train"}}},
        "evaluation": {"samples": 20},
    }
    register(**sections)
    # It gives back each training row as it is.
    assert evaluate.run(request_of(**sections), spark)["metrics"]["memorised"] == 1.0


def test_weights_that_do_not_fit_are_told_with_their_version(request_of, register, spark) -> None:
    request, version = request_of(), register()
    (path,) = Path(request.environment.root, "artifacts").rglob("model.json")
    described = json.loads(path.read_text())
    described["options"] = {"latent": 9}
    unsealed = {k: v for k, v in described.items() if not k.endswith("_sha256")}
    path.write_text(json.dumps(unsealed))
    with pytest.raises(ModelError, match="weights that fit the description") as told:
        evaluate.run(request, spark)
    assert version.uri in str(told.value)
    assert "\n" not in str(told.value)


def test_a_champion_with_other_figures_sits_the_challengers_exam(
    request_of, register, spark
) -> None:
    request = request_of(gates=[{"metric": "mse", "max_regression": 0.01}])
    first = register()
    log_figures(request, first, mse(0.001, "another protocol"))
    registry.crown(request.environment, first)
    second = register()
    evaluate.run(request, spark)
    # The two models are the same, so on equal terms the challenger is no worse.
    assert promote.run(request, spark)["champion"] == second.uri


def test_figures_of_another_release_are_told_and_left_out(request_of, register, caplog) -> None:
    (name, figure), *_ = mse(0.1).items()
    tags = {"figure_mse": figure.to_json(), "figure_kid": '{"value": 1}', "figure_fid": "{"}
    version = register()._replace(tags=tags)
    assert logged_figures(request_of().environment, version) == {name: figure}
    assert "figure kid of models:/tiny/1" in caplog.text
    assert "figure fid of models:/tiny/1" in caplog.text


def test_a_version_without_a_dataset_is_refused(request_of, register) -> None:
    request, version = request_of(), register()
    client = connect(request.environment)
    client.delete_model_version_tag(version.name, str(version.version), "dataset_version")
    with pytest.raises(RequestError, match=r"a tag dataset_version on models:/tiny/1"):
        evaluate.run(request, None)
