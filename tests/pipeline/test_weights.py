"""Weights files in the place of training, and samples of pretrained weights without anything else."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from words import text_spec, tokenizer_of_words

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import PortableModel
from sparkgen.models.saving import load_packed
from sparkgen.pipeline import sample, train
from sparkgen.pipeline.journal import checkpoint_uri, unfinished
from sparkgen.pipeline.model import fetch
from sparkgen.pipeline.preflight import check
from sparkgen.pipeline.weights import weights_to_take
from sparkgen.sampling.sample_set import read_sample_set
from sparkgen.tracking import registry
from sparkgen.training.checkpoints import encode as encode_arrays
from sparkgen.training.checkpoints import list_checkpoints
from sparkgen.training.weights import KIND, OPTIONS, decode, encode


@pytest.fixture(scope="module")
def own_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture
def request_of(experiment, own_root: Path, root: Path):
    """The small experiment with folders of this module's own and the shared dataset."""

    def make(**sections) -> ExperimentConfig:
        own = {
            "root": str(own_root),
            "datasets": f"{root}/datasets",
            "pretrained": str(own_root / "pretrained"),
        }
        return experiment(environment=own, **sections)

    return make


@pytest.fixture
def trained(request_of, dataset_version: str) -> registry.ModelVersion:
    """Version 1 of the model of `tiny`, trained here."""
    request = request_of()
    if not registry.versions(request.environment, "tiny"):
        train.run(request, None)
    return registry.versions(request.environment, "tiny")[1]


@pytest.fixture
def pretrained(request_of, trained, own_root: Path) -> Path:
    """The weights file of that version, in full precision, with a note beside it."""
    model = load_packed(fetch(request_of().environment, trained))
    folder = own_root / "pretrained"
    folder.mkdir(exist_ok=True)
    file = folder / "tiny.npz"
    file.write_bytes(encode(model, half=False))
    note = {
        "weights": "tiny.npz",
        "sha256": digest(file.read_bytes()),
        "seed": 0,
        "trained_on": "400 digits",
        "trained_by": {
            "machine": "this one",
            "backend": "tensorflow",
            "policy": "float32",
            "steps": 2,
            "epochs": 2.0,
            "seconds": 1.0,
        },
        "versions": {"keras": "3"},
    }
    (folder / "tiny.yaml").write_text(yaml.safe_dump(note))
    return file


def numbers(packed: PortableModel) -> dict[str, bytes]:
    """The numbers of a saved model's tensors, by name."""
    weights = decode(encode(load_packed(packed), half=False), called="it")
    return {name: array.tobytes() for name, array in weights.tensors.items()}


def refusal(step: str, request: ExperimentConfig, **options) -> str:
    with pytest.raises(RequestError) as error:
        check(step, request, **options)
    assert "\n" not in str(error.value)
    assert error.value.exit_status == 2
    return str(error.value)


def test_a_version_of_weights_is_that_which_was_trained_and_says_where_they_are_from(
    request_of, trained, pretrained: Path
) -> None:
    request = request_of(name="taken")
    check("train", request, weights=str(pretrained))
    result = train.run(request, None, weights=str(pretrained))
    version = registry.require(request.environment, "taken", registry.CHALLENGER)
    assert version.uri == result["model_uri"]
    assert version.tags["weights_sha256"] == digest(pretrained.read_bytes())
    assert version.tags["trained_on"] == "400 digits"
    ours, theirs = (numbers(fetch(request.environment, one)) for one in (version, trained))
    assert ours == theirs
    assert any(name.startswith("density/") for name in ours)
    with pytest.raises(RequestError):  # a run that takes weights is no training that could go on
        unfinished(request)


def test_samples_of_pretrained_weights_are_those_of_the_version_bit_for_bit(
    request_of, trained, pretrained: Path, spark, own_root: Path
) -> None:
    request = request_of()
    by_version = sample.sample_version(request, trained, request.sampling, spark)
    nowhere = request.environment.model_copy(
        update={"tracking_uri": "http://127.0.0.1:9", "datasets": str(own_root / "none")}
    )
    request = request.model_copy(update={"environment": nowhere})
    result = sample.run(request, spark, pretrained=True)
    assert result["model_uri"] == f"pretrained:tiny@{digest(pretrained.read_bytes())[:16]}"
    made = read_sample_set(result["samples"])
    assert made is not None
    assert [file.sha256 for file in made.files] == [
        file.sha256 for file in by_version.sample_set.files
    ]
    assert Path(result["contact_sheet"]).is_file()


