"""What is refused before anything costly, on the small experiment."""

import resource
from pathlib import Path
from typing import Any

import pytest
from words import BAD, GOOD, OTHER, text_spec, tokenizer_of_words

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.experiment import DensityConfig, SamplingConfig
from sparkgen.config.load import load_experiment, parse
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import FileEntry, Manifest, SplitEntry
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord, record_of
from sparkgen.errors import RequestError
from sparkgen.models.adversarial._base import AdversarialModel
from sparkgen.models.autoregressive.naive_bayes import NaiveBayes
from sparkgen.models.contract import LABEL, GenerativeModel, Given
from sparkgen.models.discovery import build_model, outline
from sparkgen.models.portable import pack
from sparkgen.models.reconstruction._base import Autoencoder
from sparkgen.models.saving import save_model
from sparkgen.pipeline import places
from sparkgen.pipeline.judging import appraised, check_appraised
from sparkgen.pipeline.named import NamedModel
from sparkgen.pipeline.parts import blueprints, tokenizer_to_come
from sparkgen.pipeline.places import check_places
from sparkgen.pipeline.preflight import check, check_held_out, check_rows
from sparkgen.sampling.check import check_sampling

DDPM = {
    "name": "diffusion.ddpm",
    "options": {"channels": [8], "embedding": 8, "steps": 20, "sampling_steps": 4},
}
DENOISING = {"name": "reconstruction.denoising_autoencoder", "options": {"latent": 4}}
GUIDED = {**DDPM, "options": {**DDPM["options"], "conditional": True}}
NO_DENSITY = {"density": {"kind": "prior"}, "gates": []}


@pytest.fixture
def refusal(experiment):
    """`refusal(step, section={...})`: the line with which the small experiment is refused so."""

    def refused(step: str = "run", **sections: Any) -> str:
        with pytest.raises(RequestError) as error:
            check(step, experiment(**sections))
        assert "\n" not in str(error.value)
        return str(error.value)

    return refused


