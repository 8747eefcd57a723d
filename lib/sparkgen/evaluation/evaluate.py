"""Computes all figures of a model on a whole split with Spark, each row exactly once.

A task's unit is a file of the dataset version, read in the executor and cut into batches in its own
order. So which rows share a batch, and with it the last bit of every figure, does not depend on the
number of tasks.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import batches_of, read_file
from sparkgen.errors import ManifestError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.metrics import (
    Sums,
    bits_per_dimension,
    combine,
    mean,
    standard_error,
    sums,
)
from sparkgen.evaluation.strided import strided_figures
from sparkgen.evaluation.text_nats import of_text
from sparkgen.models.declared import EXACT
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TEXT_NATS = f"{EXACT}_nats"
"""The likelihood of texts, whose sum over a split is that of the text."""

FileSums = list[tuple[str, str, Sums]]
"""Name, protocol and sums of every figure over one file."""


def evaluate(
    spark: "SparkSession",
    packed: PortableModel,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
    partitions: int | None = None,
) -> dict[str, Figure]:
    """All figures of a model on a split, by name.

    Args:
        spark: the session.
        packed: the model.
        config: which split, and how.
        version_uri: of the dataset version, on storage that all executors share.
        manifest: of the dataset version.
        partitions: Spark's tasks; None: one a file. The figures are the same for any.

    Raises:
        ManifestError: no such split, records of another form than the model's, or a file that is
            missing or damaged.
    """
    if manifest.spec.record != packed.spec.record:
        raise ManifestError(
            f"{packed.spec.record}, which the model was made for",
            found=f"{manifest.spec.record} in dataset {manifest.name}",
            mend="evaluate it on the dataset that it was trained on",
        )
    files = manifest.split_files(version_uri, config.split)
    check_sizes(files)
    model = spark.sparkContext.broadcast(packed)
    names = manifest.class_names

    def total(file: StoredFile) -> Iterator[FileSums]:
        yield sum_file(model.value, file, config, class_names=names)

    try:
        found = run_each(spark, total, files, tasks=partitions)
    finally:
        model.unpersist()
    strided = strided_figures(
        spark, packed, config, version_uri=version_uri, manifest=manifest, partitions=partitions
    )
    return _figures(found, config, manifest) | strided


def sum_file(
    packed: PortableModel, file: StoredFile, config: EvaluationConfig, *, class_names: Sequence[str]
) -> FileSums:
    """The sums of every figure over one file; called in an executor."""
    from sparkgen.evaluation.measure import measure

    model = unpack(packed)
    parts: defaultdict[tuple[str, str], list[Sums]] = defaultdict(list)
    for rows in batches_of(read_file(file, packed.spec.record), config.batch_rows):
        for name, protocol, values in measure(model, rows, config, class_names=class_names):
            parts[name, protocol].append(sums(values))
    return [(name, protocol, combine(p)) for (name, protocol), p in parts.items()]


def _figures(
    files: list[FileSums], config: EvaluationConfig, manifest: Manifest
) -> dict[str, Figure]:
    parts: defaultdict[tuple[str, str], list[Sums]] = defaultdict(list)
    for name, protocol, total in (found for file in files for found in file):
        parts[name, protocol].append(total)
    figures: dict[str, Figure] = {}
    for (name, protocol), sums_of_files in sorted(parts.items()):
        total = combine(sums_of_files)
        if not total.rows:  # none that says anything of it
            continue
        figure = Figure(
            value=mean(total),
            standard_error=standard_error(total),
            protocol=protocol,
            rows=total.rows,
            dataset=manifest.name,
            dataset_version=manifest.version,
            split=config.split,
            seed=config.seed,
        )
        figures[name] = figure
        if name.endswith("_nats"):
            figures[name.replace("_nats", "_bits_per_dim")] = _in_bits(figure, manifest)
        if name == TEXT_NATS:
            figures |= of_text(total.total, figure, manifest)
    return figures


def _in_bits(figure: Figure, manifest: Manifest) -> Figure:
    dimensions = manifest.spec.record.size
    error = figure.standard_error
    return figure._replace(
        value=bits_per_dimension(figure.value, dimensions),
        standard_error=None if error is None else bits_per_dimension(error, dimensions),
        protocol=figure.protocol.replace("in nats", "in bits a dimension"),
    )
