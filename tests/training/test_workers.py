"""One training on several workers: the same figures and weights, whatever happens to a worker."""

import json
import logging
import signal
import subprocess
import sys

import dying_worker
import numpy as np
import pytest
from dying_worker import newest_steps, train_and_die_once, wait_for_checkpoints
from tiny_version import request, same_weights, weights, without_clock, write_version
from training_functions import train_each

from sparkgen.distribution.backends import backend_names
from sparkgen.distribution.launcher import launch
from sparkgen.training.worker import train

MODELS = {
    "autoencoder": {"epochs": 2},
    "vae": {"epochs": 2, "model": "variational.vae", "options": {"latent": 2, "hidden": [8]}},
    "gan": {"epochs": 1, "model": "adversarial.gan", "options": {"latent": 4}},
    "batch normalisation": {
        "epochs": 1,
        "model": "discriminative.full_classifier",
        "options": {"filters": 2, "hidden": 8, "dropout": 0.0},
        # A bias before a batch normalisation has no gradient but rounding errors. Adam would make
        # whole steps of them.
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
    },
}
COMPILED = {"vae": {"jit_compile": True, "accumulate": 5}, "gan": {"jit_compile": True}}
"""How several workers train them: XLA compiles the parts of a step before and after its exchange."""
LONG = {"epochs": 40, "checkpoint_steps": 7, "keep_checkpoints": 3}
pytestmark = pytest.mark.slow


def run(request, *, workers, where="local", function=train, **options):
    where = "in-process" if workers == 1 and where == "local" else where
    return launch(function, request, workers=workers, where=where, threads_per_worker=1, **options)


@pytest.fixture(scope="module")
def version(tmp_path_factory):
    return write_version(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def alone(version, tmp_path_factory):
    """The trainings of `MODELS` on one worker."""
    folder = tmp_path_factory.mktemp("alone")
    return {
        name: run(request(version, folder / name.replace(" ", "-"), **options), workers=1)
        for name, options in MODELS.items()
    }


@pytest.fixture(scope="module")
def together(version, tmp_path_factory):
    """The same on two workers of each backend, which start once for all."""
    return {
        backend: run(
            {
                name: request(
                    version, folder / name.replace(" ", "-"), **options, **COMPILED.get(name, {})
                )
                for name, options in {**MODELS, **more}.items()
            },
            function=train_each,
            workers=2,
            backend=backend,
        )
        for backend, more in (("horovod", {"long": LONG}), ("tensorflow", {}))
        for folder in [tmp_path_factory.mktemp(backend)]
    }


@pytest.fixture(scope="module")
def undisturbed(together):
    """A longer training on two workers that nothing happens to."""
    return together["horovod"]["long"]


def agree(one, other):
    for mine, theirs in zip(
        without_clock(one["history"]), without_clock(other["history"]), strict=True
    ):
        assert mine == pytest.approx(theirs, rel=1e-5)
    np.testing.assert_allclose(weights(one), weights(other), atol=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_two_local_workers_train_what_one_trains_whatever_the_backend(alone, together, name):
    agree(together["horovod"][name], alone[name])
    # A sum of two is the same in either order, so their weights have the same bits.
    assert same_weights(together["tensorflow"][name], together["horovod"][name])


@pytest.mark.parametrize("backend", backend_names())
def test_four_local_workers_train_what_one_trains(version, alone, tmp_path, backend):
    wanted = request(version, tmp_path, **MODELS["vae"])
    agree(run(wanted, workers=4, backend=backend), alone["vae"])


@pytest.mark.parametrize(("where", "backend"), [("local", "horovod"), ("spark", "tensorflow")])
def test_a_worker_killed_in_mid_epoch_changes_nothing(
    spark, version, undisturbed, tmp_path, caplog, where, backend
):
    wanted = request(version, tmp_path, **LONG)
    spark.sparkContext.addPyFile(dying_worker.__file__)
    with caplog.at_level(logging.WARNING):
        result = launch(
            train_and_die_once,
            wanted,
            workers=2,
            where=where,
            threads_per_worker=1,
            max_restarts=1,
            backend=backend,
            spark=spark,
        )
    assert "worker 1 of 2 died (signal SIGKILL); starting again (1 of 1)" in caplog.text
    assert without_clock(result["history"]) == without_clock(undisturbed["history"])
    assert same_weights(result, undisturbed)


def test_a_driver_that_ends_can_be_followed_by_another_of_another_backend(
    version, undisturbed, tmp_path
):
    wanted, steps = request(version, tmp_path, **LONG), 0
    for how, backend in ((signal.SIGKILL, "horovod"), (signal.SIGINT, "tensorflow")):
        driver = start_driver(wanted, backend)
        wait_for_checkpoints(tmp_path, after=steps)
        driver.send_signal(how)
        _, error = driver.communicate(timeout=120)
        if how == signal.SIGINT:
            assert "Interrupted: stopped at epoch" in error
            assert "--resume goes on from there" in error
        assert steps < newest_steps(tmp_path) < 400
        steps = newest_steps(tmp_path)
    result = run(wanted, workers=2, backend="horovod")
    assert without_clock(result["history"]) == without_clock(undisturbed["history"])
    assert same_weights(result, undisturbed)


def start_driver(wanted, backend):
    code = (
        "import json, sys; from sparkgen.distribution.launcher import launch;"
        "from sparkgen.training.worker import train;"
        "launch(train, json.loads(sys.argv[1]), workers=2, where='local', threads_per_worker=1,"
        " backend=sys.argv[2])"
    )
    command = [sys.executable, "-c", code, json.dumps(wanted), backend]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