def manifest(experiment, train: int, counts: dict[int, int] | None = None, **held_out: int):
    """A version of the digits of so many training rows in 8 files, and of other splits."""

    def split(rows: int, files: int) -> SplitEntry:
        sizes = [(rows + k) // files for k in range(files)]
        entries = [
            FileEntry(path=str(k), rows=n, bytes=0, sha256="0" * 64) for k, n in enumerate(sizes)
        ]
        labels = counts or dict.fromkeys(range(10), 1)
        return SplitEntry(rows=rows, label_counts=labels, files=tuple(entries))

    dataset = experiment.dataset
    return Manifest(
        name=dataset.name,
        version="0123456789abcdef",
        shape=dataset.shape,
        class_names=dataset.class_names,
        lanes=dataset.lanes,
        splits={"train": split(train, 8), **{k: split(n, 1) for k, n in held_out.items()}},
        quarantined={},
        sources=(),
        config={},
        libraries={},
    )


def test_the_small_experiment_is_a_right_request(experiment) -> None:
    request = experiment()
    for step in ("train", "run"):
        check(step, request)
    rows = manifest(request, 400, test=40)
    check_rows(request, rows)
    check_held_out(request, rows)


@pytest.mark.parametrize(
    ("model", "sampling", "line"),
    [
        (GUIDED, {"options": {"guidence": 2.0}}, "found guidence: did you mean guidance?"),
        (
            DDPM,
            {"options": {"guidance": 2.0}},
            "sampling.options among steps, temperature, those of",
        ),
        (GUIDED, {"options": {"guidance": "2"}}, "of the type of its default 1.0, found '2'"),
        (GUIDED, {"options": {"steps": 21}}, "sampling.options.steps from 1 to 20, found 21"),
        (DDPM, {"label": 3}, "no sampling.label for diffusion.ddpm, which is not conditional"),
        (GUIDED, {"label": 10}, "sampling.label among 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        (GUIDED, {"given": {"label": {"from": "one", "value": 99}}}, "label.value among 0, 1, 2"),
        (GUIDED, {"given": {"label": {"from": "mask"}}}, "found mask, which gives pictures"),
        (DENOISING, {"given": {"image": {"from": "in_turn"}}}, "found in_turn, which gives labels"),
        (DENOISING, {"given": {"image": {"from": "one", "value": 1}}}, "which gives a label"),
    ],
)
@pytest.mark.parametrize("step", ["train", "run"])
def test_what_the_model_cannot_sample_is_refused_before_its_training(
    refusal, step: str, model: dict, sampling: dict, line: str
) -> None:
    assert line in refusal(step, model=model, sampling=sampling, **NO_DENSITY)


@pytest.mark.parametrize("step", ["train", "run"])
def test_rows_of_a_split_that_the_dataset_will_not_have_are_refused(refusal, step: str) -> None:
    def line(split: str, **dataset: Any) -> str:
        given = {"image": {"from": "rows", "split": split}}
        sections = {"model": DENOISING, "sampling": {"given": given}, "dataset": dataset}
        return refusal(step, **sections, **NO_DENSITY)

    found = line("validation", validation_fraction=0)
    assert "a split as sampling.given.image.split that dataset digits has" in found
    assert "set dataset.validation_fraction" in found
    source = {"format": "libsvm", "train": "/x"}
    assert "name a test split in dataset.source" in line("test", source=source)


def test_a_source_that_is_yet_to_be_fetched_may_have_a_test_split(
    experiment, tmp_path: Path
) -> None:
    path = f"{tmp_path}/cifar-10-binary.tar.gz"
    file = {"url": "http://127.0.0.1:9/x", "path": "cifar-10-binary.tar.gz", "size": 1}
    dataset = {"source": {"format": "cifar", "path": path}, "download": {"files": [file]}}
    dataset["shape"] = [32, 32, 3]
    request = experiment(dataset=dataset)
    environment = request.environment.model_copy(update={"data": str(tmp_path)})
    check("run", request.model_copy(update={"environment": environment}))
    with pytest.raises(RequestError, match=r"source files that are there, found none at .*cifar"):
        check("run", experiment(dataset={**dataset, "download": None}))


def test_more_samples_than_rows_to_give_are_refused_when_the_rows_are_known(experiment) -> None:
    sampling = {"count": 30, "given": {"image": {"from": "rows"}}}
    request = experiment(model=DENOISING, sampling=sampling, **NO_DENSITY)
    check_rows(request, manifest(request, 400, test=30))
    with pytest.raises(RequestError, match=r"sampling\.count up to the 29 rows .* found 30"):
        check_rows(request, manifest(request, 400, test=29))


def test_png_of_what_is_no_picture_is_refused() -> None:
    takes: dict[str, Any] = {"takes": {}, "options": {}, "ranges": {}, "model": "any"}
    spec = DataSpec(TokenRecord((4,), 10), 1)
    takes["makes"] = spec.record
    check_sampling(SamplingConfig(), spec=spec, **takes)
    with pytest.raises(RequestError, match=r"no sampling\.png for records of tokens"):
        check_sampling(SamplingConfig(png=True), spec=spec, **takes)


def test_samples_that_are_judged_are_given_what_the_model_needs(experiment) -> None:
    given = {
        "image": {"from": "rows"},
        "label": {"from": "one", "value": 3},
        "known": {"from": "mask"},
    }
    request = experiment(sampling={"given": given}, evaluation={"samples": 40})
    takes = {
        "image": Given("record", ImageRecord((8, 8, 1))),
        "known": Given("record", ImageRecord((8, 8, 1)), required=False, needs=("image",)),
        **LABEL,
    }
    assert appraised(request, takes).given == {"image": {"from": "rows"}}
    optional = {name: one._replace(required=False) for name, one in takes.items()}
    assert appraised(request, optional).given == {}
    spec = DataSpec(ImageRecord((8, 8, 1)), 10)
    check_appraised(request, takes, spec, manifest(request, 400, test=40))
    with pytest.raises(RequestError, match=r"evaluation\.samples up to the 39 rows .* found 40"):
        check_appraised(request, takes, spec, manifest(request, 400, test=39))


def test_a_label_that_the_dataset_leaves_out_is_refused(refusal) -> None:
    line = refusal(model=GUIDED, dataset={"labels": [5, 1]}, sampling={"label": 2}, **NO_DENSITY)
    assert "sampling.label among 1, 5, those of the training rows, found 2" in line


def test_a_label_without_rows_is_refused_when_the_rows_are_known(experiment) -> None:
    request = experiment(model=GUIDED, sampling={"label": 2}, **NO_DENSITY)
    check("run", request)
    with pytest.raises(RequestError, match=r"sampling\.label among 1, 5, .* found 2"):
        check_rows(request, manifest(request, 400, {1: 200, 2: 0, 5: 200}))


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"model": {"name": "variational.vea"}}, "did you mean variational.vae?"),
        ({"model": {"options": {"laten": 3}}}, "did you mean latent?"),
        ({"model": {"options": {"encoder_activation": "rleu"}}}, "did you mean relu?"),
        ({"training": {"method": "counting"}}, "training.method gradient for reconstruction."),
        (
            {
                "model": {"name": "autoregressive.naive_bayes", "options": {}},
                "density": {"kind": "prior"},
                "training": {"early_stopping": {"patience": 1}},
            },
            "no training.early_stopping where a model learns by counting",
        ),
        (
            {
                "model": {"name": "autoregressive.naive_bayes", "options": {}},
                "density": {"kind": "prior"},
                "training": {"start_from": "naive_bayes"},
            },
            "no training.start_from where a model learns by counting, found naive_bayes",
        ),
        ({"training": {"start_from": "nobody"}}, "a champion of nobody as training.start_from"),
        ({"training": {"optimizer": {"options": {"clipnrm": 1}}}}, "did you mean clipnorm?"),
        (
            {"training": {"optimizers": {"critic": {}}}},
            "groups model, found critic: choose one of model",
        ),
        ({"environment": {"workers": 2}}, "environment.workers 1 for the launcher in-process"),
        (
            {
                "model": {"name": "discriminative.full_classifier", "options": {}},
                **NO_DENSITY,
                "training": {"jit_compile": True},
                "environment": {"launcher": "local", "workers": 2},
            },
            "batch normalisations, whose moments are exchanged within a step, found 2 workers",
        ),
        (
            {"density": {"kind": "mixture", "components": 30, "rows": 20}},
            "30 encoded training rows",
        ),
        ({"gates": [{"metric": "kid", "max": 1}]}, "a figure of reconstruction.dense_autoencoder"),
        ({"gates": [{"metric": "mze", "max": 1}]}, "did you mean mse?"),
        ({"evaluation": {"judge": "nobody"}}, "a champion of nobody as evaluation.judge"),
        (
            {"model": {"name": "autoregressive.made", "options": {}}, "evaluation": {"probe": {}}}
            | {"density": {"kind": "prior"}, "gates": []},
            "a model with latents or features for evaluation.probe, found autoregressive.made",
        ),
        (
            {"gates": [{"metric": "probe_accuracy_50", "min": 0}], "evaluation": {"probe": {}}},
            "did you mean probe_accuracy_100?",
        ),
        (
            {"dataset": {"validation_fraction": 0}, "evaluation": {"split": "validation"}},
            "set dataset.validation_fraction",
        ),
        (
            {"dataset": {"source": {"format": "libsvm", "train": "/x"}}},
            "name a test split in dataset.source",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused_before_the_ingest(
    refusal, sections: dict, line: str
) -> None:
    assert line in refusal(**sections)


COMPILED = {"training": {"jit_compile": True}, "environment": {"launcher": "local", "workers": 2}}
SLICED = {"training": {"accumulate": 2}}


def test_a_step_of_a_models_own_that_does_not_say_it_heeds_settings_is_not_asked_to(
    refusal, experiment, monkeypatch
) -> None:
    gan = {"model": {"name": "adversarial.gan", "options": {"latent": 4}}, **NO_DENSITY}
    for sections in ({}, gan):
        for asked in (COMPILED, SLICED):
            check("train", experiment(**asked, **sections))
    for kind in (Autoencoder, AdversarialModel):
        monkeypatch.setattr(kind, "train_step", lambda self, data: {}, raising=False)
    check("train", experiment(training={"jit_compile": True}))  # of one worker it is the whole step
    check("train", experiment(**COMPILED, **gan))  # declares it
    line = "the model overrides train_step and does not declare heeds_settings beside it, found 2"
    assert line in refusal("train", **COMPILED)
    assert line in refusal("train", **SLICED)
    monkeypatch.setattr(Autoencoder, "heeds_settings", True, raising=False)
    for asked in (COMPILED, SLICED):
        check("train", experiment(**asked))


COUNTED = {
    "model": {"name": "autoregressive.naive_bayes", "options": {}},
    "density": {"kind": "prior"},
    "gates": [],
}


@pytest.mark.parametrize(
    "training",
    [
        {"optimizer": {"learning_rate": 0.1}},
        {"optimizers": {"model": {}}},
        {"mixed_precision": True},
        {"compression": "fp16"},
        {"ema_momentum": 0.9},
        {"jit_compile": True},
        {"ema_momentum": 0.9, "jit_compile": True},
    ],
)
def test_what_counting_has_no_use_for_is_refused_by_name(refusal, training: dict) -> None:
    line = refusal(**COUNTED, training={"optimizer": {}, **training})
    assert f"a model learns by counting, found {', '.join(training)}: remove them" in line


def test_steps_that_counting_does_not_take_are_told(experiment, caplog) -> None:
    check("train", experiment(**COUNTED, training={"optimizer": {}, "max_steps": 5}))
    assert "training.max_steps has no effect: autoregressive.naive_bayes" in caplog.text


def test_a_model_is_counted_only_where_it_has_statistics(refusal, experiment, monkeypatch) -> None:
    request = experiment(**COUNTED, training={"optimizer": {}})
    check("train", request)
    monkeypatch.delattr(NaiveBayes, "fit_statistics")
    line = refusal("train", **COUNTED, training={"optimizer": {}})
    assert "which learns by counting, found no fit_statistics: write them" in line


STEPS = {"optimizer": {}, "epochs": 2, "batch_size": 32, "seed": 3}


@pytest.fixture
def learns_nothing(monkeypatch) -> None:
    """The model of the small experiment learns nothing."""
    monkeypatch.setattr(GenerativeModel, "learns", "nothing")


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"training": {"optimizer": {"learning_rate": 0.1}}}, "of gradient steps in training"),
        ({"training": {"ema_momentum": 0.9}}, "found ema_momentum: remove them"),
        ({"training": {"early_stopping": {}}}, "no training.early_stopping where a model learns"),
        ({"training": {"start_from": "tiny"}}, "no training.start_from where a model learns"),
        ({"training": {"method": "gradient"}}, "training.method nothing for reconstruction."),
        ({"density": {"kind": "full"}}, "density.kind prior for reconstruction.dense_autoencoder"),
    ],
)
def test_what_a_model_that_learns_nothing_has_no_use_for_is_refused(
    refusal, learns_nothing, sections: dict, line: str
) -> None:
    training = {"optimizer": {}, **sections.get("training", {})}
    assert line in refusal("train", **{**NO_DENSITY, **sections, "training": training})


