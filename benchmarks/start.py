"""What is waited for before work begins, and `make run` by step.

python -m benchmarks.start [--data DIR] [--rounds N] [--quick]

Seconds of `sparkgen --help`; of every step of conf/experiments/vae_digits.yaml in one new process,
as `sparkgen run` does them, with the number of processes that loaded TensorFlow in it; and from the
call of the launcher on Spark to the checkpoint after the first step of two workers. `--quick` trains
two epochs. Needs no data.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.harness import Spread, arguments, publish, spread
from benchmarks.processes import in_new_process
from benchmarks.session import scratch_folder
from benchmarks.tree import census
from benchmarks.versions import experiment_of

EXPERIMENT = "vae_digits"
STEPS = ("ingest", "train", "evaluate", "promote", "sample")
# Two epochs would not pass the gates of the experiment.
QUICK = ("training.epochs=2", "gates=[{metric: mse, max: 1.0}, {metric: memorised, max: 1.0}]")
Marks = dict[str, float]


def main() -> None:
    """Measures all of it."""
    options = arguments(__doc__, rounds=3)
    overrides = QUICK if options.quick else ()
    with scratch_folder() as scratch:
        rounds = [measure(scratch, overrides) for _ in range(options.rounds)]
    seconds: dict[str, Spread] = {
        name: spread([marks[name] for marks, _ in rounds]) for name in rounds[0][0]
    }
    loads = rounds[-1][1]
    header = ("what", "seconds: median (least–greatest)", "processes that loaded TensorFlow")
    rows = [(name, taken, loads.get(name, "")) for name, taken in seconds.items()]
    plain = {name: taken._asdict() for name, taken in seconds.items()}
    publish("start", header, rows, seconds=plain, tensorflow_processes=loads)


def measure(scratch: Path, overrides: tuple[str, ...]) -> tuple[Marks, dict[str, int]]:
    """One round: seconds, and the processes that loaded TensorFlow, by name."""
    root = tempfile.mkdtemp(dir=scratch)
    help_seconds = timed(show_help)
    run, loads = in_new_process(run_by_step, root, overrides)
    first_step = in_new_process(time_to_first_step, root)
    return {"sparkgen --help": help_seconds, **run, **first_step}, loads


def show_help() -> None:
    """`sparkgen --help`, in a process of its own as ever."""
    command = [str(Path(sys.executable).with_name("sparkgen")), "--help"]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def run_by_step(root: str, overrides: tuple[str, ...]) -> tuple[Marks, dict[str, int]]:
    """What `sparkgen run` does, step by step; called in a new process."""
    start = time.perf_counter()
    import importlib

    from sparkgen.config.request import DatasetRequest
    from sparkgen.pipeline.session import spark_session

    experiment = experiment_of(EXPERIMENT, Path(root), *overrides)
    seconds, loads = {}, {}
    with census(os.getpid(), libraries=True) as seen:
        spark = spark_session(experiment.environment)
        seconds["run: Spark session"] = time.perf_counter() - start
        for step in STEPS:
            request: Any = experiment
            if step == "ingest":
                request = DatasetRequest(
                    dataset=experiment.dataset, environment=experiment.environment
                )
            before = len(seen.with_tensorflow)
            begun = time.perf_counter()
            importlib.import_module(f"sparkgen.pipeline.{step}").run(request, spark)
            seconds[f"run: {step}"] = time.perf_counter() - begun
            loads[f"run: {step}"] = len(seen.with_tensorflow) - before
        spark.stop()
    seconds["run: in all"] = time.perf_counter() - start
    loads["run: in all"] = len(seen.with_tensorflow)
    return seconds, loads


def time_to_first_step(root: str) -> Marks:
    """Until two workers on Spark have taken a step; called in a new process after `run_by_step`."""
    from sparkgen.distribution.launcher import launch
    from sparkgen.pipeline.session import spark_session
    from sparkgen.pipeline.version import newest_version
    from sparkgen.training.worker import train

    overrides = ("training.max_steps=1", "training.checkpoint_steps=1")
    experiment = experiment_of(EXPERIMENT, Path(root), *overrides)
    checkpoints = Path(root) / "first-step"
    request = {
        "experiment": experiment.model_dump(mode="json"),
        "version_uri": newest_version(experiment).uri,
        "checkpoint_uri": str(checkpoints),
    }
    start = time.time()
    spark = spark_session(experiment.environment)
    launched = time.time()
    launch(train, request, workers=2, where="spark", spark=spark)
    (first,) = checkpoints.glob("checkpoint-*1.npz")
    spark.stop()
    stepped = os.stat(first).st_mtime
    return {
        "2 workers on Spark: session": launched - start,
        "2 workers on Spark: launch to first step": stepped - launched,
    }


def timed(function: Callable[[], None]) -> float:
    """Seconds that a function takes."""
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
