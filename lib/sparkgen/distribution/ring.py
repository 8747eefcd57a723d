"""A ring is the group of all workers of one training; its methods exchange data between the workers.

`Ring` itself is a ring of one, which needs no Horovod; `HorovodRing` joins the workers that a
launcher started. Every method but the attributes is collective: all ranks must call it.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.errors import RequestError

Array = npt.NDArray[Any]
Tensor = Any
HALF_EXPONENT = 15
"""Scaled values stay below 2 to this power; float16 ends at 2^16."""


class Ring:
    """A group of one worker, which has no other worker to exchange data with."""

    rank = 0
    size = 1
    local_rank = 0
    """The rank among the workers of the same machine."""

    def sum(self, values: Array) -> Array:
        """The sum of an array over all ranks; every rank gets the same sum."""
        return np.asarray(values)

    def gather(self, values: Array) -> Array:
        """The arrays of all ranks, stacked in the order of the ranks: (size, *shape)."""
        return np.asarray(values)[None]

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean of a tensor over all ranks, inside a TensorFlow graph; gradients flow through it."""
        return tensor

    def average(self, gradients: Sequence[Tensor], *, compression: str = "none") -> list[Tensor]:
        """The mean of each gradient over all ranks, as dense tensors, in one exchange.

        `fp16` halves what is exchanged, whatever the size of the gradients, and costs a second,
        small exchange.
        """
        import tensorflow as tf

        del compression
        return [tf.convert_to_tensor(gradient) for gradient in gradients]

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Sets Keras variables on all ranks to the values that rank 0 has."""

    def broadcast_bytes(self, data: bytes) -> bytes:
        """Gives every rank the bytes that rank 0 has."""
        return data


class HorovodRing(Ring):
    """A group of several worker processes, which Horovod connects by their environment variables.

    Raises:
        RequestError: Horovod is not installed, or was built for another TensorFlow.
    """

    def __init__(self) -> None:
        try:
            import horovod.tensorflow as hvd
        except (
            ImportError
        ) as error:  # of Horovod, or of its library, which is built for one TensorFlow
            raise RequestError(
                f"Horovod, built for the TensorFlow there, in the workers' Python {sys.executable}",
                found=str(error).partition("\n")[0],
                mend="install the wheel that make setup leaves in .wheels; one worker needs none",
            ) from error

        hvd.init()
        self._hvd = hvd
        self.rank, self.size = hvd.rank(), hvd.size()
        self.local_rank = hvd.local_rank()
        self._arrivals: Any = None

    def sum(self, values: Array) -> Array:
        heartbeat.arrive()
        return self._hvd.allreduce(np.asarray(values), op=self._hvd.Sum).numpy()

    def gather(self, values: Array) -> Array:
        heartbeat.arrive()
        return self._hvd.allgather(np.asarray(values)[None]).numpy()

    def mean(self, tensor: Tensor) -> Tensor:
        self._arrive_in_graph([tensor])
        return self._hvd.allreduce(tensor, op=self._hvd.Average)

    def average(self, gradients: Sequence[Tensor], *, compression: str = "none") -> list[Tensor]:
        # Dense: sparse gradients would be gathered instead, which grows with the ring.
        dense = super().average(gradients)
        self._arrive_in_graph(dense)
        if compression == "none":
            return list(self._hvd.grouped_allreduce(dense, op=self._hvd.Average))
        return self._average_in_half(dense)

    def _average_in_half(self, gradients: Sequence[Tensor]) -> list[Tensor]:
        """The means by an exchange in float16, each gradient scaled into its range.

        No sum of the ranks' values exceeds the sum of their largest ones, of which all ranks know the
        power of two.
        """
        import tensorflow as tf

        largest = tf.stack([tf.reduce_max(tf.abs(gradient)) for gradient in gradients])
        bounds = self._hvd.allreduce(largest, op=self._hvd.Sum)
        scales = tf.unstack(half_scales(bounds), num=len(gradients))
        halves = [
            tf.cast(gradient * scale, tf.float16)
            for gradient, scale in zip(gradients, scales, strict=True)
        ]
        sums = self._hvd.grouped_allreduce(halves, op=self._hvd.Sum)
        return [
            tf.cast(total, tf.float32) / scale / self.size
            for total, scale in zip(sums, scales, strict=True)
        ]

    def broadcast(self, variables: Sequence[Any]) -> None:
        heartbeat.arrive()
        self._hvd.broadcast_variables([v.value for v in variables], root_rank=0)

    def broadcast_bytes(self, data: bytes) -> bytes:
        heartbeat.arrive()
        length = self._hvd.broadcast(np.array([len(data)], np.int64), root_rank=0).numpy()[0]
        values = np.zeros(length, np.uint8)
        if self.rank == 0:
            values[:] = np.frombuffer(data, np.uint8)
        return self._hvd.broadcast(values, root_rank=0).numpy().tobytes() if length else b""

    def _arrive_in_graph(self, tensors: Sequence[Tensor]) -> None:
        """Counts an exchange as soon as this rank has what it gives to it."""
        import tensorflow as tf

        if self._arrivals is None:
            with tf.init_scope(), tf.device("CPU:0"):
                self._arrivals = tf.Variable(0, dtype=tf.int64, trainable=False)
            heartbeat.count_in_graph(lambda: int(self._arrivals.numpy()))
        with tf.control_dependencies(tensors):
            self._arrivals.assign_add(1)


def half_scales(bounds: Tensor) -> Tensor:
    """Powers of two that scale values below float32 `bounds` to near the largest value of float16.

    Taken from the bits of the exponent, so that all ranks have the same ones on any device.
    """
    import tensorflow as tf

    bits = tf.bitwise.right_shift(tf.bitcast(bounds, tf.int32), 23)
    exponent = tf.bitwise.bitwise_and(bits, 0xFF) - 127  # 2^exponent <= bound < 2^(exponent + 1)
    wanted = tf.clip_by_value(HALF_EXPONENT - 1 - exponent, -126, 127)
    return tf.bitcast(tf.bitwise.left_shift(wanted + 127, 23), tf.float32)


def join_ring() -> Ring:
    """The group of workers that this process belongs to, according to its environment variables."""
    return HorovodRing() if int(os.environ.get("HOROVOD_SIZE", "1")) > 1 else Ring()