def test_steps_that_a_model_that_learns_nothing_does_not_take_are_told(
    experiment, learns_nothing, caplog
) -> None:
    check("train", experiment(**NO_DENSITY, training=STEPS))
    told = [line.partition(" has no effect: ") for line in caplog.messages]
    assert [key for key, *_ in told] == [
        f"training.{key}" for key in ("epochs", "batch_size", "checkpoint_steps")
    ]
    assert {why for *_, why in told} == {"reconstruction.dense_autoencoder learns nothing"}


@pytest.mark.parametrize("key", ["epochs", "batch_size"])
def test_a_model_that_learns_needs_epochs_and_a_batch_size(refusal, key: str) -> None:
    line = f"training.{key} of 1 or more for reconstruction.dense_autoencoder, which learns"
    assert f"{line}, found 0: set it" in refusal("train", training={key: 0})


def test_an_experiment_may_do_without_training_where_its_model_learns_nothing(
    experiment, learns_nothing, monkeypatch, caplog
) -> None:
    values = experiment(**NO_DENSITY).model_dump(mode="json")
    del values["training"]
    request = ExperimentConfig.model_validate(values)
    check("train", request)
    assert caplog.messages == []
    monkeypatch.setattr(GenerativeModel, "learns", "gradient")
    with pytest.raises(RequestError, match=r"training\.epochs of 1 or more .* found none: set it"):
        check("train", request)


