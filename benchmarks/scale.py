"""Peak memory and time of every stage at 1, 4 and 16 times MNIST, and the plan for a large cluster.

python -m benchmarks.scale [--data DIR] [--rounds N] [--quick]

MNIST's rows are repeated under new ids. Every stage runs in a new process, whose clock starts when
Spark does work, and memory is that of the largest process of each role: see benchmarks.tree. Ingest
writes a version; feed goes through an epoch in batches of 128; train takes an epoch of the dense VAE
on two workers; sample makes as many samples as there are rows. The plan is that of one rank's first
epoch, span by span, for 10⁶ shards (rounded up to whole lanes) and 1,024 workers, its memory as
Python and NumPy ask for it.
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.data import mnist, repeated
from benchmarks.harness import Spread, arguments, publish, spread
from benchmarks.processes import in_new_process
from benchmarks.session import local_spark, scratch_folder
from benchmarks.tree import DRIVER, JVM, SPARK_WORKER, TRAINER, Watched, watch
from benchmarks.versions import Version, experiment_of, fresh_model, mnist_version
from sparkgen.models.portable import PortableModel

QUICK_ROWS = 6_000
MIB = 2**20
EXPERIMENT = "vae_mnist"
ROLES = (DRIVER, JVM, SPARK_WORKER, TRAINER)
SHARDS, WORKERS, SHARD_ROWS, LANE_ROWS = 10**6, 1024, 4096, 128


class Row(NamedTuple):
    """One stage at one size."""

    stage: str
    rows: int
    seconds: Spread
    peak_mib: dict[str, float]
    """By role."""
    tree_mib: float
    """Of all processes together."""


class Stage(NamedTuple):
    """One stage, run once."""

    name: str
    seconds: float
    watched: Watched


class PlanCost(NamedTuple):
    """What the plan of one rank's first epoch takes."""

    shards: int
    workers: int
    seconds: float
    peak_mib: float


def main() -> None:
    """Measures all stages at all sizes, then the plan."""
    options = arguments(__doc__, rounds=1)
    rows, sizes = (QUICK_ROWS, (1, 4)) if options.quick else (60_000, (1, 4, 16))
    found: list[Row] = []
    with scratch_folder() as scratch:
        source = mnist(options.data, scratch, rows=rows)
        for times in sizes:
            text = repeated(source, scratch, times=times)
            found += over_rounds(text, scratch, rows * times, options.rounds)
    plan = in_new_process(plan_cost, SHARDS, WORKERS)
    publish(
        "scale",
        ("stage", "rows", "seconds", "rows/s", *(f"{role}, MiB" for role in ROLES), "all, MiB"),
        [*(_cells(row) for row in found), _plan_cells(plan)],
        stages=[row._asdict() | {"seconds": row.seconds._asdict()} for row in found],
        plan=plan._asdict(),
    )


def over_rounds(source: Path, scratch: Path, rows: int, rounds: int) -> list[Row]:
    """All stages on one source: the spread of their seconds, and the most memory of any round."""
    stages: dict[str, list[Stage]] = {}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            for stage in measure(source, Path(folder), rows):
                stages.setdefault(stage.name, []).append(stage)
    return [_row(name, rows, measured) for name, measured in stages.items()]


def measure(source: Path, folder: Path, rows: int) -> list[Stage]:
    """All stages on one source, once."""
    ingested = watch(ingest, source, folder)
    seconds, version = ingested.result
    if version.manifest.split("train").rows != rows:
        raise SystemExit(f"{rows} rows were to be ingested, not {version.manifest.splits}")
    packed = fresh_model(experiment_of(EXPERIMENT, folder), version, folder / "model")
    stages: dict[str, Callable[[], Watched]] = {
        "feed": lambda: watch(feed, version),
        "train": lambda: watch(train, version, folder),
        "sample": lambda: watch(sample, packed, folder, rows),
    }
    found = [Stage("ingest", seconds, ingested)]
    for name, run in stages.items():
        watched = run()
        found.append(Stage(name, watched.result, watched))
    return found


