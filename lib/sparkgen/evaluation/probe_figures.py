"""Computes how well linear probes tell the classes by what a model makes of records.

| figure | what the probe is given |
| --- | --- |
| `probe_accuracy_<n>` | the model's latents (a posterior's mean), or a classifier's features |
| `probe_pixels_accuracy_<n>` | the pixels |
| `probe_pca_accuracy_<n>` | as many principal components of the pixels as there are latents |
| `probe_over_pca_<n>` | the first accuracy minus the third |

n is the number of labelled training rows, or `all`. Model and principal components have seen all
training rows, without labels (a classifier with them); the probe sees the labelled ones. Spark's tasks
encode the rows, file by file, and fit the probes, one a task.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig, ProbeConfig
from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record
from sparkgen.datasets.rows import Rows, batches_of, pad, read_file
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.linear_probe import (
    Indices,
    Pair,
    correct,
    labelled_rows,
    principal,
    scaled,
)
from sparkgen.evaluation.metrics import mean, standard_error, sums
from sparkgen.evaluation.probes import (
    LATENTS,
    PCA,
    Count,
    Trial,
    check_drawn,
    check_probed,
    figure_name,
    protocol_of,
    trials_of,
)
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.noise import Stream, permutation
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


Floats = npt.NDArray[np.floating[Any]]
Right = npt.NDArray[np.bool_]
"""Whether a probe told the class of each test row."""


class Share(NamedTuple):
    """Some rows of a file, by their numbers in it, ascending."""

    file: StoredFile
    rows: Indices


class Probed(NamedTuple):
    """What probes are given: points of training and test rows by name, and their labels."""

    points: Mapping[str, Pair]
    train_labels: npt.NDArray[np.int32]
    test_labels: npt.NDArray[np.int32]


def probe_figures(
    spark: "SparkSession",
    packed: PortableModel,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
    partitions: int | None = None,
) -> dict[str, Figure]:
    """All figures of linear probes of a model, by name; none where the request has no probes.

    Args:
        spark: the session.
        packed: the model.
        config: the probes, and the split on which they are right or wrong.
        version_uri: of the dataset version, on storage that all executors share.
        manifest: of the dataset version.
        partitions: Spark's tasks; None: one a file, and one a probe. The figures are the same for any.

    Raises:
        RequestError: a model without latents and features, or too few rows of each class are drawn.
        ManifestError: no such split, or a file is missing or damaged.
    """
    probe, seed, record = config.probe, config.seed, packed.spec.record
    if probe is None:
        return {}
    train, test = (
        _shares(manifest.split_files(version_uri, name), limit=probe.rows, seed=seed)
        for name in ("train", config.split)
    )
    train_rows, test_rows = _rows(train, record), _rows(test, record)
    check_drawn(train_rows.label)
    latents = _latents(spark, packed, (train, test), rows=config.batch_rows, tasks=partitions)
    probed = _probed(latents, train_rows, test_rows, record, seed=seed)
    shared = spark.sparkContext.broadcast(probed)

    def fit(trial: Trial) -> Iterator[Right]:
        yield _right(shared.value, trial, seed=seed)

    trials = trials_of(probe, list(probed.points))
    try:
        found = dict(zip(trials, run_each(spark, fit, trials, tasks=partitions), strict=True))
    finally:
        shared.unpersist()
    return _figures(found, probed, probe, config, manifest)


def _latents(
    spark: "SparkSession",
    packed: PortableModel,
    splits: tuple[list[Share], list[Share]],
    *,
    rows: int,
    tasks: int | None,
) -> Pair:
    """What a model makes of the rows of two splits, `rows` of a file at once."""
    model = spark.sparkContext.broadcast(packed)

    def encode(share: Share) -> Iterator[Floats]:
        yield _encoded(model.value, share, rows)

    train, test = splits
    try:
        made = run_each(spark, encode, [*train, *test], tasks=tasks)
    finally:
        model.unpersist()
    return Pair(np.concatenate(made[: len(train)]), np.concatenate(made[len(train) :]))


def _probed(latents: Pair, train: Rows, test: Rows, record: Record, *, seed: int) -> Probed:
    entries = Pair(record.points(train.data), record.points(test.data))
    components = principal(entries, latents.train.shape[1], seed=seed)
    points = {LATENTS: latents, record.entries: entries, PCA: components}
    return Probed({name: scaled(pair) for name, pair in points.items()}, train.label, test.label)


def _shares(files: Sequence[StoredFile], *, limit: int, seed: int) -> list[Share]:
    """At most `limit` rows of a split, drawn at random, by the files that they are in."""
    check_sizes(files)
    sizes = [file.entry.rows for file in files]
    drawn = permutation(sum(sizes), seed=seed, stream=Stream.EVALUATE)[:limit]
    starts = np.cumsum([0, *sizes])
    parts = np.split(np.sort(drawn), np.searchsorted(np.sort(drawn), starts[1:-1]))
    found = zip(files, parts, starts[:-1], strict=True)
    return [Share(file, part - start) for file, part, start in found if len(part)]


def _rows(shares: Sequence[Share], record: Record) -> Rows:
    return Rows.concatenate([read_file(file, record).take(rows) for file, rows in shares])


def _encoded(packed: PortableModel, share: Share, batch_rows: int) -> Floats:
    """What a model makes of the rows of a share, float32 (N, F); called in an executor."""
    import keras

    model: Any = unpack(packed)
    check_probed(model)
    encode = model.encode if model.has_latents else model.features
    made = []
    for rows in batches_of(_rows([share], packed.spec.record), batch_rows):
        x = keras.ops.convert_to_tensor(packed.spec.record.to_model(pad(rows.data, batch_rows)))
        points = np.asarray(keras.ops.convert_to_numpy(encode(x)), np.float32)
        made.append(points[: len(rows.id)].reshape(len(rows.id), -1))
    return np.concatenate(made)


def _right(probed: Probed, trial: Trial, *, seed: int) -> Right:
    """Whether a probe is right about each test row; called in an executor."""
    labels = probed.train_labels
    count = len(labels) if trial.labelled == "all" else trial.labelled
    rows = labelled_rows(labels, count, seed=seed, draw=trial.draw)
    train, test = probed.points[trial.points]
    return correct(train[rows], labels[rows], test, probed.test_labels)


def _figures(
    right: Mapping[Trial, Right],
    probed: Probed,
    probe: ProbeConfig,
    config: EvaluationConfig,
    manifest: Manifest,
) -> dict[str, Figure]:
    def figure(values: Floats, what: str, count: Count) -> Figure:
        total = sums(values)
        return Figure(
            value=mean(total),
            standard_error=standard_error(total),
            protocol=protocol_of(what, count, len(probed.train_labels), probe),
            rows=len(probed.test_labels),
            dataset=manifest.name,
            dataset_version=manifest.version,
            split=config.split,
            seed=config.seed,
        )

    def accuracies(points: str, count: Count) -> Floats:
        """Of each draw; where there is only one, of each test row."""
        found = [
            right[trial] for trial in right if (trial.points, trial.labelled) == (points, count)
        ]
        return np.array(found).mean(axis=1) if len(found) > 1 else found[0].astype(np.float64)

    figures = {}
    for count in probe.labels:
        by = {points: accuracies(points, count) for points in probed.points}
        for points, values in by.items():
            figures[figure_name(points, count)] = figure(values, points, count)
        over = by[LATENTS] - by[PCA]
        figures[f"probe_over_pca_{count}"] = figure(over, f"{LATENTS} minus {PCA}", count)
    return figures
