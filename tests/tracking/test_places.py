"""Where the tracking server keeps things, in a root of any letters."""

import sqlite3
from pathlib import Path

import mlflow
import pytest

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.experiment import SamplingConfig
from sparkgen.errors import RequestError
from sparkgen.tracking.server import artifact_location, connect, tracking_uri
from sparkgen.tracking.signature import signature

ODD = "a b%20c [v2]#ü?"


def test_a_plain_root_is_written_into_uris_as_it_is() -> None:
    environment = EnvironmentConfig(root="/data/runs-1")
    assert tracking_uri(environment) == "sqlite:////data/runs-1/mlflow.db"
    assert artifact_location(environment) == "/data/runs-1/artifacts"


def test_the_options_of_a_database_stay_behind_its_file() -> None:
    environment = EnvironmentConfig(root="/d", tracking_uri="sqlite:///{root}/m.db?timeout=9")
    assert tracking_uri(environment) == "sqlite:////d/m.db?timeout=9"


def test_a_database_on_a_root_that_is_no_folder_is_refused() -> None:
    with pytest.raises(RequestError, match=r"set environment\.tracking_uri"):
        tracking_uri(EnvironmentConfig(root="s3://bucket/runs"))


def test_database_and_artifacts_lie_in_a_root_of_any_letters(tmp_path: Path) -> None:
    environment = EnvironmentConfig(root=str(tmp_path / ODD))
    client = connect(environment)
    experiment = client.create_experiment("odd", artifact_location(environment))
    run = client.create_run(experiment).info
    client.log_text(run.run_id, "kept", "folder/text.txt")
    assert mlflow.artifacts.load_text(f"{run.artifact_uri}/folder/text.txt") == "kept"
    assert [path.name for path in tmp_path.iterdir()] == [ODD]
    (text,) = (tmp_path / ODD / "artifacts").rglob("text.txt")
    assert text.read_text() == "kept"
    with sqlite3.connect(tmp_path / ODD / "mlflow.db") as database:
        assert database.execute("SELECT name FROM experiments WHERE name = 'odd'").fetchall()


def test_parameters_of_a_sampler_have_the_types_of_the_models_defaults() -> None:
    description = {
        "conditional": True,
        "generate_options": {"steps": 50, "guidance": 1.0, "scales": [0.5]},
        "spec": {"shape": [8, 8, 1], "classes": 10},
    }
    sampling = SamplingConfig(options={"guidance": 2, "scales": [1, 2]})
    params = signature(description, sampling).params.params
    found = {p.name: (p.dtype.name, p.default) for p in params}
    assert found["guidance"] == ("double", 2.0)
    assert isinstance(found["guidance"][1], float)
    assert found["scales"] == ("double", [1.0, 2.0])
    assert found["steps"] == ("long", 50)
    assert found["seed"] == ("long", 0)