@pytest.mark.parametrize(
    ("model", "line"),
    [
        (
            {"name": "optimised.activation_maximisation", "options": {}},
            "expected model.parts.classifier for optimised.activation_maximisation, which stands on",
        ),
        (
            {
                "name": "optimised.activation_maximisation",
                "options": {},
                "parts": {"classifer": "any"},
            },
            "found classifer: did you mean classifier?",
        ),
        (
            {"parts": {"classifier": "any"}},
            "no model.parts for reconstruction.dense_autoencoder, found classifier: remove it",
        ),
        (
            {
                "name": "optimised.activation_maximisation",
                "options": {},
                "parts": {"classifier": "nobody/2"},
            },
            "version 2 of the registered model nobody as model.parts.classifier",
        ),
    ],
)
def test_parts_that_a_model_has_not_or_that_there_are_not_are_refused(
    refusal, model: dict, line: str
) -> None:
    assert line in refusal("train", model=model, **NO_DENSITY)


def test_a_gate_may_ask_for_every_figure_of_a_judge(experiment) -> None:
    request = experiment(
        gates=[{"metric": "kid", "max": 1}], evaluation={"judge": "someone", "samples": 10}
    )
    with pytest.raises(RequestError, match="a champion of someone"):
        check("run", request)


def test_a_mixture_of_more_components_than_rows_is_refused_before_training(experiment) -> None:
    request = experiment(density={"kind": "mixture", "components": 30})
    check_rows(request, manifest(request, 32, test=40))
    with pytest.raises(RequestError, match=r"30 encoded training rows or more .* found 24"):
        check_rows(
            experiment(density={"kind": "mixture", "components": 30}, training={"batch_size": 8}),
            manifest(request, 24, test=40),
        )


