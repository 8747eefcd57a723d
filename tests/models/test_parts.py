"""Models that stand on others: what their parts must be, and what is saved of them."""

import json
from pathlib import Path

import keras
import numpy as np
import pytest
from parts import built

from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.errors import ModelError, RequestError
from sparkgen.models.contract import GenerativeModel, Part
from sparkgen.models.discovery import build_model, build_part, outline
from sparkgen.models.parts import check_kinds
from sparkgen.models.portable import describe, pack
from sparkgen.models.saving import load_model, save_model

SPEC = DataSpec(ImageRecord((8, 8, 1)), 10)
MODEL = "optimised.activation_maximisation"
CLASSIFIER = ("discriminative.full_classifier", {"filters": 2, "hidden": 8})
DENSE = ("reconstruction.dense_autoencoder", {"latent": 2})


def classifier(seed: int = 0) -> GenerativeModel:
    keras.utils.set_random_seed(seed)
    return build_model(*CLASSIFIER, SPEC)


def saved(folder: Path, model: GenerativeModel, name: str = MODEL) -> Path:
    save_model(folder, model, name=name, options={})
    return folder


def values(model: GenerativeModel) -> list[bytes]:
    return [v.numpy().tobytes() for v in model.weights]


def generated(model: GenerativeModel) -> bytes:
    noise = np.random.default_rng(0).normal(size=(3, *model.noise.shape)).astype(np.float32)
    return bytes(np.asarray(model.generate(noise, {"label": np.arange(3)}, steps=3)).tobytes())


def test_a_saved_model_has_its_part_with_it(tmp_path: Path) -> None:
    part = classifier()
    model = build_model(MODEL, {}, SPEC, parts={"classifier": part})
    again = load_model(saved(tmp_path, model))
    assert values(again.parts["classifier"]) == values(part)
    assert generated(again) == generated(model)
    described = json.loads((tmp_path / "model.json").read_text())["parts"]["classifier"]
    assert (described["name"], described["options"]) == CLASSIFIER
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.weights.h5"]


def test_parts_of_parts_are_saved_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = """
from sparkgen.config.strict import Strict
from sparkgen.models.contract import LABEL, GenerativeModel, Part

PARTS = {"second": Part(), "first": Part()}

class Config(Strict):
    pass

class Twice(GenerativeModel):
    learns = "nothing"

    def make(self, noise, given, **options):
        made = [part.generate(noise, given, **options) for part in self.parts.values()]
        return (made[0] + made[1]) / 2

def build(config, spec, parts):
    model = Twice(spec, name="twice")
    model.noise, model.given = parts["first"].noise, LABEL
    return model
"""
    (tmp_path / "twice_over.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    inner = {
        name: build_model(MODEL, {}, SPEC, parts={"classifier": classifier(seed)})
        for seed, name in enumerate(("first", "second"))
    }
    model = build_model("twice_over", {}, SPEC, parts=inner)
    again = load_model(saved(tmp_path / "saved", model, "twice_over"))
    for name, part in inner.items():
        assert values(again.parts[name]) == values(part)
    assert values(inner["first"]) != values(inner["second"])
    assert generated(again) == generated(model)
    assert generated(model) != generated(inner["first"])


def test_a_part_is_frozen_and_is_not_counted() -> None:
    part = classifier()
    model = built("own.guided", {}, SPEC)
    own = 64 * 4 + 64 * 64 + 64  # of the batch normalisation, and of the dense layer
    assert model.count_learnt() == own
    assert model.count_params() == own + model.parts["classifier"].count_params()
    assert sum(int(np.prod(v.shape)) for v in model.trainable_variables) == own - 2 * 64
    alone = build_model(MODEL, {}, SPEC, parts={"classifier": part})
    assert (alone.count_learnt(), alone.trainable_variables) == (0, [])
    assert alone.without_parts(alone.variables) == []


def test_a_part_drops_nothing_even_in_training() -> None:
    part, x = classifier(), np.ones((1, 100), np.float32)
    dropout = part.body.layers[-1]
    assert (np.asarray(dropout(x, training=True)) == 0).any()
    build_model(MODEL, {}, SPEC, parts={"classifier": part})
    assert (np.asarray(dropout(x, training=True)) == 1).all()