def test_a_density_that_the_file_lacks_is_fitted_to_the_training_rows(
    request_of, trained, pretrained: Path
) -> None:
    weights = decode(pretrained.read_bytes(), called="it")
    without = {n: a for n, a in weights.tensors.items() if not n.startswith("density/")}
    file = pretrained.with_name("bare.npz")
    facts = {KIND: weights.model, OPTIONS: weights.options}
    file.write_bytes(encode_arrays(without, facts))
    request = request_of(name="fitted")
    train.run(request, None, weights=str(file))
    version = registry.require(request.environment, "fitted", registry.CHALLENGER)
    ours, theirs = (
        load_packed(fetch(request.environment, one)).density.factors_KZZ.numpy()
        for one in (version, trained)
    )
    np.testing.assert_array_equal(ours, theirs)
    file.rename(pretrained)
    (pretrained.with_suffix(".yaml")).unlink()


def test_the_checkpoint_of_a_training_gives_the_weights_that_it_has_come_to(
    request_of, trained
) -> None:
    request = request_of(name="stopped", density={"kind": "prior"})
    (checkpoint, *_) = list_checkpoints(checkpoint_uri(request_of(), trained.run_id))
    check("train", request, weights=checkpoint)
    train.run(request, None, weights=checkpoint)
    version = registry.require(request.environment, "stopped", registry.CHALLENGER)
    assert version.tags["trained_on"] == "unknown"
    ours, theirs = (numbers(fetch(request.environment, one)) for one in (version, trained))
    assert ours == {n: data for n, data in theirs.items() if not n.startswith("density/")}


def test_weights_need_nothing_that_only_a_training_needs(request_of, pretrained: Path) -> None:
    nothing = {"epochs": 1, "batch_size": 800, "start_from": "nobody", "jit_compile": True}
    stopping = {"early_stopping": {"monitor": "no_such_figure"}}
    request = request_of(
        name="unaided", training={**nothing, **stopping, "optimizers": {"none": {}}}
    )
    lacking = {"backend": "none", "launcher": "in-process", "workers": 2}
    environment = request.environment.model_copy(update=lacking)
    request = request.model_copy(update={"environment": environment})
    check("train", request, weights=str(pretrained))
    check("run", request, weights=str(pretrained))
    made = train.run(request, None, weights=str(pretrained))
    assert made["metrics"]["parameters"] > 0


def test_weights_that_are_not_those_of_the_model_are_refused(request_of, pretrained: Path) -> None:
    request, path = request_of(), str(pretrained)
    line = refusal("train", request_of(model={"options": {"latent": 4}}), weights=path)
    assert "tiny.npz, found latent of 8 in place of 4: name the file of this model" in line
    other = request_of(model={"name": "variational.vae", "options": {"latent": 8}})
    line = refusal("train", other, weights=path)
    assert "tiny.npz, found those of reconstruction.dense_autoencoder: name the file" in line
    line = refusal("train", request_of(density={"kind": "diagonal"}), weights=path)
    assert "tiny.npz, found the density full in place of diagonal" in line
    counted = {"name": "autoregressive.naive_bayes", "options": {}}
    others = {"density": {"kind": "prior"}, "training": {"optimizer": {}}}
    line = refusal("train", request_of(model=counted, **others), weights=path)
    assert "found autoregressive.naive_bayes, which learns by counting" in line
    assert "FileNotFoundError at /gone.npz" in refusal("train", request, weights="/gone.npz")
    line = refusal("train", request, weights=path, resume=True)
    assert line.startswith("expected --weights or --resume, found both")


@pytest.mark.parametrize("at", [40, -200, -1])
def test_a_flipped_byte_is_noticed_before_anything_is_built(
    request_of, pretrained: Path, at: int
) -> None:
    data = bytearray(pretrained.read_bytes())
    data[at] ^= 1
    pretrained.write_bytes(data)
    for step, options in (
        ("train", {"weights": str(pretrained)}),
        ("sample", {"pretrained": True}),
    ):
        line = refusal(step, request_of(), **options)
        assert line.startswith("expected a weights file with the SHA-256 ")
        assert line.endswith(" at " + str(pretrained) + ": get the file again")
    pretrained.with_suffix(".yaml").unlink()
    line = refusal("train", request_of(), weights=str(pretrained))
    assert line.startswith(f"expected a weights file as {pretrained}, found ")


def test_the_note_on_a_weights_file_is_that_of_the_experiment_or_of_the_file_and_names_it(
    request_of, pretrained: Path
) -> None:
    note = yaml.safe_load(pretrained.with_suffix(".yaml").read_text())
    own = pretrained.with_name("mixture.yaml")
    own.write_text(yaml.safe_dump({**note, "trained_on": "700 digits"}))

    def trained_on(name: str) -> str:
        return weights_to_take(str(pretrained), request_of(name=name)).tags["trained_on"]

    assert trained_on("mixture") == "700 digits"
    assert trained_on("other") == "400 digits"
    own.write_text(yaml.safe_dump({**note, "weights": "another.npz"}))
    assert trained_on("mixture") == "400 digits"
    for something_else in ("name: mixture\n", "- a list\n", "weights: tiny.npz\n", ""):
        own.write_text(something_else)
        assert trained_on("mixture") == "400 digits"
    own.unlink()


