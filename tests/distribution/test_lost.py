"""By which errors a worker learns that another one is gone: what operations say, and nothing else."""

import pytest
import tensorflow as tf

from sparkgen.distribution.backends import backend_names, backend_of
from sparkgen.distribution.backends._tensorflow_server import Absent
from sparkgen.distribution.joining import is_lost
from sparkgen.errors import ManifestError, SparkgenError

HOROVOD = (
    "{{function_node __wrapped__HorovodAllreduce}} Horovod has been shut down. This was caused by",
    "[/tmp/horovod/third_party/gloo/gloo/transport/tcp/pair.cc:598] Connection closed by peer",
)
TENSORFLOW = (
    "Collective ops is aborted by: Socket closed",
    "Connection reset by peer",
)
OTHER = 'Incompatible shapes: [2] vs. [3], defined at File "/home/gloo/horovod/model.py", line 3'


def unknown(message: str) -> tf.errors.OpError:
    return tf.errors.UnknownError(None, None, message)


@pytest.mark.parametrize(
    ("backend", "error"),
    [
        *(("horovod", unknown(message)) for message in HOROVOD),
        *(("tensorflow", unknown(message)) for message in TENSORFLOW),
        ("tensorflow", tf.errors.UnavailableError(None, None, "failed to connect")),
        ("tensorflow", Absent("worker 1 did not come")),
    ],
)
def test_what_an_operation_says_of_a_worker_that_is_gone_is_understood(
    backend: str, error: Exception
) -> None:
    assert backend_of(backend).is_lost(error)


@pytest.mark.parametrize("backend", backend_names())
@pytest.mark.parametrize("message", [*HOROVOD, *TENSORFLOW, OTHER, "/data/gloo/a.parquet"])
def test_the_same_words_in_another_error_mean_nothing(
    monkeypatch: pytest.MonkeyPatch, backend: str, message: str
) -> None:
    monkeypatch.setenv("SPARKGEN_SIZE", "2")
    monkeypatch.setenv("SPARKGEN_BACKEND", backend)
    called = f"{message}\nTraceback (most recent call last):\n  File ..."
    for error in (
        SparkgenError(message),
        ManifestError("a file", found=message, mend="ingest it again"),
        ConnectionResetError(104, message),
        unknown(called),  # of a Python function that TensorFlow called
        unknown(OTHER),
    ):
        assert not is_lost(error), error
