"""Computes the figures of samples, which are the same for all families of models.

| figure | what it says |
| --- | --- |
| `memorised` | the share of samples that are nearly a training row |
| `held_out_duplicates` | how many of the rows that it is held against are training rows too |
| `nearest_training_row` | median distance of a sample to it; `..._held_out`: of a test row |
| `kid`, `fid` | distance of samples and test rows in the judge's features |
| `precision`, `recall` | how real, and how complete, the samples are in the judge's features |
| `judge_confident`, `judge_classes_present`, `judge_imbalance` | the judge's verdict on the samples |
| `judge_confident_held_out` | `judge_confident` of as many test rows, to hold it against |
| `judge_agrees` | the share of samples, made by given labels, of whose label the judge is sure |
| `inception_fid`, `inception_kid` | the same distances in the features of Inception v3 |

The judge is a registered classifier of the same data set; its digest is in every protocol that it
has a part in. Spark computes features file by file, and searches the whole training set.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import read_column
from sparkgen.evaluation.distances import LEAST_BLOCKS, frechet_distance, kernel_distance
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.inception import INCEPTION, inception_values
from sparkgen.evaluation.judgement import CONFIDENT, judge
from sparkgen.evaluation.manifold import precision_recall
from sparkgen.evaluation.memorisation import (
    NEIGHBOURS,
    memorisation,
    merge_nearest,
    nearest_distances,
)
from sparkgen.evaluation.text_figures import TEXT_FIGURES
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.noise import Stream, permutation
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Floats = npt.NDArray[np.floating[Any]]

log = logging.getLogger(__name__)

UNJUDGED = (
    "memorised",
    "held_out_duplicates",
    "nearest_training_row",
    "nearest_training_row_held_out",
)
JUDGED = (
    "kid",
    "fid",
    "precision",
    "recall",
    "judge_confident",
    "judge_confident_held_out",
    "judge_classes_present",
    "judge_imbalance",
)
AGREES = "judge_agrees"
JUDGE_ROWS = 250  # records a call of the judge


class Judged(NamedTuple):
    """The judge's features and class probabilities of N records, in the order of the files."""

    features: Floats
    """float32 (N, F)."""
    probabilities: Floats
    """float32 (N, classes)."""


class Value(NamedTuple):
    """The value, protocol and standard error of a figure, without its data set and rows."""

    value: float
    protocol: str
    standard_error: float | None = None


def sample_figure_names(
    config: EvaluationConfig, makes: Record, *, labelled: bool = False
) -> set[str]:
    """The names of the figures of samples that an evaluation computes for a request."""
    if not config.samples:
        return set()
    if makes.kind == "text":
        return TEXT_FIGURES
    names = {*UNJUDGED, *(INCEPTION if config.inception is not None else ())}
    return names if config.judge is None else {*names, *JUDGED, *([AGREES] if labelled else [])}


def appraise(
    spark: "SparkSession",
    sample_files: Sequence[StoredFile],
    packed_judge: PortableModel | None,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
    labelled: bool = False,
    inception: PortableModel | None = None,
) -> dict[str, Figure]:
    """All figures of a sample set, by name.

    Args:
        spark: the session.
        sample_files: the Parquet files of the samples, with a column of the record's kind, such
            as `image`.
        packed_judge: the judge; None: only what needs no judge.
        config: the split held against the samples, and the seed that shuffles it.
        version_uri: of the dataset version, on storage that all executors share.
        manifest: of the dataset version.
        labelled: whether samples were made by labels, which stand in the column `label`.
        inception: the network Inception v3; None: no figures in its features.

    Raises:
        ManifestError: no such split, or a file is missing or damaged.
    """
    held_out_files = manifest.split_files(version_uri, config.split)
    train_files = manifest.split_files(version_uri, "train")
    check_sizes(held_out_files)
    check_sizes(train_files)
    record = manifest.spec.record
    samples = read_records(sample_files, record)
    held_out = read_records(held_out_files, record)
    order = permutation(len(held_out), seed=config.seed, stream=Stream.EVALUATE)
    some = held_out[order[: len(samples)]]
    values = _memorisation(spark, samples, some, train_files, record)
    if packed_judge is not None:
        judged = judge_files(spark, packed_judge, sample_files)
        real = judge_files(spark, packed_judge, held_out_files)
        shuffled = Judged(*(array[order] for array in real))
        values |= _judgement(judged, shuffled, packed_judge, manifest)
        if labelled:
            values[AGREES] = _agreement(judged, sample_files, packed_judge)
    if inception is not None:
        found = inception_values(spark, inception, sample_files, held_out_files, record, order)
        values |= {name: Value(*value) for name, value in found.items()}
    return _as_figures(values, config, manifest, rows=len(samples))


def _as_figures(
    values: Mapping[str, Value], config: EvaluationConfig, manifest: Manifest, *, rows: int
) -> dict[str, Figure]:
    return {
        name: Figure(
            value=value.value,
            standard_error=value.standard_error,
            protocol=value.protocol,
            rows=rows,
            dataset=manifest.name,
            dataset_version=manifest.version,
            split=config.split,
            seed=config.seed,
        )
        for name, value in values.items()
    }


