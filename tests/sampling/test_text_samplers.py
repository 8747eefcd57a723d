"""Registered models that take texts and give texts."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession
from strangers import sample_as_a_stranger
from versions import write_split, write_version
from words import BAD, GOOD, OTHER, opinions, text_spec, tokenizer_of_words, tokens_of

import sparkgen
from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack
from sparkgen.models.saving import save_model
from sparkgen.pipeline.train import subject
from sparkgen.sampling.contact_sheet import has_contact_sheet
from sparkgen.sampling.sample import sample
from sparkgen.tracking import registry
from sparkgen.tracking.runs import open_run

SPEC = text_spec(tokenizer_of_words([*GOOD, *BAD, *OTHER]))
TEXTS, LABELS = opinions(60)
SAMPLER = Path(sparkgen.__file__).parent / "sampling" / "sampler.py"


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> DatasetVersion:
    """A version of sentences in two classes."""
    folder, record = tmp_path_factory.mktemp("version"), SPEC.record
    rows = {"ids": np.arange(60), "labels": LABELS, "data": tokens_of(TEXTS, SPEC)}
    splits = {
        name: write_split(folder, name, record, files=2, **rows) for name in ("train", "test")
    }
    made = write_version(folder, record, splits, class_names=("bad", "good"))
    return DatasetVersion(str(folder), made)


@pytest.fixture(scope="module")
def corrector(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a corrector that has counted the sentences."""
    folder = tmp_path_factory.mktemp("corrector")
    model = build_model("language.corrector", {}, SPEC)
    batch = {"tokens": tokens_of(TEXTS, SPEC), "weight": np.ones(60, np.float32)}
    model.fit_statistics(model.statistics(batch))
    save_model(folder, model, name="language.corrector", options={})
    return folder


def test_a_corrector_mends_where_sparkgen_is_not_installed(
    version: DatasetVersion, corrector: Path, tmp_path: Path
) -> None:
    experiment = ExperimentConfig.model_validate(
        {
            "name": "mender",
            "dataset": {
                "name": "tiny",
                "source": {"format": "labelled_text", "train": "none.txt"},
                "record": "tokens",
                "tokenizer": {"kind": "words"},
                "shape": [16],
            },
            "model": {"name": "language.corrector"},
            "training": {"epochs": 1, "batch_size": 64},
            "environment": {"root": str(tmp_path / "runs")},
        }
    )
    candidate = registry.Candidate(corrector, SAMPLER, experiment.sampling, version.manifest)
    with open_run(experiment.environment, subject(experiment, version)) as run:
        made = registry.register(experiment.environment, experiment.name, run, candidate)
    frame = {"id": [4, 0], "text": ["a stry of narendr", "teh film"], "lexicon": ["narendra", ""]}
    found = sample_as_a_stranger(experiment.environment, made, frame, {"error_rate": 0.05})
    assert found == [(4, b"a story of narendra"), (0, b"the film")]


def test_attacks_on_rows_are_the_same_for_any_number_of_partitions_and_rows_a_batch(
    version: DatasetVersion, spark: SparkSession, tmp_path: Path
) -> None:
    small = {"embedding": 12, "windows": [1, 2], "filters": 8}
    parts = {"classifier": build_model("language.text_classifier", small, SPEC)}
    model = build_model("language.text_attack", {}, SPEC, parts=parts)
    save_model(tmp_path / "model", model, name="language.text_attack", options={})
    packed = pack(tmp_path / "model")
    given = {name: {"from": "rows", "split": "test"} for name in ("text", "label")}
    tables = []
    for partitions, rows in ((1, 16), (3, 16), (2, 5)):
        made = sample(
            spark,
            packed,
            SamplingConfig(count=30, batch_rows=rows, seed=1, given=given),
            model_uri="models:/attack/1",
            samples_uri=str(tmp_path / f"{partitions}"),
            version=lambda: version,
            partitions=partitions,
        )
        tables.append(pq.read_table(sorted(Path(made.uri).glob("*.parquet"))))
    assert all(table.equals(tables[0]) for table in tables)
    with Image.open(made.text_picture) as sheet:
        assert sheet.width > 2 * 64 * 7
    assert has_contact_sheet(made)
    Path(made.text_picture).unlink()
    assert not has_contact_sheet(made)
    table = tables[0].to_pydict()
    assert table["given_text"] == TEXTS[:30]
    assert table["label"] == LABELS[:30].tolist()
    fooled = np.array(table["figure_success"]) == 1
    asked = np.array(table["figure_queries"]) > 1
    assert [a != b for a, b in zip(table["text"], TEXTS, strict=False)] == [
        changed > 0 for changed in table["figure_changed_words"]
    ]
    assert (fooled | asked).all()
    assert max(table["figure_changed_characters"]) <= 0.15