def ingest(source: Path, folder: Path) -> tuple[float, Version]:
    """Seconds, and the version."""
    with local_spark(folder) as spark:
        start = time.perf_counter()
        version = mnist_version(spark, folder / "datasets", source)
        return time.perf_counter() - start, version


def feed(version: Version) -> float:
    """Seconds of an epoch."""
    from benchmarks.feed import ours

    return ours(version)


def train(version: Version, folder: Path) -> float:
    """Seconds of the steps of an epoch."""
    from sparkgen.distribution.launcher import launch
    from sparkgen.training.worker import train as worker

    experiment = experiment_of(EXPERIMENT, folder, "training.epochs=1")
    request = {
        "experiment": experiment.model_dump(mode="json"),
        "version_uri": version.uri,
        "checkpoint_uri": str(folder / "checkpoints"),
    }
    return launch(worker, request, workers=2, where="local")["seconds"]


def sample(packed: PortableModel, folder: Path, count: int) -> float:
    """Seconds of a sample set, in which the executors load the model too."""
    from sparkgen.config.experiment import SamplingConfig
    from sparkgen.sampling.sample import sample as job

    with local_spark(folder) as spark:
        start = time.perf_counter()
        config, uri = SamplingConfig(count=count), str(folder / "samples")
        job(spark, packed, config, model_uri="models:/benchmark/1", samples_uri=uri)
        return time.perf_counter() - start


def plan_cost(shards: int, workers: int) -> PlanCost:
    """Time of a rank's first epoch, planned; then once more, to see its memory."""
    import tracemalloc

    import numpy as np

    shards = -(-shards // workers) * workers
    shard_rows = np.full(shards, SHARD_ROWS)
    start = time.perf_counter()
    walk(shard_rows, workers)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    walk(shard_rows, workers)
    peak = tracemalloc.get_traced_memory()[1]
    return PlanCost(shards, workers, seconds, peak / MIB)


def walk(shard_rows: Any, workers: int) -> None:
    """Everything that the feed of one rank asks of the plan in an epoch."""
    from sparkgen.feed.plan import START, make_plan

    plan = make_plan(shard_rows, lanes=workers, batch_size=LANE_ROWS * workers, seed=0)
    lanes = plan.owned_lanes(workers // 2, workers)
    for span in plan.spans(lanes, start=START, epochs=1, steps=SHARD_ROWS // LANE_ROWS):
        for lane in span.lanes:
            plan.segments(span, lane)


def _row(name: str, rows: int, measured: list[Stage]) -> Row:
    peaks = [stage.watched.peak_bytes for stage in measured]
    return Row(
        name,
        rows,
        spread([stage.seconds for stage in measured]),
        {r: max(peak.get(r, 0) for peak in peaks) / MIB for r in ROLES if r in peaks[0]},
        max(stage.watched.tree_bytes for stage in measured) / MIB,
    )


def _cells(row: Row) -> list[str]:
    memory = [f"{row.peak_mib[role]:,.0f}" if role in row.peak_mib else "" for role in ROLES]
    rate = f"{row.rows / row.seconds.median:,.0f}"
    return [row.stage, f"{row.rows:,}", str(row.seconds), rate, *memory, f"{row.tree_mib:,.0f}"]


def _plan_cells(plan: PlanCost) -> list[str]:
    what = f"plan: {plan.shards:,} shards, {plan.workers:,} workers"
    rows = plan.shards * SHARD_ROWS
    rate = f"{rows / plan.workers / plan.seconds:,.0f}"
    return [
        what,
        f"{rows:,}",
        f"{plan.seconds:.3g}",
        rate,
        *[""] * len(ROLES),
        f"{plan.peak_mib:,.0f}",
    ]


if __name__ == "__main__":
    main()
