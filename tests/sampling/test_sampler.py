"""The registered model, loaded where sparkgen is not installed."""

import base64
import io
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.pyfunc.scoring_server import invocations
from PIL import Image
from pyspark.sql import SparkSession
from strangers import sample_as_a_stranger

import sparkgen
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion, Manifest, SplitEntry
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import ModelError
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack
from sparkgen.models.saving import save_model
from sparkgen.models.unpacking import unpack
from sparkgen.pipeline.model import fetch
from sparkgen.pipeline.train import subject
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.sampler import Sampler
from sparkgen.tracking import registry
from sparkgen.tracking.card import Card, card, short_card
from sparkgen.tracking.runs import open_run

SAMPLER = Path(sparkgen.__file__).parent / "sampling" / "sampler.py"


@pytest.fixture
def experiment(database: Path, tmp_path: Path) -> ExperimentConfig:
    """A small request with a registry of its own."""
    (tmp_path / "runs").mkdir()
    shutil.copy(database, tmp_path / "runs")
    return ExperimentConfig.model_validate(
        {
            "name": "tiny",
            "dataset": {
                "name": "digits",
                "source": {"format": "builtin"},
                "shape": [8, 8, 1],
                "class_names": [str(n) for n in range(10)],
            },
            "model": {"name": "reconstruction.dense_autoencoder"},
            "training": {"epochs": 1, "batch_size": 64},
            "environment": {"root": str(tmp_path / "runs"), "model_prefix": "main_"},
        }
    )


def register(experiment: ExperimentConfig, folder: Path) -> registry.ModelVersion:
    manifest = Manifest(
        name="digits",
        version="0123456789abcdef",
        shape=(8, 8, 1),
        class_names=experiment.dataset.class_names,
        lanes=8,
        splits={"test": SplitEntry(rows=0, label_counts={}, files=())},
        quarantined={},
        sources=(),
        config={},
        libraries={},
    )
    environment = experiment.environment
    version = DatasetVersion("datasets/digits/0123456789abcdef", manifest)
    candidate = registry.Candidate(folder, SAMPLER, experiment.sampling, manifest)
    with open_run(environment, subject(experiment, version)) as run:
        return registry.register(environment, experiment.name, run, candidate)


def test_a_registered_sampler_gives_the_same_bits_where_sparkgen_is_not_installed(
    experiment: ExperimentConfig, autoencoder: Path
) -> None:
    version = register(experiment, autoencoder)
    assert (version.name, version.version) == ("main_tiny", 1)
    ids = [3, 250, 0]
    found = sample_as_a_stranger(experiment.environment, version, {"id": ids}, {"seed": 5})
    expected = generate_rows(unpack(pack(autoencoder)), ids, {}, Recipe(5, 100, {})).data
    assert found == [(i, image.tobytes()) for i, image in zip(ids, expected, strict=True)]


def test_a_prompt_is_answered_where_sparkgen_is_not_installed(
    experiment: ExperimentConfig, prompted_ddpm: Path
) -> None:
    version = register(experiment, prompted_ddpm)
    ids, prompts = [3, 250, 3], ["a thick seven", "a seven", "a thin seven"]
    frame = {"id": ids, "prompt": prompts}
    found = sample_as_a_stranger(experiment.environment, version, frame, {"guidance": 3.0})
    given = {"prompt": np.array(prompts, object)}
    recipe = Recipe(0, 100, {"guidance": 3.0})
    expected = generate_rows(unpack(pack(prompted_ddpm)), ids, given, recipe).data
    assert found == [(i, image.tobytes()) for i, image in zip(ids, expected, strict=True)]
    assert found[0] != found[2]


def test_a_conditional_sampler_takes_labels(
    experiment: ExperimentConfig, conditional_vae: Path
) -> None:
    version = register(experiment, conditional_vae)
    sampler = registry.load(experiment.environment, version)
    labelled = sampler.predict({"id": np.array([4, 4]), "label": np.array([4, 8])})
    in_turn = sampler.predict({"id": np.array([4])})
    assert labelled["image"][0] == in_turn["image"][0]
    assert labelled["image"][0] != labelled["image"][1]


@pytest.mark.parametrize("column", ["image", "known"])
def test_a_cell_without_a_value_is_told_with_its_column_and_row(saved_model, column: str) -> None:
    sampler = Sampler()
    sampler.model = unpack(pack(saved_model("reconstruction.denoising_autoencoder", latent=4)))
    cells = {name: [bytes(64)] * 3 for name in ("image", "known")}
    cells[column][2] = None
    words = f"a value in every cell of the column {column}, found none in row 2"
    with pytest.raises(MlflowException, match=words):
        sampler.predict(None, pd.DataFrame({"id": [0, 1, 2], **cells}))


def test_nothing_in_a_registered_model_is_pickled(
    experiment: ExperimentConfig, autoencoder: Path
) -> None:
    version = register(experiment, autoencoder)
    folder = Path(mlflow.artifacts.download_artifacts(artifact_uri=version.uri))
    suffixes = {p.suffix for p in folder.rglob("*") if p.is_file()}
    assert suffixes <= {"", ".py", ".json", ".h5", ".yaml", ".yml", ".txt", ".typed"}
    for file in folder.rglob("*"):
        assert not file.is_file() or not file.read_bytes().startswith(b"\x80\x04")


