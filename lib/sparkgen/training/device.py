"""The device, its number format and the random seeds are set here, before a model is built."""

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

from sparkgen.config.experiment import TrainingConfig
from sparkgen.errors import RequestError
from sparkgen.layers.batch_norm import batch_norms
from sparkgen.models.contract import GenerativeModel

TENSOR_CORES = (7, 0)
"""The first compute capability with fast float16 (NVIDIA Volta)."""


def prepare_device(config: TrainingConfig) -> None:
    """Sets the same random seed on all ranks, and whether the device computes the same every time."""
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        tf.config.experimental.enable_op_determinism()


def check_step(config: TrainingConfig, model: GenerativeModel, workers: int) -> None:
    """Refuses what a model's training step would not do, or not with several workers.

    Args:
        config: of the training.
        model: which may be an outline.
        workers: how many there are.

    Raises:
        RequestError: a `train_step` of the model's own does not say that it heeds slices or compiled
            gradients where these are asked for; or XLA would compile what batch normalisations exchange.
    """
    own = "the model overrides train_step and does not declare heeds_settings beside it"
    if config.accumulate > 1 and not _heeds_settings(type(model)):
        raise RequestError(
            f"training.accumulate of 1, as {own}",
            found=str(config.accumulate),
            mend="set training.accumulate=1 and a smaller training.batch_size",
        )
    if not config.jit_compile or workers == 1:
        return
    if batch_norms(model):
        reason = "the model has batch normalisations, whose moments are exchanged within a step"
    elif not _heeds_settings(type(model)):
        reason = own
    else:
        return
    raise RequestError(
        f"training.jit_compile with one worker, as {reason}",
        found=f"{workers} workers",
        mend="set training.jit_compile=false or environment.workers=1",
    )


def _heeds_settings(kind: type[GenerativeModel]) -> bool:
    """Whether the class whose `train_step` a model has declares, itself, that it heeds the settings."""
    owner = next(one for one in kind.__mro__ if "train_step" in vars(one))
    return bool(vars(owner).get("heeds_settings"))


@contextmanager
def compute_policy(config: TrainingConfig) -> Iterator[str]:
    """Sets the Keras dtype policy for models built while the context lasts, and gives its name."""
    policy = _policy(config)
    with dtype_policy(policy):
        yield policy


@contextmanager
def dtype_policy(name: str) -> Iterator[None]:
    """Sets the Keras dtype policy of this name for models built while the context lasts."""
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def _policy(config: TrainingConfig) -> str:
    if not config.mixed_precision:
        return "float32"
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    fast = [d.get("compute_capability", (0, 0)) >= TENSOR_CORES for d in details]
    return "mixed_float16" if fast and all(fast) else "mixed_bfloat16"