def judge_files(
    spark: "SparkSession", packed: PortableModel, files: Sequence[StoredFile]
) -> Judged:
    """The judge's features and class probabilities of all records of some Parquet files."""

    def judge_file(file: StoredFile) -> Iterator[Judged]:
        yield _judge_records(unpack(packed), read_column(file, packed.spec.record))

    found = run_each(spark, judge_file, files)
    return Judged(*map(np.concatenate, zip(*found, strict=True)))


def read_records(files: Sequence[StoredFile], record: Record) -> npt.NDArray[Any]:
    """All records of some Parquet files: (N, *shape)."""
    return np.concatenate([read_column(file, record) for file in files])


def _judge_records(model: Any, records: npt.NDArray[Any]) -> Judged:
    import keras

    features, probabilities = [], []
    for start in range(0, len(records), JUDGE_ROWS):
        some = model.spec.record.to_model(records[start : start + JUDGE_ROWS])
        x = keras.ops.convert_to_tensor(some)
        features_BF = model.features(x)
        features.append(np.asarray(features_BF).reshape(len(x), -1))
        probabilities.append(np.asarray(keras.ops.softmax(model.head(features_BF))))
    return Judged(np.concatenate(features), np.concatenate(probabilities))


def _judgement(
    samples: Judged, real: Judged, packed_judge: PortableModel, manifest: Manifest
) -> dict[str, Value]:
    x, y = samples.features, real.features
    by = f"judge {packed_judge.digest}"
    against = f"{len(x)} samples against {len(y)} rows, {by}"
    kid = kernel_distance(x, y)
    kid_protocol = f"KID, cubic kernel, {LEAST_BLOCKS} blocks or more, {against}"
    near = precision_recall(y[: len(x)], x)
    classes = samples.probabilities.shape[1]
    counts = manifest.splits["train"].label_counts
    expected = np.array([counts.get(label, 0) for label in range(classes)], np.float64)
    shares = expected / expected.sum()
    verdict = judge(samples.probabilities, shares)
    of_real = judge(real.probabilities[: len(x)], shares)
    known = int((expected > 0).sum())
    of_classes = "share of classes" + (f", {known} of {classes}" if known < classes else "")
    return {
        "kid": Value(kid.value, kid_protocol, kid.standard_error),
        "fid": Value(frechet_distance(x, y), f"FID, {against}"),
        "precision": Value(near.precision, f"precision, 3 neighbours, {against}"),
        "recall": Value(near.recall, f"recall, 3 neighbours, {against}"),
        "judge_confident": Value(verdict.confident, f"share over {CONFIDENT}, {by}"),
        "judge_confident_held_out": Value(
            of_real.confident, f"share over {CONFIDENT} of held-out rows, {by}"
        ),
        "judge_classes_present": Value(verdict.classes_present, f"{of_classes}, {by}"),
        "judge_imbalance": Value(verdict.imbalance, f"total variation, {by}"),
    }


def _agreement(
    samples: Judged, sample_files: Sequence[StoredFile], packed_judge: PortableModel
) -> Value:
    labels = np.concatenate([file.table(["label"])["label"].to_numpy() for file in sample_files])
    own = samples.probabilities[np.arange(len(labels)), labels]
    share = float((own > CONFIDENT).mean())
    return Value(share, f"share over {CONFIDENT} of the given label, judge {packed_judge.digest}")


def _memorisation(
    spark: "SparkSession",
    samples: Any,
    held_out: Any,
    train_files: Sequence[StoredFile],
    record: Record,
) -> dict[str, Value]:
    queries = np.concatenate([samples, held_out])
    query = spark.sparkContext.broadcast(record.points(queries))

    def nearest(file: StoredFile) -> Iterator[Floats]:
        points_ND = record.points(read_column(file, record))
        # Half as many bytes come back, and float32 is what the figures were always made of.
        yield nearest_distances(query.value, points_ND, neighbours=NEIGHBOURS).astype(np.float32)

    try:
        parts = run_each(spark, nearest, train_files)
    finally:
        query.unpersist()
    near_QK = merge_nearest(parts, neighbours=NEIGHBOURS)
    found = memorisation(
        near_QK[: len(samples)], near_QK[len(samples) :], copy_distance=record.copy_distance
    )
    how = f"{record.distance}, against {len(held_out)} held-out rows"
    copies, left_out = found.held_out_duplicates, ""
    if copies:
        left_out = f", {copies} of them training rows and left out"
        log.warning(
            "%d of %d held-out rows are training rows too; samples are compared with the others only",
            copies,
            len(held_out),
        )
    return {
        "memorised": Value(
            found.memorised, f"copy ratio to {NEIGHBOURS} neighbours, {how}{left_out}"
        ),
        "held_out_duplicates": Value(float(copies), how),
        "nearest_training_row": Value(found.nearest, how),
        "nearest_training_row_held_out": Value(found.nearest_held_out, how),
    }
