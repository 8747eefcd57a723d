"""Workers of TensorFlow meet: each starts a gRPC server, through which the others reach its tensors."""

import logging
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sparkgen.distribution.board import Board
from sparkgen.distribution.routes import address_towards
from sparkgen.distribution.slots import RENDEZVOUS_SECONDS, Place

LOOK_SECONDS = 0.1
JOB = "worker"
log = logging.getLogger(__name__)


class Absent(Exception):
    """A worker did not come to the rendezvous in time."""


def meet(board: Board, place: Place) -> None:
    """Tells the others this worker's address, waits for theirs, and starts its server.

    Raises:
        Absent: some worker has not told its own for `RENDEZVOUS_SECONDS`.
    """
    with _held_port() as port:
        board.announce(place.rank, f"{address_towards(board.address)}:{port}")
        _start_server(_all_addresses(board, place.size), place.rank)


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
            line = f"worker {len(addresses)} did not come within {RENDEZVOUS_SECONDS} s"
            log.warning("%s", line)
            raise Absent(line)
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