def test_a_note_that_cannot_be_read_is_told(request_of, pretrained: Path) -> None:
    request, note = request_of(), pretrained.with_suffix(".yaml")
    note.unlink()
    note.mkdir()
    for step, options in (
        ("train", {"weights": str(pretrained)}),
        ("sample", {"pretrained": True}),
    ):
        line = refusal(step, request, **options)
        assert f"a YAML file that can be read as {note}, found " in line
    note.rmdir()
    note.write_text("a: [")
    assert "a YAML file that can be read as " in refusal("train", request, weights=str(pretrained))
    note.unlink()
    check("train", request, weights=str(pretrained))


def test_samples_of_pretrained_weights_on_object_storage_need_no_tracking_server(
    request_of, pretrained: Path, spark, s3
) -> None:
    request = request_of(name="tiny", sampling={"count": 10})
    storage = {"root": "s3://bucket/pretrained", "datasets": "{root}/datasets"}
    environment = request.environment.model_copy(update=storage)
    request = request.model_copy(update={"environment": environment})
    check("sample", request, pretrained=True)
    made = sample.run(request, spark, pretrained=True)
    assert made["samples"].startswith("s3://bucket/pretrained/samples/tiny/")
    assert "set environment.tracking_uri" in refusal("sample", request)


def test_pretrained_weights_of_a_model_that_stands_on_others_are_refused(request_of) -> None:
    parts = {"classifier": "full_classifier_digits"}
    model = {"name": "optimised.activation_maximisation", "options": {}, "parts": parts}
    line = refusal("sample", request_of(model=model), pretrained=True)
    assert "found optimised.activation_maximisation with model.parts classifier: train it" in line


def test_pretrained_weights_that_there_are_not_are_named(request_of, pretrained: Path) -> None:
    line = refusal("sample", request_of(name="tinny"), pretrained=True)
    assert "pretrained weights of tinny in " in line
    assert line.endswith("found those of tiny: did you mean tiny? choose one of tiny")
    other = encode_arrays({"w": np.zeros(1)}, {KIND: "it", OPTIONS: {}})
    pretrained.write_bytes(other)
    assert "with the SHA-256 " in refusal("sample", request_of(), pretrained=True)


SMALL = {"layers": 1, "units": 8, "embedding": 4}
TEXT = {
    "name": "texts",
    "source": {"format": "text", "train": "texts.txt", "test": "texts.txt"},
    "record": "tokens",
    "shape": [9],
    "class_names": None,
    "limit": None,
    "tokenizer": {"kind": "words"},
}
DRAWN = {"kind": "drawn", "names": ["one"] * 10, "length": 4}


@pytest.mark.parametrize(
    ("dataset", "unknown"),
    [
        ({"class_names": None}, "dataset.class_names"),
        (TEXT, "dataset.tokenizer.path"),
        ({"captions": DRAWN}, "the words of dataset.captions"),
    ],
)
def test_a_model_of_data_that_only_the_ingest_will_know_cannot_be_built_without_it(
    request_of, pretrained: Path, dataset: dict, unknown: str
) -> None:
    line = refusal("sample", request_of(dataset=dataset), pretrained=True)
    assert line.startswith(
        "expected a request that says all that the model of --pretrained is built"
    )
    assert f"found one without {unknown}: ingest the dataset, and take the weights by" in line


def test_weights_are_held_against_the_words_of_a_tokenizer_that_there_is_already(
    request_of, tmp_path: Path
) -> None:
    ours, other = (tokenizer_of_words(words) for words in (["a", "b"], ["a"]))
    weights, words, texts = (tmp_path / name for name in ("a.npz", "words.json", "texts.txt"))
    weights.write_bytes(encode(build_model("language.lstm", SMALL, text_spec(ours))))
    words.write_text(other.json)
    texts.write_text("a b b a\n" * 100)
    source = {"format": "text", "train": str(texts), "test": str(texts)}

    def request(**tokenizer) -> ExperimentConfig:
        return request_of(
            dataset={**TEXT, "source": source, "tokenizer": tokenizer},
            model={"name": "language.lstm", "options": SMALL},
            density={"kind": "prior"},
            gates=[],
        )

    check("train", request(kind="words"), weights=str(weights))  # the ingest will make it
    line = refusal("train", request(path=str(words)), weights=str(weights))
    assert f"of shape [{ours.size}, 4] in place of [{other.size}, 4]" in line


def test_a_driver_that_samples_pretrained_weights_loads_no_keras() -> None:
    line = "import sys, sparkgen.pipeline.sample as s; sys.exit('keras' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", line], check=False).returncode == 0
