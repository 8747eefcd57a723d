"""A worker joins the others by its environment variables, which name its place and the backend."""

import os
from contextlib import AbstractContextManager, nullcontext

from sparkgen.distribution.backends import backend_of
from sparkgen.distribution.counted import Counted
from sparkgen.distribution.gpus import take_gpu
from sparkgen.distribution.ring import Alone, Ring
from sparkgen.distribution.slots import Meeting, Slot, own_place, slot_environment
from sparkgen.errors import SparkgenError

BACKEND = "SPARKGEN_BACKEND"


def serving(backend: str, workers: int, bind: str) -> AbstractContextManager[int]:
    """Runs what a backend has on the driver for several workers; gives its port, 0 for nothing."""
    return backend_of(backend).serve(bind) if workers > 1 else nullcontext(0)


def worker_environment(backend: str, slot: Slot, meeting: Meeting) -> dict[str, str]:
    """The environment variables of one worker; a single one needs no backend."""
    own = {**slot_environment(slot), BACKEND: backend}
    return own if slot.size == 1 else {**own, **backend_of(backend).environment(slot, meeting)}


def join_ring() -> Ring:
    """The ring that this process belongs to, according to its environment variables.

    Raises:
        RequestError: this Python lacks what the backend needs.
    """
    place = own_place()
    if place.size == 1:
        return Alone()
    take_gpu(place.local_rank)
    return Counted(backend_of(os.environ[BACKEND]).join(place))


def is_lost(error: Exception) -> bool:
    """Whether an error of this worker only says that another one is gone; one of this package never does,
    whatever it quotes.
    """
    if isinstance(error, SparkgenError) or own_place().size == 1:
        return False
    return backend_of(os.environ[BACKEND]).is_lost(error)
