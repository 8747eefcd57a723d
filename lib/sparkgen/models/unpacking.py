"""A portable model made a model again, which computes the same bits on all machines of one kind.

It computes with one thread and deterministic operations, whatever else runs on the machine. This file
loads Keras only when a model is unpacked, so that a driver can name its function cheaply.
"""

import os
from functools import lru_cache
from typing import TYPE_CHECKING

from sparkgen.models.portable import PortableModel

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel


@lru_cache(maxsize=1)
def unpack(packed: PortableModel) -> "GenerativeModel":
    """The model, loaded once a process."""
    compute_reproducibly()
    from sparkgen.models.saving import load_packed

    return load_packed(packed)


def compute_reproducibly() -> None:
    """Makes this process compute with one thread and, on a GPU, with deterministic operations.

    A process in which TensorFlow already runs keeps its own settings; they can no longer change.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    import keras

    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    try:
        tf.config.threading.set_intra_op_parallelism_threads(1)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    except RuntimeError:
        return
    if tf.config.list_physical_devices("GPU"):
        tf.config.experimental.enable_op_determinism()
