"""TensorFlow exchanges by its own collective operations, or by NCCL between GPUs.

Each worker runs a gRPC server of TensorFlow's, whose addresses they tell each other on the board. Like
Horovod's, these are open to whoever reaches them; they listen on all interfaces of their machine, also
where all workers are on one. Each part of a sum is formed by one rank, in the order
of the ring, and then passed on, so that all ranks have the same bits.
"""

import os
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np

from sparkgen.distribution.backends._dtypes import by_dtype
from sparkgen.distribution.backends._operations import said_by_operation
from sparkgen.distribution.backends._tensorflow_server import Absent, meet
from sparkgen.distribution.board import Board
from sparkgen.distribution.gpus import gpu_number
from sparkgen.distribution.ring import Array, Ring, Tensor
from sparkgen.distribution.slots import Meeting, Place, Slot

BOARD = "SPARKGEN_BOARD"
PIECE = 8 << 20  # words of 8 bytes in one message of bytes
HOST_GROUP, DEVICE_GROUP = 1, 2  # numbers that TensorFlow knows the groups of devices by
# What its operations say when another worker is gone.
LOST = ("Collective ops is aborted", "Connection reset by peer")


def missing() -> str:
    """Nothing: workers need TensorFlow in any case."""
    return ""


def features() -> str:
    """The version of TensorFlow, and whether it was built for GPUs."""
    import tensorflow as tf

    return f"{tf.__version__}{', nccl' if tf.test.is_built_with_cuda() else ''}"


@contextmanager
def serve(bind: str) -> Iterator[int]:
    """The driver runs nothing but the board."""
    del bind
    yield 0


def environment(slot: Slot, meeting: Meeting) -> dict[str, str]:
    """What tells a worker where the board is; a process's environment is read by its own user only."""
    del slot
    return {
        BOARD: " ".join(str(field) for field in meeting.board),
        "NCCL_SOCKET_IFNAME": meeting.interface,
        # The driver says once which worker was lost; without this every other one says so as well.
        "TF_CPP_MIN_LOG_LEVEL": os.environ.get("TF_CPP_MIN_LOG_LEVEL", "3"),
    }


def join(place: Place) -> Ring:
    """Meets the others at the board, and sums with them from then on."""
    meet(_board(), place)
    return TensorFlowRing(place)


def is_lost(error: Exception) -> bool:
    """Whether an error only says that another worker is gone."""
    import tensorflow as tf

    said = said_by_operation(error)
    unreached = isinstance(error, Absent | tf.errors.UnavailableError)
    return unreached or any(words in said for words in LOST)


class TensorFlowRing:
    """Several workers that TensorFlow's collective operations connect.

    Everything is a sum. What is not to be added travels as integers to which the others add zeros, so
    that every bit of it arrives.

    Args:
        place: of this worker, whose server runs.
    """

    def __init__(self, place: Place) -> None:
        self.rank, self.size, self.local_rank = place
        self._host = _Group(self.size, "CPU:0", HOST_GROUP, "auto")
        gpus = self.gather(np.array(gpu_number(place.local_rank)))
        # NCCL needs a GPU of its own for every worker.
        each_has_one = gpus.all() and len(set(gpus.tolist())) == self.size
        gpu = _Group(self.size, "GPU:0", DEVICE_GROUP, "nccl")
        self._device = gpu if each_has_one else self._host

    def sum(self, values: Array) -> Array:
        values = np.asarray(values)
        return self._host.sum(values).numpy() if values.size else values

    def gather(self, values: Array) -> Array:
        values = np.asarray(values)
        own = _words(values.tobytes())
        rows = np.zeros((self.size, len(own)), np.int64)
        rows[self.rank] = own
        return np.stack([_array(row.tobytes(), values) for row in self.sum(rows)])

    def mean(self, tensor: Tensor) -> Tensor:
        import tensorflow as tf

        def mean_and_gradient(x: Tensor) -> tuple[Tensor, Any]:
            return self._device.sum(x) / self.size, lambda d: self._device.sum(d) / self.size

        return tf.custom_gradient(mean_and_gradient)(tensor)

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return [total / self.size for total in self.total(tensors)]

    def total(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return by_dtype(partial(_in_one_buffer, self._device.sum), tensors)

    def broadcast(self, variables: Sequence[Any]) -> None:
        own = [v.numpy() for v in variables]
        data = b"".join(array.tobytes() for array in own) if self.rank == 0 else b""
        left = memoryview(self._from_rank_0(data, sum(array.nbytes for array in own)))
        for variable, array in zip(variables, own, strict=True):
            variable.assign(_array(left, array))
            left = left[array.nbytes :]

    def broadcast_bytes(self, data: bytes) -> bytes:
        (length,) = self.sum(np.array([len(data) * (self.rank == 0)], np.int64))
        return self._from_rank_0(data, int(length))

    def _from_rank_0(self, data: bytes, length: int) -> bytes:
        """The bytes of rank 0, of which all ranks know the number; the others give zeros."""
        zeros = np.broadcast_to(np.int64(0), -(-length // 8))  # takes no memory
        words = _words(data) if self.rank == 0 else zeros
        pieces = [self.sum(words[i : i + PIECE]) for i in range(0, len(words), PIECE)]
        return b"".join(piece.tobytes() for piece in pieces)[:length]


class _Group:
    """One device of every worker, whose tensors are summed up.

    Args:
        size: how many workers there are.
        device: of this worker.
        number: of the group.
        hint: how to sum, `auto` or `nccl`.
    """

    def __init__(self, size: int, device: str, number: int, hint: str) -> None:
        self._size, self._device, self._number, self._hint = size, device, number, hint
        self._token: Any = None

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum of a tensor over all workers.

        They sum in the same order, as every sum uses the same variable, by which TensorFlow orders the
        operations of a graph. So those of one kind can bear one number, on whichever step of a loop
        and in whichever trace of a function they are.
        """
        import tensorflow as tf

        if self._token is None:
            with tf.init_scope(), tf.device(self._device):
                self._token = tf.Variable(0.0, trainable=False)
        with tf.device(self._device):
            tensor = tf.convert_to_tensor(tensor)
            kind = f"{tensor.dtype.name} {tensor.shape}"
            return tf.raw_ops.CollectiveReduceV2(
                input=tensor,
                group_size=self._size,
                group_key=self._number,
                instance_key=zlib.crc32(kind.encode()) >> 1,
                ordering_token=[self._token.handle],
                merge_op="Add",
                final_op="Id",
                communication_hint=self._hint,
            )


def _in_one_buffer(sum_of: Any, tensors: Sequence[Tensor]) -> list[Tensor]:
    """What a function gives of each tensor, called once for all of them, laid end to end."""
    import tensorflow as tf

    flat = tf.concat([tf.reshape(tensor, [-1]) for tensor in tensors], axis=0)
    parts = tf.split(sum_of(flat), [tf.size(tensor) for tensor in tensors])
    return [
        tf.ensure_shape(tf.reshape(part, tf.shape(tensor)), tensor.shape)
        for part, tensor in zip(parts, tensors, strict=True)
    ]


def _words(data: bytes) -> Array:
    """Bytes as int64, filled up with zeros."""
    return np.frombuffer(data + bytes(-len(data) % 8), np.int64)


def _array(data: bytes | memoryview, like: Array) -> Array:
    """The array of the dtype and shape of another one that bytes begin with."""
    return np.frombuffer(data[: like.nbytes], like.dtype).reshape(like.shape)


def _board() -> Board:
    address, port, token = os.environ.pop(BOARD).split()  # what this process starts needs none
    return Board(address, int(port), token)