def test_early_stopping_by_a_figure_that_there_is_none_of_is_refused(experiment) -> None:
    request = experiment(training={"early_stopping": {"monitor": "val_loss"}})
    check_rows(request, manifest(request, 400, validation=40))
    with pytest.raises(RequestError, match=r"found val_loss \(no rows for validation\)"):
        check_rows(request, manifest(request, 400))
    other = experiment(training={"early_stopping": {"monitor": "val_los"}})
    with pytest.raises(
        RequestError, match=r"one of loss, mse.* found val_los: did you mean val_loss\\?"
    ):
        check_rows(other, manifest(other, 400, validation=40))


def test_features_of_pictures_are_not_asked_of_a_model_of_text(tmp_path: Path) -> None:
    path = "conf/experiments/ngram_descriptions.yaml"
    inception = ("evaluation.inception=keras:InceptionV3",)
    with pytest.raises(RequestError, match=r"which makes text: remove evaluation\.inception"):
        check("run", load_experiment(path, root=str(tmp_path), overrides=inception))


def test_a_split_that_is_evaluated_has_rows_and_enough_for_a_judge(experiment) -> None:
    with pytest.raises(RequestError, match="a split 'test' with rows"):
        check_held_out(experiment(), manifest(experiment(), 400, validation=40))
    for key, judge in (("judge", "someone"), ("inception", "keras:InceptionV3")):
        judged = experiment(evaluation={key: judge})
        check_held_out(judged, manifest(judged, 400, test=4))
        with pytest.raises(RequestError, match=rf"4 rows or more .*, or remove evaluation\.{key}"):
            check_held_out(judged, manifest(judged, 400, test=3))
    probed = experiment(evaluation={"probe": {"labels": [40, "all"]}})
    check_held_out(probed, manifest(probed, 400, dict.fromkeys(range(10), 40), test=40))
    with pytest.raises(
        RequestError, match=r"two classes or more .* found fewer: remove evaluation"
    ):
        check_held_out(probed, manifest(probed, 10, test=40))


def test_probes_of_no_labels_or_of_the_same_number_twice_are_refused(experiment) -> None:
    for labels in ([], [100, 100]):
        with pytest.raises(ValueError, match="labels must be one number or more, each once"):
            experiment(evaluation={"probe": {"labels": labels}})


@pytest.mark.parametrize("samples", [1, 2, 3])
def test_fewer_samples_than_a_judge_needs_are_refused(experiment, samples: int) -> None:
    with pytest.raises(ValueError, match="samples must be 0, or 4 or more"):
        experiment(evaluation={"judge": "someone", "samples": samples})


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for root in (tmp_path / "file" / "runs", "/proc/runs"):
        with pytest.raises(RequestError, match=r"can be written as environment\.root"):
            check_places(EnvironmentConfig(root=str(root)))
    with pytest.raises(RequestError, match=r"can be written as environment\.samples"):
        check_places(EnvironmentConfig(root=str(tmp_path), samples="/proc/samples"))


