"""TensorFlow exchanges by its own collective operations, or by NCCL between GPUs.

Each worker runs a gRPC server of TensorFlow's, whose addresses they tell each other on the board. Like
Horovod's, these are open to whoever reaches them. Each part of a sum is formed by one rank, in the order
of the ring, and then passed on, so that all ranks have the same bits.
"""

import os
import socket
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from typing import Any

import numpy as np

from sparkgen.distribution.board import Board
from sparkgen.distribution.ring import Array, Ring, Tensor
from sparkgen.distribution.routes import address_towards
from sparkgen.distribution.slots import RENDEZVOUS_SECONDS, Meeting, Place, Slot
from sparkgen.errors import SparkgenError

BOARD = "SPARKGEN_BOARD"
LOOK_SECONDS = 0.1
PIECE = 8 << 20  # words of 8 bytes in one message of bytes
JOB = "worker"
HOST_GROUP, DEVICE_GROUP = 1, 2  # numbers that TensorFlow knows the groups of devices by
# What its operations say when another worker is gone.
LOST = ("UnavailableError", "Collective ops is aborted", "Connection reset by peer")


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
    """Tells the others this worker's address, waits for theirs, and starts its server."""
    board = _board()
    with _held_port() as port:
        board.announce(place.rank, f"{address_towards(board.address)}:{port}")
        addresses = _all_addresses(board, place.size)
        _start_server(addresses, place.rank)
    return TensorFlowRing(place)


def is_lost(error: Exception) -> bool:
    """Whether an error only says that another worker is gone."""
    said = f"{type(error).__name__}: {error}"
    return isinstance(error, Absent) or any(words in said for words in LOST)


class Absent(SparkgenError):
    """A worker did not come to the rendezvous in time."""


class TensorFlowRing:
    """Several workers that TensorFlow's collective operations connect.

    Everything is a sum. What is not to be added travels as integers to which the others add zeros, so
    that every bit of it arrives.

    Args:
        place: of this worker, whose server runs.
    """

    def __init__(self, place: Place) -> None:
        import tensorflow as tf

        self.rank, self.size, self.local_rank = place
        self._host = _Group(self.size, "CPU:0", HOST_GROUP, "auto")
        gpu = _Group(self.size, "GPU:0", DEVICE_GROUP, "nccl")
        self._device = gpu if tf.config.list_logical_devices("GPU") else self._host

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
        totals: dict[int, Tensor] = {}
        for _, group in groupby(sorted(enumerate(tensors), key=_dtype), key=_dtype):
            indices, some = zip(*group, strict=True)
            totals |= zip(indices, _in_one_buffer(self._device.sum, some), strict=True)
        return [totals[i] for i in range(len(tensors))]

    def broadcast(self, variables: Sequence[Any]) -> None:
        own = [v.numpy() for v in variables]
        data = self._from_rank_0(b"".join(array.tobytes() for array in own))
        for variable, array in zip(variables, own, strict=True):
            variable.assign(_array(data, array))
            data = data[array.nbytes :]

    def broadcast_bytes(self, data: bytes) -> bytes:
        (length,) = self.sum(np.array([len(data) * (self.rank == 0)], np.int64))
        return self._from_rank_0(data if self.rank == 0 else bytes(length))

    def _from_rank_0(self, data: bytes) -> bytes:
        """The bytes of rank 0; the others give as many of their own."""
        words = _words(data) * (self.rank == 0)
        pieces = [self.sum(words[i : i + PIECE]) for i in range(0, len(words), PIECE)]
        return b"".join(piece.tobytes() for piece in pieces)[: len(data)]


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


def _dtype(numbered: tuple[int, Tensor]) -> str:
    return str(numbered[1].dtype.name)


def _words(data: bytes) -> Array:
    """Bytes as int64, filled up with zeros."""
    return np.frombuffer(data + bytes(-len(data) % 8), np.int64)


def _array(data: bytes, like: Array) -> Array:
    """The array of the dtype and shape of another one that bytes begin with."""
    return np.frombuffer(data[: like.nbytes], like.dtype).reshape(like.shape)


def _board() -> Board:
    address, port, token = os.environ.pop(BOARD).split()  # what this process starts needs none
    return Board(address, int(port), token)


@contextmanager
def _held_port() -> Iterator[int]:
    """A free port, which nobody else gets while the context lasts, but a server that shares it does."""
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("", 0))
        yield held.getsockname()[1]


def _all_addresses(board: Board, size: int) -> list[str]:
    deadline = time.monotonic() + RENDEZVOUS_SECONDS
    addresses: list[str] = []
    while len(addresses) < size:
        address = board.address_of(len(addresses))
        if address is not None:
            addresses.append(address)
        elif time.monotonic() > deadline:
            raise Absent(f"worker {len(addresses)} did not come within {RENDEZVOUS_SECONDS} s")
        else:
            time.sleep(LOOK_SECONDS)
    return addresses


def _start_server(addresses: Sequence[str], rank: int) -> None:
    """Starts the server of this worker, through which the others reach its tensors.

    It is what `MultiWorkerMirroredStrategy` does first, for which there is no public function. That one
    has heartbeats of its own, besides, and ends processes that this project's launcher is to end.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import tensorflow_server_pb2
    from tensorflow.python.eager import context

    # A proxy of the environment is for the world outside the cluster.
    hosts = ",".join({address.rpartition(":")[0] for address in addresses})
    os.environ.update(TF_GRPC_REUSE_PORT="1", no_grpc_proxy=hosts)
    own = context.context()
    own.configure_collective_ops(
        collective_leader=f"/job:{JOB}/replica:0/task:0",
        device_filters=(f"/job:{JOB}/task:{rank}",),
    )
    server = tensorflow_server_pb2.ServerDef(
        cluster=tf.train.ClusterSpec({JOB: list(addresses)}).as_cluster_def(),
        job_name=JOB,
        task_index=rank,
        protocol="grpc",
        default_session_config=own.config,
    )
    own.enable_collective_ops(server)
    with _muted():
        own.ensure_initialized()


@contextmanager
def _muted() -> Iterator[None]:
    """Drops what TensorFlow's libraries say of a server that starts; errors are exceptions."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
