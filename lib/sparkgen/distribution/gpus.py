"""Each worker has one of its machine's GPUs, if there are any."""

import os
import socket
import zlib


def take_gpu(local_rank: int) -> None:
    """Gives this worker its GPU, if it has one, before TensorFlow takes them all."""
    import tensorflow as tf

    if (index := _index(local_rank)) is not None:
        own = tf.config.list_physical_devices("GPU")[index]
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)


def gpu_number(local_rank: int) -> int:
    """A number that tells this worker's GPU from all others; 0 where it has none."""
    index = _index(local_rank)
    if index is None:
        return 0
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
    name = seen[index] if len(seen) == _count() and all(seen) else index
    return zlib.crc32(f"{socket.gethostname()} {name}".encode()) or 1


def _index(local_rank: int) -> int | None:
    """Which of the GPUs that TensorFlow finds a worker has; those of one machine share them in turn."""
    return local_rank % _count() if _count() else None


def _count() -> int:
    import tensorflow as tf

    return len(tf.config.list_physical_devices("GPU"))
