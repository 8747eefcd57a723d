import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import ImageRecord
from sparkgen.datasets.rows import read_file
from sparkgen.errors import ManifestError, ModelError
from sparkgen.evaluation.evaluate import evaluate, sum_file
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.measure import figure_names
from sparkgen.evaluation.metrics import combine, mean, sums
from sparkgen.evaluation.sample_figures import appraise
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack

CONFIG = EvaluationConfig(likelihood_samples=5, batch_rows=7)


def figures(
    spark: SparkSession, packed: PortableModel, version: DatasetVersion, partitions: int
) -> dict[str, Figure]:
    return evaluate(
        spark,
        packed,
        CONFIG,
        version_uri=version.uri,
        manifest=version.manifest,
        partitions=partitions,
    )


def test_figures_are_the_same_bits_for_any_number_of_partitions(
    spark: SparkSession, packed_vae: PortableModel, digits_version: DatasetVersion
) -> None:
    one = figures(spark, packed_vae, digits_version, 1)
    assert one == figures(spark, packed_vae, digits_version, 7)
    assert {f.rows for f in one.values()} == {90}
    assert {"mse", "binary_crossentropy", "elbo_nats", "iwae_nats", "kl"} <= set(one)
    assert one["iwae_nats"].value <= one["elbo_nats"].value
    assert one["iwae_nats"].protocol != one["elbo_nats"].protocol
    nats, bits = one["elbo_nats"], one["elbo_bits_per_dim"]
    assert bits.value == pytest.approx(nats.value / 64 / math.log(2))
    assert bits.standard_error == pytest.approx(nats.standard_error / 64 / math.log(2))


def test_every_row_counts_once_whatever_the_batch_size(
    packed_vae: PortableModel, digits_version: DatasetVersion
) -> None:
    def mean_of(batch_rows: int, name: str) -> float:
        config = CONFIG.model_copy(update={"batch_rows": batch_rows})
        found = [
            total
            for file in digits_version.manifest.split_files(digits_version.uri, "test")
            for key, _, total in sum_file(packed_vae, file, config, class_names=())
            if key == name
        ]
        assert combine(found).rows == 90
        return mean(combine(found))

    for name in ("mse", "iwae_nats"):
        assert mean_of(3, name) == pytest.approx(mean_of(64, name), rel=1e-5)


def test_a_classifier_has_an_accuracy_for_every_class(
    spark: SparkSession, packed_classifier: PortableModel, digits_version: DatasetVersion
) -> None:
    found = figures(spark, packed_classifier, digits_version, 2)
    assert found == figures(spark, packed_classifier, digits_version, 9)
    by_class = [found[f"accuracy_{label}"] for label in range(10)]
    counts = digits_version.manifest.split("test").label_counts
    assert [figure.rows for figure in by_class] == [counts[label] for label in range(10)]
    assert {figure.protocol for figure in by_class} == {"term of the loss, rows of one class"}
    right = [round(figure.value * figure.rows) for figure in by_class]
    assert [figure.value for figure in by_class] == [
        n / counts[label] for label, n in enumerate(right)
    ]
    assert found["accuracy"].value == sum(right) / 90
    # Trained on two thirds of these rows, it is far above chance.
    assert found["accuracy"].value > 0.8


def test_accuracies_are_those_of_the_rows_of_each_class(
    packed_classifier: PortableModel, digits_version: DatasetVersion
) -> None:
    (file, *_) = digits_version.manifest.split_files(digits_version.uri, "test")
    names = digits_version.manifest.class_names
    found = {n: s for n, _, s in sum_file(packed_classifier, file, CONFIG, class_names=names)}
    rows = read_file(file, ImageRecord((8, 8, 1)))
    guess = np.argmax(unpack(packed_classifier).logits(rows.data / np.float32(255)), axis=1)
    for label in np.unique(rows.label):
        hits = (guess == label)[rows.label == label]
        assert found[f"accuracy_{label}"] == sums(hits)
    assert len(found) == 2 + len(np.unique(rows.label))


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (("T-shirt/top", "Ankle boot"), ["T-shirt_top", "Ankle_boot"]),
        (("a b", "a/b", "c"), ["0_a_b", "1_a_b", "2_c"]),
    ],
)
def test_class_names_become_names_that_a_server_takes_and_stay_apart(names, expected) -> None:
    assert figure_names(names) == expected


def test_a_damaged_file_stops_the_job_and_the_figures_of_samples_by_name(
    spark: SparkSession, packed_vae: PortableModel, split_version: DatasetVersion, tmp_path: Path
) -> None:
    root = Path(shutil.copytree(split_version.uri, tmp_path / "copy"))
    version = DatasetVersion(str(root), split_version.manifest)
    names = {"test": "test/part-00002.parquet", "train": "train/part-00001.parquet"}
    whole = {split: (root / name).read_bytes() for split, name in names.items()}
    for split, name in names.items():
        (root / name).write_bytes(whole[split][:200] + b"?" + whole[split][201:])
    with pytest.raises(
        ManifestError, match=f"{names['test']}, found others.*sparkgen ingest again"
    ):
        figures(spark, packed_vae, version, 4)
    at = {"version_uri": version.uri, "manifest": version.manifest}
    samples = version.manifest.split_files(version.uri, "test")[:1]
    with pytest.raises(ManifestError, match=f"{names['test']}, found others"):
        appraise(spark, samples, None, CONFIG, **at)
    (root / names["test"]).write_bytes(whole["test"])
    with pytest.raises(ManifestError, match=f"{names['train']}, found others"):
        appraise(spark, samples, None, CONFIG, **at)
    (root / names["train"]).unlink()
    with pytest.raises(ManifestError, match=f"{names['train']}, found no such file"):
        appraise(spark, samples, None, CONFIG, **at)


def test_weights_that_do_not_fit_are_one_line_from_the_executors(
    spark: SparkSession, packed_vae: PortableModel, digits_version: DatasetVersion
) -> None:
    description = {**packed_vae.description, "options": {"latent": 4, "hidden": [16]}}
    for name in ("sealed_sha256", "weights_sha256"):
        del description[name]
    other = packed_vae._replace(description_json=json.dumps(description).encode())
    with pytest.raises(
        ModelError, match=r"weights that fit the description in the saved variational"
    ):
        figures(spark, other, digits_version, 2)


def test_a_wrong_split_or_shape_is_refused(
    spark: SparkSession, packed_vae: PortableModel, digits_version: DatasetVersion
) -> None:
    train = CONFIG.model_copy(update={"split": "train"})
    uri, manifest = digits_version
    with pytest.raises(ManifestError, match="split 'train'"):
        evaluate(spark, packed_vae, train, version_uri=uri, manifest=manifest)
    larger = manifest.model_copy(update={"shape": (28, 28, 1)})
    with pytest.raises(ManifestError, match="8, 8, 1"):
        evaluate(spark, packed_vae, CONFIG, version_uri=uri, manifest=larger)
