"""Samples a second: our job, MLflow's Spark function over the same model, and `generate` alone.

python -m benchmarks.sample [--data DIR] [--rounds N] [--quick]

The models of two MNIST experiments, untrained (weights do not change the time), registered with
MLflow on SQLite. Ours writes a sample set with manifest and contact sheet; (a) writes the Parquet
that `mlflow.pyfunc.spark_udf` gives over the registered sampler as it is, whose pictures are PNG files in
base64. The limits draw the noise, generate
and round to uint8, and write nothing: in a process a core, and in one process that has all of
TensorFlow's threads. Spark's Python workers have the model from the round that does not count; every
round makes samples that were not made before.
"""

import shutil
from collections.abc import Callable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data import mnist
from benchmarks.harness import Comparison, Side, arguments, compare, report
from benchmarks.processes import Pool, process_a_core
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import Version, experiment_of, fresh_model, mnist_version
from sparkgen.models.portable import PortableModel

BATCH = 100
EXPERIMENTS = {"vae_mnist": 20_000, "dcgan_mnist": 6_000}  # and their samples
QUICK_EXPERIMENTS = {"vae_mnist": 5_000}


class Registered(NamedTuple):
    """A model in the registry."""

    packed: PortableModel
    uri: str


def main() -> None:
    """Runs the comparisons."""
    options = arguments(__doc__)
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        source = mnist(options.data, scratch, rows=800)
        version = mnist_version(spark, scratch / "datasets", source)
        cases = []
        experiments = QUICK_EXPERIMENTS if options.quick else EXPERIMENTS
        for name, samples in experiments.items():
            model = register(name, version, scratch)
            cases.append(compared(spark, name, model, scratch / name, samples, options.rounds))
        report("sample", *cases)


def register(name: str, version: Version, scratch: Path) -> Registered:
    """The model of an experiment, as training would have registered it."""
    from sparkgen.datasets.manifest import DatasetVersion
    from sparkgen.pipeline.train import SAMPLER, subject
    from sparkgen.tracking import registry
    from sparkgen.tracking.runs import open_run

    experiment = experiment_of(name, scratch)
    environment, folder = experiment.environment, scratch / "models" / name
    packed = fresh_model(experiment, version, folder)
    candidate = registry.Candidate(folder, SAMPLER, experiment.sampling, version.manifest)
    with open_run(environment, subject(experiment, DatasetVersion(*version))) as run:
        made = registry.register(environment, name, run, candidate)
    return Registered(packed, made.uri)


def compared(
    spark: Any, name: str, model: Registered, folder: Path, samples: int, rounds: int
) -> Comparison:
    """All sides on one model."""
    with ExitStack() as stack:
        pool = stack.enter_context(process_a_core(load, model.packed))
        alone = stack.enter_context(process_a_core(load_plainly, model.packed, processes=1))
        sides = [
            Side("sparkgen", our_job(spark, model, folder / "ours", samples)),
            Side("(a) spark_udf", spark_function(spark, model, folder / "udf", samples)),
            Side("limit: a process a core", generator(pool, samples)),
            Side("limit: one process, all threads", generator(alone, samples)),
        ]
        return compare(name, sides, rows=samples, rounds=rounds)


def our_job(spark: Any, model: Registered, folder: Path, samples: int) -> Callable[[], None]:
    """The sample job, with another seed every time."""
    from sparkgen.config.experiment import SamplingConfig
    from sparkgen.sampling.sample import sample

    seeds = count()

    def run() -> None:
        config = SamplingConfig(count=samples, seed=next(seeds), batch_rows=BATCH)
        sample(spark, model.packed, config, model_uri=model.uri, samples_uri=str(folder))

    return run


def spark_function(spark: Any, model: Registered, folder: Path, samples: int) -> Callable[[], None]:
    """MLflow's function, with other ids every time: the seed is part of it, and it is made once."""
    import mlflow
    from pyspark.sql.functions import struct

    predict = mlflow.pyfunc.spark_udf(
        spark,
        model.uri,
        env_manager="local",
        params={"seed": 0, "batch_rows": BATCH},
    )
    starts = count(0, samples)

    def run() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        first = next(starts)
        ids = spark.range(first, first + samples)
        made = ids.select(predict(struct("id")).alias("sample")).select("sample.*")
        made.write.parquet(str(folder))

    return run


def generator(pool: Pool, samples: int) -> Callable[[], None]:
    """Plain processes, with other batches every time."""
    batches = samples // BATCH
    starts = count(0, batches)

    def run() -> None:
        first = next(starts)
        pool.work(generate, range(first, first + batches))

    return run


def load(packed: PortableModel) -> Any:
    """The model, in a process that computes with one thread."""
    from sparkgen.models.unpacking import unpack

    return unpack(packed)


def load_plainly(packed: PortableModel) -> Any:
    """The model, in a process that computes with as many threads as TensorFlow likes."""
    import tempfile

    from sparkgen.models.portable import lay_out
    from sparkgen.models.saving import load_model

    with tempfile.TemporaryDirectory() as folder:
        lay_out(packed, folder)
        return load_model(folder)


def generate(model: Any, batch: int) -> None:
    """One batch of samples."""
    from sparkgen.sampling.generate import Recipe, generate_batch

    generate_batch(model, batch, {}, Recipe(0, BATCH, {}))


if __name__ == "__main__":
    main()
