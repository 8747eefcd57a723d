"""A saved model as bytes: how it travels to Spark's Python workers, and is looked into without Keras.

On machines of one kind a portable model computes the same bits whatever else runs there, because it
computes with one thread and deterministic operations.
"""

import hashlib
import json
import os
import tempfile
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen.datasets.storage import read_bytes
from sparkgen.errors import RequestError

if TYPE_CHECKING:
    from sparkgen.models.contract import GenerativeModel

MODEL_FILE = "model.json"
WEIGHTS_FILE = "model.weights.h5"


class PortableModel(NamedTuple):
    """The two files of a saved model."""

    description_json: bytes
    weights: bytes

    @property
    def description(self) -> dict[str, Any]:
        """Name, options, spec, density, `conditional` and `generate_options` of the model."""
        return dict(json.loads(self.description_json))

    @property
    def shape(self) -> tuple[int, ...]:
        """(height, width, channels) of its images."""
        return tuple(self.description["spec"]["shape"])

    @property
    def digest(self) -> str:
        """16 hex digits of the SHA-256 of the model: the same for the same model."""
        return hashlib.sha256(self.description_json + self.weights).hexdigest()[:16]


def pack(folder: str | Path) -> PortableModel:
    """The saved model of a folder, by its path or URI; a `RequestError` where there is none."""
    try:
        files = [read_bytes(f"{folder}/{name}") for name in (MODEL_FILE, WEIGHTS_FILE)]
    except OSError as error:
        raise RequestError(
            f"a saved model in {folder}", found=type(error).__name__, mend="train it first"
        ) from None
    return PortableModel(*files)


def lay_out(packed: PortableModel, folder: str | Path) -> None:
    """Writes a model's files into a local folder, which is made where there is none."""
    Path(folder).mkdir(parents=True, exist_ok=True)
    (Path(folder) / MODEL_FILE).write_bytes(packed.description_json)
    (Path(folder) / WEIGHTS_FILE).write_bytes(packed.weights)


@lru_cache(maxsize=1)
def unpack(packed: PortableModel) -> "GenerativeModel":
    """The model, loaded once a process."""
    compute_reproducibly()
    from sparkgen.models.discovery import load_model

    with tempfile.TemporaryDirectory() as folder:
        lay_out(packed, folder)
        return load_model(folder)


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
