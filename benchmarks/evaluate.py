"""Rows evaluated a second: our job, and the same figures in plain processes.

python -m benchmarks.evaluate [--data DIR] [--rounds N] [--quick]

All figures of MNIST's dense VAE, untrained (weights do not change the time), over the test split of
10,000 rows, with the importance samples of its experiment. The limits read the same files, compute
the same batches by the same functions, and add up: in a process a core, each with one thread, and
in one process that has all of TensorFlow's threads.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.data import mnist, mnist_test
from benchmarks.harness import Side, arguments, compare, report
from benchmarks.processes import process_a_core
from benchmarks.sample import load, load_plainly
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import Version, experiment_of, fresh_model, mnist_version
from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.files import StoredFile

EXPERIMENT = "vae_mnist"
QUICK_ROWS = 1_000


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    rows = QUICK_ROWS if options.quick else 10_000
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        version = ingest(spark, options.data, scratch, rows)
        experiment = experiment_of(EXPERIMENT, scratch)
        packed = fresh_model(experiment, version, scratch / "model")
        config = experiment.evaluation
        files = files_of(version, config)
        with ExitStack() as stack:
            pool = stack.enter_context(process_a_core(keep, load, packed, config))
            alone = stack.enter_context(
                process_a_core(keep, load_plainly, packed, config, processes=1)
            )
            sides = [
                Side("sparkgen", lambda: drop(ours(spark, packed, config, version))),
                Side("limit: a process a core", lambda: drop(pool.work(sum_file, files))),
                Side("limit: one process, all threads", lambda: drop(alone.work(sum_file, files))),
            ]
            report("evaluate", compare(EXPERIMENT, sides, rows=rows, rounds=options.rounds))


def ingest(spark: Any, data: str, scratch: Path, rows: int) -> Version:
    """A version with a test split of `rows` rows."""
    train = mnist(data, scratch, rows=800)
    return mnist_version(spark, scratch / "datasets", train, mnist_test(data, scratch, rows=rows))


def files_of(version: Version, config: EvaluationConfig) -> list[StoredFile]:
    """The files that the figures are of."""
    return version.manifest.split_files(version.uri, config.split)


def ours(spark: Any, packed: Any, config: EvaluationConfig, version: Version) -> Any:
    """The evaluate job."""
    from sparkgen.evaluation.evaluate import evaluate

    uri, manifest = version
    return evaluate(spark, packed, config, version_uri=uri, manifest=manifest)


def keep(load_model: Any, packed: Any, config: EvaluationConfig) -> Any:
    """The model as `load_model` gives it, and how to evaluate it."""
    return load_model(packed), config


def sum_file(kept: Any, file: StoredFile) -> None:
    """The sums of every figure over one file, by the functions of our job."""
    from sparkgen.datasets.rows import batches_of, read_file
    from sparkgen.evaluation.measure import measure
    from sparkgen.evaluation.metrics import sums

    model, config = kept
    names = [str(i) for i in range(model.spec.classes)]
    for rows in batches_of(read_file(file, model.spec.record), config.batch_rows):
        for _, _, values in measure(model, rows, config, class_names=names):
            sums(values)


def drop(results: Sequence[Any] | Any) -> None:
    """Nothing: the clock is the harness's."""


if __name__ == "__main__":
    main()