def test_the_newest_version_is_the_challenger_and_the_champion_stays(
    experiment: ExperimentConfig, autoencoder: Path, tmp_path: Path
) -> None:
    environment, name = experiment.environment, experiment.name
    first = register(experiment, autoencoder)
    assert registry.find(environment, name, registry.CHAMPION) is None
    registry.crown(environment, first)
    second = register(experiment, autoencoder)
    assert registry.require(environment, name, registry.CHALLENGER).version == second.version == 2
    assert registry.require(environment, name, registry.CHAMPION).version == 1
    assert second.tags["dataset_version"] == "0123456789abcdef"
    assert pack(registry.fetch(environment, second, tmp_path / "copy")) == pack(autoencoder)


@pytest.mark.parametrize("name", ["model.json", "model.weights.h5"])
def test_a_damaged_registered_model_is_named_by_its_version(
    experiment: ExperimentConfig, autoencoder: Path, name: str
) -> None:
    version = register(experiment, autoencoder)
    (path,) = Path(experiment.environment.root, "artifacts").rglob(name)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelError, match=rf"models:/main_tiny/1/{name}.*train it again"):
        fetch(experiment.environment, version)
    path.unlink()
    with pytest.raises(ModelError, match="models:/main_tiny/1"):
        fetch(experiment.environment, version)
    shutil.rmtree(Path(experiment.environment.root, "artifacts"))
    with pytest.raises(ModelError, match="the files of models:/main_tiny/1"):
        fetch(experiment.environment, version)


def test_a_registered_model_lies_where_the_environment_keeps_artifacts(
    experiment: ExperimentConfig, autoencoder: Path
) -> None:
    version = register(experiment, autoencoder)
    folder = mlflow.artifacts.download_artifacts(artifact_uri=version.uri)
    assert Path(folder).is_relative_to(Path(experiment.environment.root) / "artifacts")


def shown(experiment: ExperimentConfig, folder: Path) -> tuple[str, registry.ModelVersion]:
    """The card of a registered model without figures."""
    version = register(experiment, folder)
    values = Card(
        uri=version.uri,
        run_id=version.run_id,
        experiment_id="1",
        summary="A model.",
        facts={},
        figures=(),
        gates=(),
        sheets=(),
        picture=None,
        interface=registry.interface(experiment.environment, version),
    )
    assert short_card(values).endswith(card(values)[-200:])
    return card(values), version


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", text, re.S)


@pytest.fixture(scope="session")
def halved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that takes pictures of any size."""
    folder = tmp_path_factory.mktemp("halved")
    model = build_model("own.halved", {}, DataSpec(ImageRecord((8, 8, 3)), 2))
    save_model(folder, model, name="own.halved", options={})
    return folder


@pytest.fixture
def takes(request: pytest.FixtureRequest, saved_model) -> Path:
    """The folder of a model that takes something, by its kind."""
    match request.param:
        case "labels":
            options = {"latent": 2, "hidden": [8], "conditional": True}
            return saved_model("variational.vae", seen=(4, 6), **options)
        case "images":
            return saved_model("optimised.adversarial_patch")
        case "texts":
            return request.getfixturevalue("prompted_ddpm")
    return request.getfixturevalue("halved")


@pytest.mark.parametrize("takes", ["labels", "images", "pictures", "texts"], indirect=True)
def test_the_calls_in_a_card_run_as_they_are_printed(
    experiment: ExperimentConfig, takes: Path
) -> None:
    text, version = shown(experiment, takes)
    names: dict[str, Any] = {}
    exec(blocks(text, "python")[0], names)
    assert len(names["made"]) == 1
    serve, ask = blocks(text, "sh")
    assert f"-m {version.uri} " in serve
    command = ["sh", "-c", f"curl() {{ cat; }}\n{ask}"]
    body = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    sampler = names["sampler"]
    schema = sampler.metadata.get_input_schema()
    answer = json.loads(invocations(body, "application/json", sampler, schema).response)
    (one,) = answer["predictions"]
    made = json.loads(names["made"].to_json(orient="records"))[0]
    # JSON has fewer digits of a figure.
    rounded = {name for name in made if name.startswith("figure_")}
    assert {n: one[n] for n in one.keys() - rounded} == {n: made[n] for n in made.keys() - rounded}


def test_the_calls_by_spark_in_a_card_run_as_they_are_printed(
    experiment: ExperimentConfig, halved: Path, spark: SparkSession
) -> None:
    text, _ = shown(experiment, halved)
    code = blocks(text, "python")[1]
    (pixels,) = re.findall(r"`(params=.*)`", text)
    found = []
    for further in ("", f", {pixels}"):
        names: dict[str, Any] = {}
        exec(code.replace('env_manager="local"', f'env_manager="local"{further}'), names)
        found += names["made"].collect()
    with Image.open(io.BytesIO(base64.b64decode(found[0].picture))) as picture:
        assert np.asarray(picture).ravel().tolist() == found[1].picture
