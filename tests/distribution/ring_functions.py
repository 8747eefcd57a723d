"""What the workers of the launcher's tests run: importable in their processes."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.distribution.signals import stop_requests
from sparkgen.errors import Interrupted, ManifestError, RequestError


def places(request, ring):
    """Where each rank is, and what they sum and share."""
    return {
        "size": ring.size,
        "sum": ring.sum(np.array([1.0, ring.rank])).tolist(),
        "ranks": ring.gather(np.array([ring.rank, ring.local_rank])).tolist(),
        "bytes": ring.broadcast_bytes(f"from rank {ring.rank}".encode()).decode(),
        "empty": ring.broadcast_bytes(b"").decode(),
        "echo": request,
        "horovod": "horovod" in sys.modules,
        "arguments": sys.orig_argv,
        "told": sorted(name for name in os.environ if name.startswith("SPARKGEN_")),
    }


def imported_with_keras(request, ring):
    """Which of two large packages are there after Keras was imported, and after they were asked for."""
    import keras  # noqa: F401

    found = [name for name in ("matplotlib", "sklearn") if name in sys.modules]
    import matplotlib.pyplot
    import sklearn.base

    return found, [sklearn.base.__name__, matplotlib.pyplot.__name__]


def each(request, ring):
    """Several functions of this file, one after the other: their results by name."""
    return {name: globals()[fn](asked, ring) for name, (fn, asked) in request.items()}


def stop_together(request, ring):
    """Says that it runs, then stops as all ranks agree to, and needs a moment for its end."""
    try:
        with stop_requests() as requests:
            Path(request["folder"], f"running-{ring.rank}").touch()
            while not ring.sum(np.array([float(requests.count)]))[0]:
                time.sleep(0.001)
            raise Interrupted(f"rank {ring.rank} stopped")
    finally:
        time.sleep(1.0)


def refuse(request, ring):
    """Raises a wrong request."""
    raise RequestError("a seven", found="a six", mend="add one")


def find_damage(request, ring):
    """The last rank raises an error of this package that reads like the loss of another worker."""
    if ring.rank == ring.size - 1:
        found = "Connection reset by peer, Horovod has been shut down"
        raise ManifestError("a whole file gloo/pair.cc:1] ", found=found, mend="ingest it again")
    return places({}, ring)


def be_left(request, ring):
    """Rank 0 finds that it is alone, while the others wait."""
    import tensorflow as tf

    if ring.rank == 0:
        raise tf.errors.UnavailableError(None, None, "Socket closed\nof a peer")
    time.sleep(60)


def stumble(request, ring):
    """The last rank raises an error of its own, while the others wait for it."""
    with (Path(request["folder"]) / f"starts-{ring.rank}").open("a") as file:
        file.write("x")
    if ring.rank == ring.size - 1:
        json.loads('["this is no JSON')
    return places({}, ring)


def die_once(request, ring):
    """The last rank is killed the first time, in the middle of the others' exchange."""
    marker = Path(request["folder"]) / "died"
    with (Path(request["folder"]) / f"starts-{ring.rank}").open("a") as file:
        file.write("x")
    if ring.rank == ring.size - 1 and (request.get("always") or not marker.exists()):
        marker.touch()
        print("these are my last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    return places({}, ring)


def stop_once(request, ring):
    """A worker whose process is stopped in the middle of its steps, the first time."""
    _take_steps(ring)
    marker = Path(request["folder"]) / "stopped"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGSTOP)
    return places({}, ring)


def loop_forever(request, ring):
    """The last rank takes a few steps and loops forever; the others wait for it in an exchange."""
    _take_steps(ring)
    while ring.rank == ring.size - 1:
        pass
    return places({}, ring)


def _take_steps(ring):
    for _ in range(15):  # for longer than it takes to tell of their pace
        ring.sum(np.ones(1))
        heartbeat.step()
        time.sleep(0.3)


def sleep(request, ring):
    """Leaves its process id and waits to be killed."""
    (Path(request["folder"]) / f"pid-{ring.rank}").write_text(str(os.getpid()))
    time.sleep(600)


FLOATS = ("float16", "float32", "float64")
SUMMED = ("int32", "int64", *FLOATS)
CARRIED = ("bool", "int8", "uint8", "int16", "uint16", *SUMMED)
"""The dtypes that `Ring` names: of means, of sums, and of what is gathered and broadcast."""


