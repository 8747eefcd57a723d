"""Every exchange is counted as it begins, so that the driver finds a worker that hangs."""

from collections.abc import Sequence
from typing import Any

from sparkgen.distribution.heartbeat import heartbeat
from sparkgen.distribution.ring import Array, Ring, Tensor


class Counted:
    """A ring that counts its exchanges in the heartbeat of this process.

    Args:
        ring: of a backend, which exchanges.
    """

    def __init__(self, ring: Ring) -> None:
        self.rank, self.size, self.local_rank = ring.rank, ring.size, ring.local_rank
        self._ring = ring
        self._arrivals: Any = None

    def sum(self, values: Array) -> Array:
        heartbeat.arrive()
        return self._ring.sum(values)

    def gather(self, values: Array) -> Array:
        heartbeat.arrive()
        return self._ring.gather(values)

    def mean(self, tensor: Tensor) -> Tensor:
        self._arrive_in_graph([tensor])
        return self._ring.mean(tensor)

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        self._arrive_in_graph(tensors)
        return self._ring.average(tensors)

    def total(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        self._arrive_in_graph(tensors)
        return self._ring.total(tensors)

    def broadcast(self, variables: Sequence[Any]) -> None:
        heartbeat.arrive()
        self._ring.broadcast(variables)

    def broadcast_bytes(self, data: bytes) -> bytes:
        heartbeat.arrive()
        return self._ring.broadcast_bytes(data)

    def _arrive_in_graph(self, tensors: Sequence[Tensor]) -> None:
        """Counts an exchange as soon as this rank has what it gives to it."""
        import tensorflow as tf

        if self._arrivals is None:
            with tf.init_scope(), tf.device("CPU:0"):
                self._arrivals = tf.Variable(0, dtype=tf.int64, trainable=False)
            heartbeat.count_in_graph(lambda: int(self._arrivals.numpy()))
        with tf.control_dependencies(tensors):
            self._arrivals.assign_add(1)
