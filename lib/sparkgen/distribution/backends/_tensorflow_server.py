"""Workers of TensorFlow meet: each starts a gRPC server, through which the others reach its tensors."""

import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from ipaddress import ip_address

from sparkgen.distribution.board import Board
from sparkgen.distribution.routes import address_towards
from sparkgen.distribution.slots import RENDEZVOUS_SECONDS, Place
from sparkgen.errors import RequestError

LOOK_SECONDS = 0.1
CONNECT_SECONDS = 5.0
"""How long one try to reach a server may take."""
JOB = "worker"


class Absent(Exception):
    """A worker did not come to the rendezvous in time, or cannot be reached after it."""


def meet(board: Board, place: Place) -> None:
    """Tells the others this worker's address, waits for theirs, starts its server, and reaches theirs.

    Raises:
        Absent: some worker has not told its own for `RENDEZVOUS_SECONDS`, or its server does not answer
            for as long.
        RequestError: some worker told an address that only its own machine reaches.
    """
    with _held_port() as port:
        board.announce(place.rank, f"{address_towards(board.address)}:{port}")
        addresses = _all_addresses(board, place.size)
        _check_one_network(addresses)
        _start_server(addresses, place.rank)
    _reach(addresses)


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


def _check_one_network(addresses: Sequence[str]) -> None:
    """Refuses a loopback address beside others: that worker reached the board within its machine."""
    inner = [ip_address(_parts(address)[0]).is_loopback for address in addresses]
    if any(inner) and not all(inner):
        own, other = addresses[inner.index(True)], addresses[inner.index(False)]
        raise RequestError(
            "workers whose addresses all machines reach",
            found=f"worker {inner.index(True)} at {own} beside one at {other}",
            mend="set spark.driver.host, in environment.spark, to the address that the driver's machine "
            "has in the network of the workers",
        )


def _reach(addresses: Sequence[str]) -> None:
    """Waits until the servers of all workers answer: TensorFlow would wait without an end."""
    deadline = time.monotonic() + RENDEZVOUS_SECONDS
    for rank, address in enumerate(addresses):
        while not _answers(address):
            if time.monotonic() > deadline:
                raise Absent(
                    f"expected worker {rank} to answer at {address}, found nothing for "
                    f"{RENDEZVOUS_SECONDS} s: let the machines of the workers reach each other's ports"
                )
            time.sleep(LOOK_SECONDS)


def _answers(address: str) -> bool:
    try:
        socket.create_connection(_parts(address), CONNECT_SECONDS).close()
    except OSError:  # it does not listen yet, or cannot be reached
        return False
    return True


def _parts(address: str) -> tuple[str, int]:
    """Host and port of an address."""
    host, _, port = address.rpartition(":")
    return host, int(port)


def _start_server(addresses: Sequence[str], rank: int) -> None:
    """Starts the server of this worker, through which the others reach its tensors.

    It is what `MultiWorkerMirroredStrategy` does first, for which there is no public function. That one
    has heartbeats of its own, besides, and ends processes that this project's launcher is to end.
    """
    import tensorflow as tf
    from tensorflow.core.protobuf import tensorflow_server_pb2
    from tensorflow.python.eager import context

    # A proxy of the environment is for the world outside the cluster.
    hosts = ",".join({_parts(address)[0] for address in addresses})
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
