"""A model is its file, an experiment and a test; every experiment names things that exist."""

from pathlib import Path

import pytest
import yaml
from parts import experiment_of

from sparkgen.config.load import load_experiment
from sparkgen.models.discovery import model_config, model_names

ROOT = Path(__file__).parents[2]
EXPERIMENTS = sorted((ROOT / "conf" / "experiments").glob("*.yaml"))


@pytest.mark.parametrize("name", model_names())
def test_a_model_has_a_test_and_an_experiment_that_needs_no_download(name: str) -> None:
    family, model = name.split(".")
    assert (ROOT / "tests" / "models" / family / f"test_{model}.py").is_file()
    assert yaml.safe_load(experiment_of(name).read_text())["model"]["name"] == name


@pytest.mark.parametrize("path", EXPERIMENTS, ids=lambda p: p.stem)
def test_an_experiment_is_valid_and_opens_with_its_source_and_command(path: Path) -> None:
    experiment = load_experiment(path)
    assert experiment.name == path.stem
    model_config(experiment.model.name, experiment.model.options)
    comment = [line for line in path.read_text().splitlines() if line.startswith("#")]
    assert len(comment) >= 2
    assert any(f"conf/experiments/{path.name}" in line for line in comment)
