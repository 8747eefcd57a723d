"""Each worker gets a slot, which is its rank, and environment variables that tell it."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.distribution.board import Board

RANK, SIZE, LOCAL_RANK = "SPARKGEN_RANK", "SPARKGEN_SIZE", "SPARKGEN_LOCAL_RANK"
# Ten workers that import TensorFlow on two cores reach the rendezvous minutes apart.
RENDEZVOUS_SECONDS = 300


class Slot(NamedTuple):
    """The ranks of one worker: `local` on its machine, `cross` among those of one local rank."""

    rank: int
    size: int
    local_rank: int
    local_size: int
    cross_rank: int
    cross_size: int
    host: str


class Place(NamedTuple):
    """What a worker knows of its slot."""

    rank: int
    size: int
    local_rank: int


class Meeting(NamedTuple):
    """Where workers meet: the board, what the backend runs beside it, and their network interface."""

    board: Board
    port: int
    """Of what the backend runs on the driver; 0 where that is nothing."""
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


def slot_environment(slot: Slot) -> dict[str, str]:
    """The environment variables that tell a worker its place."""
    return {RANK: str(slot.rank), SIZE: str(slot.size), LOCAL_RANK: str(slot.local_rank)}


def own_place() -> Place:
    """The place of this process, by its environment variables; without them it is a ring of one."""
    rank, size, local_rank = (
        int(os.environ.get(name, default))
        for name, default in ((RANK, "0"), (SIZE, "1"), (LOCAL_RANK, "0"))
    )
    return Place(rank, size, local_rank)


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