def test_the_digest_tells_models_of_other_parts_apart(tmp_path: Path) -> None:
    part = classifier()
    model = build_model(MODEL, {}, SPEC, parts={"classifier": part})
    digests = [pack(saved(tmp_path / str(n), model)).digest for n in range(2)]
    part.head.bias.assign(part.head.bias + 1)
    digests.append(pack(saved(tmp_path / "weights", model)).digest)
    part.blueprint = part.blueprint.model_copy(update={"options": {**CLASSIFIER[1], "shift": 1}})
    digests.append(pack(saved(tmp_path / "options", model)).digest)
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_model_without_parts_does_not_speak_of_them(tmp_path: Path) -> None:
    save_model(tmp_path, classifier(), name=CLASSIFIER[0], options=CLASSIFIER[1])
    assert "parts" not in json.loads((tmp_path / "model.json").read_text())
    assert describe(pack(tmp_path), called="it").parts == {}


NEEDED = (
    r"a classifier of images of shape \[8, 8, 1\] in 10 classes as model\.parts\.classifier of "
    r"optimised\.activation_maximisation, found "
)


@pytest.mark.parametrize(
    ("name", "options", "spec", "line"),
    [
        (*DENSE, SPEC, f"{NEEDED}reconstruction.dense_autoencoder of images"),
        (*CLASSIFIER, SPEC._replace(classes=3), rf"{NEEDED}.* of shape \[8, 8, 1\] in 3 classes"),
        (*CLASSIFIER, DataSpec(ImageRecord((8, 8, 3)), 10), rf"{NEEDED}.* \[8, 8, 3\] in 10"),
    ],
)
def test_what_cannot_be_a_part_is_refused_by_an_outline(
    name: str, options: dict, spec: DataSpec, line: str
) -> None:
    blueprint = outline(name, options, spec).blueprint
    with pytest.raises(RequestError, match=line):
        outline(MODEL, {}, SPEC, parts={"classifier": blueprint})


def test_a_part_may_be_of_other_records_where_the_model_says_so() -> None:
    other = outline(*CLASSIFIER, DataSpec(ImageRecord((16, 16, 3)), 3))
    declared = {"features": Part(classifies=True, records=False)}
    check_kinds(declared, {"features": other}, SPEC, model="any")
    with pytest.raises(RequestError, match=r"a classifier as model\.parts\.features of any"):
        check_kinds(declared, {"features": outline(*DENSE, SPEC)}, SPEC, model="any")


def test_a_part_whose_layers_are_asked_must_answer() -> None:
    declared = {"network": Part(activations=True, records=False)}
    check_kinds(declared, {"network": outline(*CLASSIFIER, SPEC)}, SPEC, model="any")
    with pytest.raises(
        RequestError, match=r"tells what its layers answer as model\.parts\.network"
    ):
        check_kinds(declared, {"network": outline(*DENSE, SPEC)}, SPEC, model="any")


@pytest.mark.parametrize(
    ("model", "named", "line"),
    [
        (
            MODEL,
            [],
            r"model\.parts\.classifier for .*, which stands on a classifier of the same rec",
        ),
        (
            MODEL,
            ["clasifier"],
            r"among classifier, those of .*, found clasifier: did you mean clas",
        ),
        (DENSE[0], ["classifier"], r"no model\.parts for reconstruction\.dense_autoencoder, found"),
    ],
)
def test_parts_are_those_that_the_model_declares(model: str, named: list[str], line: str) -> None:
    parts = dict.fromkeys(named, outline(*CLASSIFIER, SPEC).blueprint)
    with pytest.raises(RequestError, match=line):
        outline(model, {}, SPEC, parts=parts)


def test_parts_that_are_declared_wrongly_are_refused(tmp_path: Path, monkeypatch) -> None:
    imports = "from sparkgen.config.strict import Strict as Config"
    source = f"{imports}\nPARTS = ['classifier']\nbuild = print\n"
    (tmp_path / "listed_parts.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(RequestError, match=r"in listed_parts, found \['classifier'\]: correct it"):
        outline("listed_parts", {}, SPEC)


def test_a_part_of_a_users_own_package_is_refused_and_its_code_not_looked_for(
    tmp_path: Path,
) -> None:
    blueprint = classifier().blueprint.model_copy(update={"name": "own.echo"})
    with pytest.raises(RequestError, match=r"models of sparkgen's own as parts, found own\.echo"):
        build_part(blueprint)
    model = build_model(MODEL, {}, SPEC, parts={"classifier": classifier()})
    model.parts["classifier"].blueprint = blueprint
    with pytest.raises(ModelError, match=r"models of sparkgen's own as parts, found own\.echo"):
        load_model(saved(tmp_path, model))


def test_no_classifier_of_tokens_is_found_as_an_example() -> None:
    with pytest.raises(RequestError, match="a classifier of the same records and classes among"):
        built(MODEL, {}, DataSpec(TokenRecord((4,), 10), 10))