def carry(request, ring):
    """What each exchange gives of (1, 0, rank) of each dtype: by exchange, the dtypes and the values."""
    import keras
    import tensorflow as tf

    def own(dtype):
        return np.array([1, 0, ring.rank]).astype(dtype)

    def told(arrays):
        return [[str(np.asarray(a).dtype), np.asarray(a).tolist()] for a in arrays]

    # In one broadcast, where the odd number of bytes of some shifts those that follow.
    variables = [keras.Variable(own(d), dtype=d, trainable=False) for d in CARRIED]
    ring.broadcast(variables)
    return {
        "sum": told(ring.sum(own(d)) for d in SUMMED),
        "total": told(ring.total([tf.constant(own(d)) for d in SUMMED])),
        "mean": told(ring.mean(tf.constant(own(d))) for d in FLOATS),
        "average": told(ring.average([tf.constant(own(d)) for d in FLOATS])),
        "gather": told(ring.gather(own(d)) for d in CARRIED),
        "broadcast": told(v.numpy() for v in variables),
    }


def train_linear(request, ring):
    """A few steps of a linear regression on this rank's rows; every rank's weights, before and after."""
    import keras

    from sparkgen.distribution.optimizer import distribute

    keras.utils.set_random_seed(ring.rank)
    model = keras.Sequential([keras.layers.Dense(3), keras.layers.Dense(1)])
    model.build((None, 4))
    ring.broadcast(model.variables)
    start = ring.gather(_flat(model))
    optimizer = keras.optimizers.Adam(0.01)
    if request["hook"]:
        optimizer = distribute(optimizer, ring, compression=request["compression"])
    model.compile(optimizer, loss="mse")
    random = np.random.default_rng(0)
    x, y = random.normal(size=(5, 8, 4)), random.normal(size=(5, 8, 1))
    mine = slice(ring.rank * 8 // ring.size, (ring.rank + 1) * 8 // ring.size)
    before = heartbeat.beat(0).arrived
    for x_step, y_step in zip(x, y, strict=True):
        model.train_on_batch(x_step[mine], y_step[mine])
    exchanges = heartbeat.beat(0).arrived - before
    return {
        "start": start.tolist(),
        "exchanges": exchanges,
        "weights": ring.gather(_flat(model)).tolist(),
        "averages": [x.numpy().tolist() for x in _averages(ring, request["compression"])],
        "class": f"{type(optimizer).__module__}.{type(optimizer).__qualname__}",
    }


LARGE = [[6e4, 1e3, -1.0], [3e7], [2e-9, 1e-9], [0.0]]
"""Gradients that float16 cannot hold, or cannot sum."""


def _averages(ring, compression):
    """The means over the ring of `LARGE`, of which rank r has r + 1 times as much."""
    import tensorflow as tf

    from sparkgen.distribution.optimizer import average

    gradients = [tf.constant(values) * (ring.rank + 1.0) for values in LARGE]
    return average(gradients, ring, compression)


def normalise(request, ring):
    """Batch normalisation of this rank's rows: statistics, output, gradients over the ring."""
    import keras
    import tensorflow as tf

    from sparkgen.distribution.statistics import synchronise
    from sparkgen.layers.batch_norm import BatchNormalization

    layer = BatchNormalization(momentum=0.5)
    model = keras.Sequential([keras.layers.Input((3,)), layer])
    synchronise(model, ring)
    random = np.random.default_rng(1)
    rows = random.normal(5.0, 3.0, size=(8, 3)).astype("float32")
    target = random.normal(size=(8, 3)).astype("float32")
    mine = slice(ring.rank * 8 // ring.size, (ring.rank + 1) * 8 // ring.size)
    x = tf.Variable(rows[mine])

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(model(x, training=True) - target[mine]))
        return tape.gradient(loss, [x, layer.gamma.value])

    d_x, d_gamma = gradients()
    return {
        "mean": layer.moving_mean.numpy().tolist(),
        "variance": layer.moving_variance.numpy().tolist(),
        # A rank's loss is the mean over its rows alone: 1/size of it counts.
        "d_x": (ring.gather(d_x.numpy()) / ring.size).reshape(-1, 3).tolist(),
        "d_gamma": (ring.sum(d_gamma.numpy()) / ring.size).tolist(),
    }


def _flat(model):
    return np.concatenate([v.numpy().ravel() for v in model.variables])
