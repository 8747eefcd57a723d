"""What the exchange of gradients costs two workers, and what makes it cost less.

python -m benchmarks.exchange [--rounds N] [--quick]

Two workers with a thread each train the dense and the convolutional VAE of the MNIST experiments on
noise in place of images, and exchange by Horovod, 56 rows a worker and step unless said otherwise. Beside
each way to exchange, the same two processes take the same steps without any exchange: that is the limit,
and a ratio is the share of its rows a second that is left. What Horovod takes from its environment (its
cycle time, its fusion of tensors) is set before new processes start, and has a limit of its own in these.

Last come the backends beside each other, without any training: two workers average 3.3 MB in five
tensors. Each round starts two processes for each backend, in turn.
"""

import importlib
import os
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from benchmarks.harness import Spread, arguments, publish, spread
from benchmarks.session import scratch_folder
from benchmarks.versions import experiment_of
from sparkgen.distribution.backends import backend_names, choose_backend
from sparkgen.distribution.launcher import launch
from sparkgen.distribution.ring import Alone, Ring

EXPERIMENTS = {"dense VAE": "vae_mnist", "convolutional VAE": "conv_vae_mnist"}
ROWS = 56
ACCUMULATED = 4
SHAPES = ((784, 480), (480,), (480, 784), (784,), (480, 150))
"""Of the tensors that are averaged without training, float32: 3.3 MB."""
BACKENDS = backend_names()
REFERENCE = "horovod"
"""The backend of the ways, whose environment some of them set, and with which others are compared."""


class Way(NamedTuple):
    """One way to exchange gradients."""

    compression: str = "none"
    rows: int = ROWS
    """Rows a worker and step."""
    steps: int = 1
    """Steps between two exchanges, their gradients summed up on the way."""


WAYS = {
    "as it is": Way(),
    "half precision": Way(compression="fp16"),
    f"{4 * ROWS} rows a step": Way(rows=4 * ROWS),
    f"every {ACCUMULATED} steps": Way(steps=ACCUMULATED),
}
ENVIRONMENTS = {
    "cycle time 0.1 ms": {"HOROVOD_CYCLE_TIME": "0.1"},
    "cycle time 5 ms": {"HOROVOD_CYCLE_TIME": "5"},
    "no fusion": {"HOROVOD_FUSION_THRESHOLD": "0", "HOROVOD_DISABLE_GROUP_FUSION": "1"},
}


class Case(NamedTuple):
    """A way on a model: milliseconds of a step, the limit's, and the share of the limit's rate."""

    model: str
    way: str
    milliseconds: Spread
    limit: Spread
    ratio: Spread


def main() -> None:
    """Measures all ways on both models."""
    options = arguments(__doc__)
    for name in BACKENDS:  # before minutes of measuring
        choose_backend(name, workers=2)
    steps = 10 if options.quick else 60
    cases: list[Case] = []
    with scratch_folder() as scratch:
        for model, name in EXPERIMENTS.items():
            request = {
                "experiment": experiment_of(name, scratch).model_dump(mode="json"),
                "rounds": options.rounds,
                "steps": steps,
            }
            cases += _cases(model, {**request, "ways": WAYS})
            for way, environment in ENVIRONMENTS.items():
                with _environment(environment):
                    cases += _cases(model, {**request, "ways": {way: Way()}})
    backends = compare_backends(options.rounds, steps=5 * steps)
    header = ("model", "exchange", "ms a step", "without, ms", "share of the limit")
    rows = [("3.3 MB alone", name, spread, "", "") for name, spread in backends.items()]
    publish(
        "exchange",
        header,
        [*cases, *rows],
        exchanges=[_plain(case) for case in cases],
        backends={name: spread._asdict() for name, spread in backends.items()},
    )


def compare_backends(rounds: int, *, steps: int) -> dict[str, Spread]:
    """Milliseconds of an exchange of `SHAPES` by each backend, and how many times Horovod's they are."""
    function = importlib.import_module("benchmarks.exchange").average
    taken: dict[str, list[float]] = {name: [] for name in BACKENDS}
    for _ in range(rounds):
        for name in BACKENDS:
            options: Any = {"where": "local", "threads_per_worker": 1, "backend": name}
            result = launch(function, {"steps": steps}, workers=2, **options)
            taken[name].append(1e3 * result["seconds"])
    times = {
        f"{name} over {REFERENCE}": spread(
            [own / other for own, other in zip(values, taken[REFERENCE], strict=True)]
        )
        for name, values in taken.items()
        if name != REFERENCE
    }
    return {name: spread(values) for name, values in taken.items()} | times