def test_a_remote_place_with_a_query_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"without a query as environment\.root, .*ENDPOINT_URL"):
        check_places(EnvironmentConfig(root="s3://bucket/root?region=eu-west-1"))


def test_a_place_below_one_that_is_only_read_is_tried_for_writing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    monkeypatch.setattr(places, "check_answers", lambda uri, writes: asked.append((uri, writes)))
    environment = EnvironmentConfig(
        root="s3://b/r", datasets="s3://b/r/d", checkpoints="s3://b/r/c", samples="s3://b/r/c/s"
    )
    check_places(environment, written=("checkpoints", "samples"))
    assert asked == [("s3://b/r", False), ("s3://b/r/c", True)]


def test_a_folder_without_room_is_refused_and_left_empty(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # for want of a full disk
    try:
        with pytest.raises(RequestError, match=r"environment\.root, found .*: File too large"):
            check_places(EnvironmentConfig(root=str(tmp_path)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["datasets", "checkpoints", "samples", "artifacts"])
def test_what_a_step_only_reads_need_not_be_written_to(experiment, refusal, key: str) -> None:
    writes = {"datasets": "ingest", "checkpoints": "train", "samples": "sample"}
    writes["artifacts"] = "train"
    environment = {key: f"/proc/{key}"}
    assert f"can be written as environment.{key}" in refusal(writes[key], environment=environment)
    for step in {*writes.values()} - {writes[key]}:
        check(step, experiment(environment=environment))


def test_a_trial_leaves_nothing_behind(tmp_path: Path) -> None:
    check_places(EnvironmentConfig(root=str(tmp_path / "runs" / "deep")))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("step", ["ingest", "train", "evaluate", "promote", "sample", "run"])
@pytest.mark.parametrize(
    ("dataset", "line"),
    [
        ({"source": {"format": "builtin", "datset": "digits"}}, "did you mean dataset?"),
        ({"shape": [8, 8, 2]}, "shape must be [height, width, 1 or 3], found [8, 8, 2]"),
    ],
)
def test_a_dataset_that_cannot_be_is_refused_by_every_step(
    refusal, step: str, dataset: dict, line: str
) -> None:
    assert line in refusal(step, dataset=dataset)


@pytest.mark.parametrize("step", ["ingest", "train", "evaluate", "promote", "sample", "run"])
def test_a_root_of_an_unknown_scheme_is_refused_by_every_step(refusal, step: str) -> None:
    assert "found foo://bucket/x" in refusal(step, environment={"root": "foo://bucket/x"})


def test_a_source_of_an_unknown_scheme_is_refused_before_spark_is_started(refusal) -> None:
    source = {"format": "images", "path": "foo://bucket/set.tar"}
    assert "found foo://bucket/set.tar" in refusal(dataset={"source": source})


def test_artifacts_of_an_unknown_scheme_are_refused_before_the_ingest(refusal) -> None:
    line = refusal(environment={"artifacts": "foo://bucket/artifacts"})
    assert "environment.artifacts, found foo://bucket/artifacts: Could not find" in line


def test_before_the_ingest_a_part_says_which_tokens_there_will_be(tmp_path: Path) -> None:
    spec = text_spec(tokenizer_of_words([*GOOD, *BAD, *OTHER]))
    options = {"embedding": 4, "windows": [1], "filters": 2}
    name = "language.text_classifier"
    save_model(tmp_path, build_model(name, options, spec), name=name, options=options)
    part = pack(tmp_path)

    def dataset(**tokenizer: object) -> DatasetConfig:
        source = {"format": "labelled_text", "train": "none.txt"}
        values = {"name": "tiny", "source": source, "record": "tokens", "shape": [16]}
        return parse(DatasetConfig, {**values, "tokenizer": tokenizer}, source="a test")

    words = dataset(kind="words", size=8192)
    assert record_of(words) != spec.record
    assert record_of(words, tokenizer_to_come(words, [part])) == spec.record
    outlined = blueprints({"classifier": NamedModel("models:/judge/1", {}, part)})
    assert outline("language.text_attack", {}, spec, DensityConfig(), outlined).learns == "nothing"
    assert tokenizer_to_come(words, []) is None
    assert tokenizer_to_come(dataset(path="tokenizer.json"), [part]) is None
