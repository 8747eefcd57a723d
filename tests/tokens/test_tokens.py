"""A small model of tokens, from a package of its own, all the way from text to samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession
from strangers import sample_as_a_stranger

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.datasets.storage import write_bytes
from sparkgen.distribution.launcher import launch
from sparkgen.models.discovery import model_module
from sparkgen.models.package import source_of
from sparkgen.models.portable import PACKAGE_FILE, pack
from sparkgen.models.unpacking import unpack
from sparkgen.noise import Stream, row_noise
from sparkgen.pipeline import evaluate, ingest, promote, train
from sparkgen.pipeline.model import fetch
from sparkgen.pipeline.sample import sample_version
from sparkgen.pipeline.version import newest_version
from sparkgen.sampling.sample_set import read_samples
from sparkgen.tracking import registry
from sparkgen.training.checkpoints import list_checkpoints
from sparkgen.training.worker import train as train_worker

LINES = ("the cat sat on the mat\n", "a dog ran to the cat\n", "the dog sat on a mat\n")
LENGTH = 17


def text(lines: int, seed: int) -> str:
    return "".join(np.random.default_rng(seed).choice(LINES, lines))


def experiment_on(root: Path, **sections: Any) -> ExperimentConfig:
    source = {"format": "text", "train": str(root / "train.txt"), "test": str(root / "test.txt")}
    values: dict[str, Any] = {
        "name": "window_cats",
        "dataset": {"name": "cats", "source": source, "record": "tokens", "shape": [LENGTH]},
        "model": {"name": "token_models.window", "options": {"units": 16}},
        "training": {
            "epochs": 4,
            "batch_size": 32,
            "optimizer": {"learning_rate": 0.01},
            "checkpoint_steps": 3,
            "keep_checkpoints": 100,
        },
        "evaluation": {"samples": 20},
        "sampling": {"count": 30, "batch_rows": 8, "seed": 5},
        "gates": [{"metric": "exact_nats", "max": 80.0}],
        "environment": {"root": str(root), "launcher": "in-process", "workers": 1},
    }
    for name, section in sections.items():
        values[name] = {**values[name], **section}
    return ExperimentConfig.model_validate(values)


@pytest.fixture(scope="module")
def package() -> Any:
    """The folder of the package on the path, as a user would put it there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(Path(__file__).parent))
        yield


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession, package: Any) -> Path:
    """A root where the text is ingested."""
    folder = tmp_path_factory.mktemp("tokens")
    (folder / "train.txt").write_text(text(300, 0))
    (folder / "test.txt").write_text(text(40, 1))
    request = experiment_on(folder)
    ingest.run(DatasetRequest(dataset=request.dataset, environment=request.environment), spark)
    return folder


@pytest.fixture(scope="module")
def trained(root: Path, spark: SparkSession) -> dict[str, Any]:
    """The model, trained, evaluated and promoted."""
    request = experiment_on(root)
    made = train.run(request, spark)
    figures = evaluate.run(request, spark)["metrics"]
    promoted = promote.run(request, spark)
    return {**made, "figures": figures, "promoted": promoted["promoted"]}


def worker_request(root: Path, folder: Path, **training: Any) -> dict[str, Any]:
    request = experiment_on(root, training=training)
    version = newest_version(request)
    model_module(request.model.name)
    source = source_of(request.model.name)
    assert source is not None
    write_bytes(f"{folder}/{PACKAGE_FILE}", source.archive)
    return {
        "experiment": request.model_dump(mode="json"),
        "version_uri": version.uri,
        "checkpoint_uri": str(folder),
        "run_id": None,
        "tracking_uri": None,
    }


def figures(result: dict[str, Any]) -> list[dict[str, float]]:
    return [{k: v for k, v in r.items() if k != "rows_per_second"} for r in result["history"]]


def weights(result: dict[str, Any]) -> list[np.ndarray]:
    return [np.asarray(w) for w in unpack(pack(result["model"])).get_weights()]