def average(request: dict[str, Any], ring: Ring) -> dict[str, float]:
    """The `seconds` of an average of `SHAPES`, the median of five bursts of `steps`."""
    import tensorflow as tf

    variables = [tf.Variable(tf.random.normal(shape)) for shape in SHAPES]

    def burst(steps: Any) -> None:
        for _ in tf.range(steps):
            averages = ring.average([variable.read_value() for variable in variables])
            for variable, value in zip(variables, averages, strict=True):
                variable.assign(value)

    compiled = tf.function(burst)

    def run(steps: int) -> float:
        start = time.perf_counter()
        compiled(tf.constant(steps))
        variables[0].numpy()  # waits for the steps
        return time.perf_counter() - start

    run(2)
    return {"seconds": statistics.median(_timed(run, request["steps"], ring) for _ in range(5))}


def _cases(model: str, request: dict[str, Any]) -> list[Case]:
    # Not as a function of __main__, which the workers could not import.
    function = importlib.import_module("benchmarks.exchange").measure
    options: Any = {"where": "local", "threads_per_worker": 1, "backend": REFERENCE}
    seconds = launch(function, request, workers=2, **options)
    return [
        Case(
            model,
            way,
            spread([1e3 * own for own, _ in pairs]),
            spread([1e3 * limit for _, limit in pairs]),
            spread([limit / own for own, limit in pairs]),
        )
        for way, pairs in seconds.items()
    ]


def measure(request: dict[str, Any], ring: Ring) -> dict[str, list[tuple[float, float]]]:
    """Seconds of a step by every way and without exchange, a pair a round.

    Args:
        request: `experiment`, `rounds`, `steps` and `ways`, each as a list of the fields of `Way`.
        ring: of two.
    """
    from sparkgen.config.load import parse
    from sparkgen.config.request import ExperimentConfig

    experiment = parse(ExperimentConfig, request["experiment"], source="the benchmark")
    pairs = {}
    for name, fields in request["ways"].items():
        way = Way(*fields)
        own, limit = (_stepper(experiment, way, r) for r in (ring, Alone()))
        own(2)
        limit(2)
        pairs[name] = [
            (_timed(own, request["steps"], ring), _timed(limit, request["steps"], ring))
            for _ in range(request["rounds"])
        ]
    return pairs


def _timed(burst: Callable[[int], float], steps: int, ring: Ring) -> float:
    """Seconds of a step, from a common start, of the slower rank."""
    import numpy as np

    ring.sum(np.zeros(1))
    seconds = burst(steps) / steps
    return float(ring.gather(np.array([seconds])).max())


def _stepper(experiment: Any, way: Way, ring: Ring) -> Callable[[int], float]:
    """A function that takes a number of training steps and gives the seconds it took."""
    import tensorflow as tf

    from sparkgen.datasets.records import DataSpec, ImageRecord
    from sparkgen.distribution.optimizer import distribute
    from sparkgen.models.contract import empty_batch
    from sparkgen.models.discovery import build_model
    from sparkgen.training.optimizers import make_optimizer

    spec = DataSpec(ImageRecord(experiment.dataset.shape), len(experiment.dataset.class_names))
    model = build_model(experiment.model.name, experiment.model.options, spec, experiment.density)
    batch = empty_batch(spec, model.training_noise, rows=way.rows)
    batch = tf.nest.map_structure(lambda a: tf.random.uniform(a.shape) if a.ndim > 1 else a, batch)
    model(batch, training=True)
    variables = model.trainable_variables
    optimizer = make_optimizer(experiment.training.optimizer, total_steps=1000)
    optimizer.build(variables)
    distribute(optimizer, ring, compression=way.compression)

    def gradients() -> Any:
        with tf.GradientTape() as tape:
            loss = model.compute_loss(batch, None, model(batch, training=True))
        return tape.gradient(loss, variables)

    def burst(exchanges: Any) -> None:
        for _ in tf.range(exchanges):
            total = gradients()
            for _ in range(way.steps - 1):
                with tf.control_dependencies(total):
                    total = [a + b for a, b in zip(total, gradients(), strict=True)]
            optimizer.apply(total, variables)

    compiled = tf.function(burst)

    def run(steps: int) -> float:
        start = time.perf_counter()
        compiled(tf.constant(-(-steps // way.steps)))
        optimizer.iterations.numpy()  # waits for the steps
        return time.perf_counter() - start

    return run


@contextmanager
def _environment(values: dict[str, str]) -> Iterator[None]:
    """Variables that processes started meanwhile inherit."""
    os.environ.update(values)
    try:
        yield
    finally:
        for name in values:
            del os.environ[name]


def _plain(case: Case) -> dict[str, Any]:
    spreads = {k: getattr(case, k)._asdict() for k in ("milliseconds", "limit", "ratio")}
    return {"model": case.model, "way": case.way, **spreads}


if __name__ == "__main__":
    main()
