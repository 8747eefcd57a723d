"""What `sparkgen models` says."""

from pathlib import Path

import pytest
from parts import outlined, spec_of

from sparkgen.catalogue import (
    docstring,
    experiments_with,
    given_sections,
    option_sections,
    summaries,
)
from sparkgen.models.discovery import declared_parts, model_config, model_names
from sparkgen.models.imports import packages_restored
from sparkgen.sampling.given import source_configs, source_names

CONF = Path(__file__).parents[1] / "conf"


def test_every_model_stands_under_its_family_with_its_first_sentence() -> None:
    found = summaries()
    assert [name for models in found.values() for name in models] == model_names()
    assert found["diffusion"] == {
        "diffusion.ddpm": (
            "The diffusion model learns to remove noise from images, and generates them from noise alone."
        )
    }
    for family, models in found.items():
        for name, sentence in models.items():
            assert name.startswith(f"{family}.")
            assert sentence.endswith(".")
            assert " ".join(docstring(name).split()).startswith(sentence)


@pytest.mark.parametrize("name", model_names())
def test_every_option_of_a_model_is_listed_with_its_meaning(name: str) -> None:
    built, *inner, generating, takes = option_sections(name)
    sections = [
        section.title.rpartition(".")[2] for section in inner if section.title != "model.parts"
    ]
    assert sorted(built.names + sections) == sorted(type(model_config(name, {})).model_fields)
    options = [key for section in (built, *inner) for key in section.keys if "options" in key.name]
    assert [key.name for key in options if not key.meaning or key.default is None] == []
    assert generating.title == "sampling.options"
    parts = [section.names for section in inner if section.title == "model.parts"]
    assert parts == ([list(declared_parts(name))] if declared_parts(name) else [])
    assert takes.names == list(outlined(name, {}, spec_of(name)).given)


def test_what_a_model_takes_beside_noise_is_listed() -> None:
    *_, takes = option_sections("reconstruction.denoising_autoencoder")
    assert [key.title for key in takes.keys] == [
        "sampling.given.image  [record; default nothing]",
        "sampling.given.known  [record; default nothing]",
    ]
    *_, takes = option_sections("discriminative.dense_classifier")
    assert takes.keys[0].title == "sampling.given.label  [label; default {from: in_turn}]"


def test_an_own_model_of_tokens_is_told_as_the_others_are(monkeypatch) -> None:
    monkeypatch.syspath_prepend(str(Path(__file__).parent / "tokens"))
    with packages_restored():
        built, generating, takes = option_sections("token_models.window")
    assert built.names == ["context", "units"]
    assert [key.title for key in generating.keys] == [
        "sampling.options.temperature  [number >= 0.01; default 1.0]"
    ]
    assert takes.names == ["tokens", "known"]


@pytest.mark.parametrize(
    ("build", "line"),
    [
        ("", "expected units in model.options of needy, found none: set it"),
        (
            "units: int = 1",
            "expected needy to be built for images of shape [28, 28, 1], found OSError: no file",
        ),
    ],
)
def test_a_model_without_an_outline_is_told_by_its_file_and_its_options(
    sparkgen, tmp_path: Path, monkeypatch, build: str, line: str
) -> None:
    source = f"""
'''A needy model.'''
from sparkgen.config.strict import Strict
from sparkgen.models.contract import GenerativeModel

class Needy(GenerativeModel):
    pass

class Config(Strict):
    units: int
    {build}

def build(config, spec):
    raise OSError("no\\n file")
"""
    (tmp_path / "needy.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    with packages_restored():
        built, rest = option_sections("needy")
        said = sparkgen("models", "needy", "--conf", tmp_path)
    assert built.names == ["units"]
    assert rest.keys == ()
    assert rest.meaning.startswith(f"Cannot be told here: {line}")
    assert "\n" not in rest.meaning
    assert said.status == 0
    assert "A needy model." in said.out
    assert "Cannot be told here" in said.out


def test_each_source_of_what_is_given_has_its_own_keys_under_its_own_heading() -> None:
    sources = source_configs()
    sections = {section.title: section for section in given_sections()}
    assert list(sources) == source_names()
    for name, kind in sources.items():
        section = sections[f"sampling.given.NAME from {name}"]
        assert section.names == list(kind.model_fields)
        assert section.meaning.startswith("It ")


def test_options_of_generate_are_listed_with_their_ranges_and_what_they_need() -> None:
    _, generating, _ = option_sections("diffusion.ddpm")
    guidance, steps, temperature = sorted(generating.keys)
    assert temperature.title == "sampling.options.temperature  [number >= 0; default 1.0]"
    assert steps.title == "sampling.options.steps  [whole number >= 1 and <= 1000; default 50]"
    assert guidance.title == "sampling.options.guidance  [number >= 0; default 1.0]"
    assert guidance.meaning == (
        "Not with the default options, but with model.options.conditional=true."
    )


def test_the_experiments_with_a_model_are_found_and_a_bad_file_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert experiments_with("diffusion.ddpm", CONF / "experiments") == [
        path.name for path in sorted((CONF / "experiments").glob("*ddpm_*.yaml"))
    ]
    (tmp_path / "a.yaml").write_text("model: {name: a.b}")
    (tmp_path / "b.yaml").write_text("model: [")
    (tmp_path / "c.yaml").write_text("model: a.b")
    assert experiments_with("a.b", tmp_path) == ["a.yaml"]
    assert [record.message.startswith("passed over: ") for record in caplog.records] == [True]
    assert "b.yaml" in caplog.text


def test_the_command_lists_the_models(sparkgen) -> None:
    said = sparkgen("models")
    assert said.status == 0
    assert [name for name in model_names() if f"  {name} " not in said.out] == []


def test_the_command_says_what_a_model_is(sparkgen) -> None:
    said = sparkgen("models", "diffusion.ddpm", "--conf", CONF)
    assert said.status == 0
    assert docstring("diffusion.ddpm") in said.out
    assert "model.options.sampler  [one of ddim, ancestral; default ddim]" in said.out
    assert "  ddpm_mnist.yaml" in said.out.splitlines()
    assert "vae" not in said.out
    assert "sampling.given.NAME from rows:" in said.out
    assert "sampling.given.NAME.damage  [one of mask, gaussian, salt_and_pepper or" in said.out


def test_the_command_says_that_there_are_no_experiments_at_hand(sparkgen, tmp_path: Path) -> None:
    said = sparkgen("models", "variational.vae", "--conf", tmp_path)
    assert said.status == 0
    assert "sampling.options:\n  none\n" in said.out
    assert "There is no such folder here" in said.out


@pytest.mark.parametrize("name", ["variational.vea", "vae", "VAE", "vea"])
def test_a_misspelt_model_is_refused_with_the_nearest_one_first(sparkgen, name: str) -> None:
    said = sparkgen("models", name)
    assert (said.status, said.out) == (2, "")
    assert "did you mean variational.vae? choose one of" in said.err
    assert len(said.err.splitlines()) == 1
