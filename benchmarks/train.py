"""Seconds of a training epoch: ours, plain Keras `fit`, and workers that exchange nothing.

python -m benchmarks.train [--data DIR] [--rounds N] [--quick]

The dense and the convolutional VAE and the PixelCNN of the MNIST experiments, all in new processes
of the launcher, without validation. The first epoch, in which steps are compiled, does not count;
the two after it do, ours from checkpoint to checkpoint, so with all that training does in between.

1 worker has all threads, as Keras has. Keras decides itself on XLA ("auto"), and is also run
without it, but not with --quick. 2 workers have a thread each; their limit is two trainings apart,
with half the batch and half the rows each, and their peer Keras with all threads.
"""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data import mnist
from benchmarks.harness import Comparison, Side, arguments, compare, report
from benchmarks.plain_keras import fit
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import Version, experiment_of, mnist_version
from sparkgen.distribution.launcher import launch
from sparkgen.training.worker import train

EPOCHS = 3
numbers = count()


class Case(NamedTuple):
    """A model, and how much it is to learn from."""

    name: str
    experiment: str
    batch_size: int
    """Of the experiment, made such that its half too is a multiple of the 8 lanes."""
    rows: int
    quick_rows: int


class Job(NamedTuple):
    """A case with its rows ingested, whole and half of them."""

    case: Case
    scratch: Path
    whole: Version
    half: Version


DENSE = Case("dense VAE", "vae_mnist", 112, 30_000, 6_000)
CONVOLUTIONAL = Case("convolutional VAE", "conv_vae_mnist", 112, 6_000, 1_200)
HEAVY = Case("PixelCNN", "pixel_cnn_mnist", 48, 600, 96)


def main() -> None:
    """Runs the comparisons."""
    options = arguments(__doc__, rounds=3)
    with scratch_folder() as scratch:
        jobs = [
            ingest(case, options.data, scratch, case.quick_rows if options.quick else case.rows)
            for case in (DENSE, CONVOLUTIONAL, HEAVY)
        ]
        cases = [one_worker(job, options.rounds, quick=options.quick) for job in jobs[:2]]
        cases += [two_workers(job, options.rounds) for job in jobs]
        report("train", *cases)


def ingest(case: Case, data: str, scratch: Path, rows: int) -> Job:
    """The dataset versions of a case."""
    with local_spark(scratch) as spark:
        whole, half = (
            mnist_version(spark, scratch / f"{n}-rows", mnist(data, scratch, rows=n))
            for n in (rows, rows // 2)
        )
    return Job(case, scratch, whole, half)


def one_worker(job: Job, rounds: int, *, quick: bool) -> Comparison:
    """Ours against Keras, with all threads of the machine."""
    sides = [
        Side("sparkgen", partial(ours, job, workers=1)),
        Side("Keras fit", partial(keras_fit, job, jit_compile="auto")),
    ]
    if not quick:
        sides.append(Side("Keras fit without XLA", partial(keras_fit, job, jit_compile=False)))
    return _compare(job, "1 worker", sides, rounds)


def two_workers(job: Job, rounds: int) -> Comparison:
    """Ours against two trainings apart, and against Keras with all threads."""
    sides = [
        Side("sparkgen", partial(ours, job, workers=2)),
        Side("limit: two apart", partial(apart, job)),
        Side("Keras fit, all threads", partial(keras_fit, job, jit_compile="auto")),
    ]
    return _compare(job, "2 workers", sides, rounds)


def ours(job: Job, *, workers: int) -> float:
    """Seconds of an epoch of `workers` workers, the machine's threads divided among them."""
    return _train(job, job.whole, job.case.batch_size, workers=workers)


def apart(job: Job) -> float:
    """The same, of two trainings that know nothing of each other, at the mean of their rates."""
    run = partial(_train, job, job.half, job.case.batch_size // 2, workers=1, threads=1)
    with ThreadPoolExecutor(2) as pool:
        seconds = [future.result() for future in [pool.submit(run) for _ in range(2)]]
    return 2 / sum(1 / s for s in seconds)


def keras_fit(job: Job, *, jit_compile: str | bool) -> float:
    """Seconds of an epoch of Keras."""
    request = {
        "experiment": _experiment(job, job.case.batch_size),
        "version_uri": job.whole.uri,
        "jit_compile": jit_compile,
    }
    return launch(fit, request, workers=1, where="local")["seconds"]


def _train(
    job: Job, version: Version, batch_size: int, *, workers: int, threads: int | None = None
) -> float:
    checkpoints = job.scratch / "checkpoints" / str(next(numbers))
    request = {
        "experiment": _experiment(job, batch_size),
        "version_uri": version.uri,
        "checkpoint_uri": str(checkpoints),
    }
    launch(train, request, workers=workers, where="local", threads_per_worker=threads)
    ends = sorted(os.stat(path).st_mtime_ns for path in checkpoints.glob("checkpoint-*.npz"))
    return (ends[-1] - ends[0]) / (len(ends) - 1) / 1e9


def _experiment(job: Job, batch_size: int) -> dict[str, Any]:
    overrides = (
        f"training.epochs={EPOCHS}",
        f"training.keep_checkpoints={EPOCHS}",
        f"training.batch_size={batch_size}",
        "training.checkpoint_seconds=86400.0",
    )
    return experiment_of(job.case.experiment, job.scratch, *overrides).model_dump(mode="json")


def _compare(job: Job, workers: str, sides: Sequence[Side], rounds: int) -> Comparison:
    batch_size = job.case.batch_size
    rows = job.whole.manifest.split("train").rows // batch_size * batch_size
    # Every side starts new processes, which warm up in their first epoch.
    return compare(f"{job.case.name}, {workers}", sides, rows=rows, rounds=rounds, warm_up=0)


if __name__ == "__main__":
    main()