def test_text_becomes_rows_of_tokens_and_a_model_of_them_learns_it(
    root: Path, trained: dict[str, Any]
) -> None:
    manifest = newest_version(experiment_on(root)).manifest
    assert (manifest.record, manifest.shape, manifest.dtype) == ("tokens", (LENGTH,), "uint8")
    assert manifest.splits["test"].rows == -(-(len(text(40, 1)) - 1) // (LENGTH - 1))
    assert trained["promoted"]
    # A uniform guess over 256 bytes costs LENGTH * log 256 = 94 nats.
    assert trained["figures"]["exact_nats"] < 50.0
    assert trained["figures"]["exact_nats"] == pytest.approx(trained["figures"]["nll"], rel=1e-5)
    bits = trained["figures"]["exact_bits_per_dim"]
    assert bits == pytest.approx(trained["figures"]["exact_nats"] / (LENGTH * np.log(2)))


def test_a_training_goes_on_bit_for_bit(root: Path, tmp_path: Path) -> None:
    whole, again = (worker_request(root, tmp_path / name) for name in ("whole", "again"))
    first = launch(train_worker, whole, workers=1, where="in-process")
    middle = Path(list_checkpoints(whole["checkpoint_uri"])[-3])  # in the first epoch
    (tmp_path / "again" / middle.name).write_bytes(middle.read_bytes())
    second = launch(train_worker, again, workers=1, where="in-process")
    assert figures(second) == figures(first)
    for mine, theirs in zip(weights(second), weights(first), strict=True):
        assert np.array_equal(mine, theirs)


def test_one_partition_and_seven_sample_alike_and_as_a_stranger_does(
    root: Path, trained: dict[str, Any], spark: SparkSession, tmp_path: Path
) -> None:
    from sparkgen.sampling.sample import sample

    request = experiment_on(root)
    version = registry.require(request.environment, request.name, registry.CHAMPION)
    packed = fetch(request.environment, version)
    config = SamplingConfig(count=30, batch_rows=4, seed=5, contact_sheet=10)
    one, seven = (
        sample(
            spark,
            packed,
            config,
            model_uri=version.uri,
            samples_uri=str(tmp_path / f"{partitions}"),
            partitions=partitions,
        )
        for partitions in (1, 7)
    )
    tables = [pq.read_table(sorted(Path(made.uri).glob("*.parquet"))) for made in (one, seven)]
    assert tables[0].equals(tables[1])
    assert tables[0].column_names == ["id", "seed", "label", "tokens"]
    sheet = Path(one.contact_sheet)
    assert sheet.name == "contact_sheet.txt"
    assert len(sheet.read_text().splitlines()) == 11
    found = sample_as_a_stranger(
        request.environment, version, {"id": [3, 0]}, {"seed": 5, "batch_rows": 4}
    )
    cells = tables[0]["tokens"].to_pylist()
    assert found == [(3, cells[3]), (0, cells[0])]


def test_blocks_of_the_test_split_are_continued(
    root: Path, trained: dict[str, Any], spark: SparkSession
) -> None:
    """Where `known` is not 0 a token is given; a row is all known here, and comes back."""
    given = {name: {"from": "rows", "split": "test"} for name in ("tokens", "known")}
    request = experiment_on(root, sampling={"count": 10, "given": given})
    version = registry.require(request.environment, request.name, registry.CHAMPION)
    made = sample_version(request, version, request.sampling, spark)
    rows = read_samples(made, limit=10, column="given_tokens")
    assert np.array_equal(read_samples(made, limit=10), rows)
    sheet = Path(made.contact_sheet).read_text().splitlines()
    assert sheet[1::2] == sheet[2::2]
    model = unpack(fetch(request.environment, version))
    noise = row_noise(model.noise, range(8), seed=5, stream=Stream.SAMPLE)
    known = np.zeros((8, LENGTH), np.int32)
    known[:, :10] = 1
    continued = np.asarray(
        model.generate(noise, {"tokens": rows[:8].astype(np.int32), "known": known})
    )
    assert np.array_equal(continued[:, :10], rows[:8, :10])
    assert (continued[:, 10:] != rows[:8, 10:]).any()
