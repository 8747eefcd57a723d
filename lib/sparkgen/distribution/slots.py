"""Each worker gets a slot, which is its rank, and environment variables for Horovod and TensorFlow."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

# Ten workers that import TensorFlow on two cores reach the rendezvous minutes apart.
RENDEZVOUS_SECONDS = 300


class Slot(NamedTuple):
    """The ranks of one worker as Horovod names them: `local` on its machine, `cross` between machines."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    cross_rank: int
    cross_size: int
    host: str


class Meeting(NamedTuple):
    """The address of the rendezvous server, and the network interface that workers use."""

    address: str
    port: int
    interface: str


def assign(hosts: Sequence[str]) -> list[Slot]:
    """The slot of every worker, from the host of every worker; ranks are numbered host by host."""
    workers_on = Counter(hosts)
    order = sorted(range(len(hosts)), key=lambda worker: (hosts[worker], worker))
    seen: Counter[str] = Counter()
    slots: dict[int, Slot] = {}
    for rank, worker in enumerate(order):
        host = hosts[worker]
        local_rank = seen[host]
        seen[host] += 1
        peers = sorted(h for h, count in workers_on.items() if count > local_rank)
        slots[worker] = Slot(
            rank, len(hosts), local_rank, workers_on[host], peers.index(host), len(peers), host
        )
    return [slots[worker] for worker in range(len(hosts))]


def slot_environment(slot: Slot, meeting: Meeting) -> dict[str, str]:
    """The environment variables that tell Horovod a worker's slot; a single worker needs no Horovod."""
    if slot.size == 1:
        return {"HOROVOD_SIZE": "1"}
    return {
        "HOROVOD_HOSTNAME": slot.host,
        "HOROVOD_RANK": str(slot.rank),
        "HOROVOD_SIZE": str(slot.size),
        "HOROVOD_LOCAL_RANK": str(slot.local_rank),
        "HOROVOD_LOCAL_SIZE": str(slot.local_size),
        "HOROVOD_CROSS_RANK": str(slot.cross_rank),
        "HOROVOD_CROSS_SIZE": str(slot.cross_size),
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": meeting.address,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(meeting.port),
        "HOROVOD_GLOO_IFACE": meeting.interface,
        "HOROVOD_GLOO_TIMEOUT_SECONDS": str(RENDEZVOUS_SECONDS),
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "NCCL_SOCKET_IFNAME": meeting.interface,
    }


def thread_environment(threads: int | None, *, local_size: int) -> dict[str, str]:
    """The environment variables that set the number of TensorFlow threads.

    `threads` None: the machine's cores divided by the workers on it.
    """
    threads = threads or max(1, len(os.sched_getaffinity(0)) // local_size)
    return {
        "OMP_NUM_THREADS": str(threads),
        "TF_NUM_INTRAOP_THREADS": str(threads),
        "TF_NUM_INTEROP_THREADS": str(max(2, threads)),
    }
