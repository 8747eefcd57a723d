"""Horovod exchanges by Gloo, or by NCCL between GPUs; its ranks meet at its own server on the driver.

`hvd.run` and `horovod.spark.run` would start the workers too, and learn of a lost one by time-outs; here
the launchers do that, around the same server. Like Horovod's own it is open to whoever reaches its port.
"""

import importlib.util
import os
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import numpy as np

from sparkgen.distribution.backends._dtypes import by_dtype
from sparkgen.distribution.backends._operations import said_by_operation
from sparkgen.distribution.board_server import running
from sparkgen.distribution.ring import Array, Ring, Tensor
from sparkgen.distribution.slots import RENDEZVOUS_SECONDS, Meeting, Place, Slot
from sparkgen.errors import RequestError

# What its operations say when another worker is gone: itself, or Gloo, which gives its file and line.
LOST = re.compile(r"Horovod has been shut down|gloo/\S+\.(cc|h):\d+\]")


def missing() -> str:
    """Why this Python cannot use it; whether its library fits the TensorFlow shows only its import."""
    return "" if importlib.util.find_spec("horovod") else "no Horovod in this Python"


def serve(bind: str) -> AbstractContextManager[int]:
    """Runs the server where the ranks leave each other their addresses."""
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    server = RendezvousHTTPServer((bind, 0), RendezvousHandler, 0)
    # A worker that is killed breaks off in mid-sentence; who was lost is told elsewhere.
    server.handle_error = lambda request, address: None
    return running(server)


def environment(slot: Slot, meeting: Meeting) -> dict[str, str]:
    """What tells Horovod a worker's slot, and where the ranks meet."""
    return {
        "HOROVOD_HOSTNAME": slot.host,
        "HOROVOD_RANK": str(slot.rank),
        "HOROVOD_SIZE": str(slot.size),
        "HOROVOD_LOCAL_RANK": str(slot.local_rank),
        "HOROVOD_LOCAL_SIZE": str(slot.local_size),
        "HOROVOD_CROSS_RANK": str(slot.cross_rank),
        "HOROVOD_CROSS_SIZE": str(slot.cross_size),
        "HOROVOD_GLOO_RENDEZVOUS_ADDR": meeting.board.address,
        "HOROVOD_GLOO_RENDEZVOUS_PORT": str(meeting.port),
        "HOROVOD_GLOO_IFACE": meeting.interface,
        "HOROVOD_GLOO_TIMEOUT_SECONDS": str(RENDEZVOUS_SECONDS),
        "HOROVOD_CONTROLLER": "gloo",
        "HOROVOD_CPU_OPERATIONS": "gloo",
        "NCCL_SOCKET_IFNAME": meeting.interface,
        # The driver says once which worker was lost; without this every other one says so as well.
        "HOROVOD_LOG_LEVEL": os.environ.get("HOROVOD_LOG_LEVEL", "fatal"),
    }


def features() -> str:
    """Its version, and what it was built with."""
    from importlib.metadata import version

    hvd = _load()
    built = {"gloo": hvd.gloo_built(), "nccl": hvd.nccl_built(), "mpi": hvd.mpi_built()}
    if not built["gloo"]:
        raise _unfit("one built without Gloo, by which its ranks meet")
    return ", ".join([version("horovod"), *(name for name, there in built.items() if there)])


def join(place: Place) -> Ring:
    """Joins the ring that the environment names."""
    hvd = _load()
    hvd.init()
    return HorovodRing(place, hvd)


def _load() -> Any:
    try:
        import horovod.tensorflow as hvd
    except ImportError as error:  # of Horovod, or of its library, which is built for one TensorFlow
        raise _unfit(str(error).partition("\n")[0]) from error
    return hvd


def _unfit(found: str) -> RequestError:
    return RequestError(
        f"Horovod, built for the TensorFlow there, in the workers' Python {sys.executable}",
        found=found,
        mend="install the wheel that make setup leaves in .wheels, or set "
        "environment.backend=tensorflow; one worker needs neither",
    )


def is_lost(error: Exception) -> bool:
    """Whether an error only says that another worker is gone."""
    return LOST.search(said_by_operation(error)) is not None


class HorovodRing:
    """Several workers that Horovod connects.

    Args:
        place: of this worker.
        hvd: `horovod.tensorflow`, initialised.
    """

    def __init__(self, place: Place, hvd: Any) -> None:
        self.rank, self.size, self.local_rank = place
        self._hvd = hvd

    def sum(self, values: Array) -> Array:
        return self._hvd.allreduce(np.asarray(values), op=self._hvd.Sum).numpy()

    def gather(self, values: Array) -> Array:
        return self._hvd.allgather(np.asarray(values)[None]).numpy()

    def mean(self, tensor: Tensor) -> Tensor:
        return self._hvd.allreduce(tensor, op=self._hvd.Average)

    def average(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return by_dtype(partial(self._hvd.grouped_allreduce, op=self._hvd.Average), tensors)

    def total(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        return by_dtype(partial(self._hvd.grouped_allreduce, op=self._hvd.Sum), tensors)

    def broadcast(self, variables: Sequence[Any]) -> None:
        self._hvd.broadcast_variables([v.value for v in variables], root_rank=0)

    def broadcast_bytes(self, data: bytes) -> bytes:
        length = self._hvd.broadcast(np.array([len(data)], np.int64), root_rank=0).numpy()[0]
        values = np.zeros(length, np.uint8)
        if self.rank == 0:
            values[:] = np.frombuffer(data, np.uint8)
        return self._hvd.broadcast(values, root_rank=0).numpy().tobytes() if length else b""
