"""A ring is the group of all workers of one training; its methods exchange data between the workers.

`Ring` says what they are. `Alone` is a ring of one; a backend joins the workers that a launcher started.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Tensor = Any


class Ring(Protocol):
    """The workers of one training. Every method is collective: all ranks must call it, in one order.

    Whatever the backend, sums are of int32, int64, float16, float32 or float64, means of float16, float32
    or float64; gathered and broadcast are these, bool, int8, uint8, int16 and uint16. What is exchanged
    keeps its dtype.
    """

    rank: int
    size: int
    local_rank: int
    """The rank among the workers of the same machine."""

    def sum(self, values: Array) -> Array:
        """The sum of an array over all ranks; every rank gets the same sum."""

    def gather(self, values: Array) -> Array:
        """The arrays of all ranks, stacked in the order of the ranks: (size, *shape)."""

    def mean(self, tensor: Tensor) -> Tensor:
        """The mean of a tensor over all ranks, inside a TensorFlow graph; gradients flow through it."""

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean of each dense tensor over all ranks, inside a TensorFlow graph, in one exchange
        a dtype.
        """

    def total(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The sum of each dense tensor over all ranks, inside a TensorFlow graph, in one exchange a
        dtype.
        """

    def broadcast(self, variables: Sequence[Any]) -> None:
        """Sets Keras variables on all ranks to the values that rank 0 has."""

    def broadcast_bytes(self, data: bytes) -> bytes:
        """Gives every rank the bytes that rank 0 has."""


class Alone:
    """A ring of one worker, which has no other worker to exchange data with."""

    rank = 0
    size = 1
    local_rank = 0

    def sum(self, values: Array) -> Array:
        return np.asarray(values)

    def gather(self, values: Array) -> Array:
        return np.asarray(values)[None]

    def mean(self, tensor: Tensor) -> Tensor:
        return tensor

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return list(tensors)

    def total(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return list(tensors)

    def broadcast(self, variables: Sequence[Any]) -> None:
        pass

    def broadcast_bytes(self, data: bytes) -> bytes:
        return data
