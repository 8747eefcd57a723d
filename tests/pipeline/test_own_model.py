"""The README's model of a user's own package: trained, registered, and sampled where it is nowhere."""

import re
import shutil
from pathlib import Path

import mlflow
import pytest
from pyspark.sql import SparkSession
from strangers import sample_as_a_stranger

from sparkgen.config.experiment import SamplingConfig
from sparkgen.evaluation.sample_figures import read_records
from sparkgen.models.package import PackageSource
from sparkgen.pipeline import train
from sparkgen.pipeline.sample import sample_version
from sparkgen.pipeline.train import leave_source
from sparkgen.tracking import registry

README = Path(__file__).parents[2] / "README.md"
IDS = [0, 2, 5]


def test_a_users_model_is_trained_registered_and_sampled_where_its_package_is_nowhere(
    experiment,
    dataset_version: str,
    spark: SparkSession,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    package = tmp_path / "mine"
    package.mkdir()
    blocks = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    (source,) = (block for block in blocks if "def build" in block)
    (package / "small.py").write_text(f"requirements = ['packaging>=1']\n{source}")
    # Of this process alone: the worker does not have it.
    monkeypatch.syspath_prepend(str(tmp_path))
    request = experiment(
        name="mine",
        model={"name": "mine.small", "options": {"latent": 4}},
        training={"epochs": 1, "max_steps": 4},
        environment={"launcher": "local"},
    )
    assert train.run(request, None)["metrics"]["parameters"] == 64 * 4 + 4 + 4 * 64 + 64
    shutil.rmtree(package)

    version = registry.require(request.environment, "mine", registry.CHALLENGER)
    config = SamplingConfig(count=6, batch_rows=3, seed=5)
    made = sample_version(request, version, config, spark)
    images = read_records(made.files, made.sample_set.record)
    assert len({image.tobytes() for image in images}) == 6
    found = sample_as_a_stranger(
        request.environment, version, {"id": IDS}, {"seed": 5, "batch_rows": 3}
    )
    assert found == [(i, images[i].tobytes()) for i in IDS]

    needs = Path(mlflow.pyfunc.get_model_dependencies(version.uri)).read_text()
    assert "packaging>=1" in needs.splitlines()


def test_a_training_that_goes_on_with_other_source_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for archive, warnings in ((b"one", 0), (b"one", 0), (b"another", 1), (b"another", 1)):
        leave_source(PackageSource(archive, ()), str(tmp_path))
        assert (tmp_path / "package.zip").read_bytes() == archive
        assert len(caplog.messages) == warnings
    assert "not that with which this training began" in caplog.messages[0]
