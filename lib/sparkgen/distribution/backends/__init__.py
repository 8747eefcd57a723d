"""Backends: each file of this folder is one way to exchange data between workers, found by its name.

A `Backend` says what the driver runs for it, what its workers' environment has, how a worker joins the
ring, and by which errors a worker learns that another one is gone.
"""

import importlib
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, cast

from sparkgen.archive import module_names
from sparkgen.config.nearest import choose
from sparkgen.distribution.ring import Ring
from sparkgen.distribution.slots import Meeting, Place, Slot
from sparkgen.errors import RequestError

AUTO = "auto"
NONE = "none"
"""What a single worker exchanges by: it needs no backend."""
FIRST = ("horovod", "tensorflow")
"""Which of them `auto` prefers where both can be used."""


class Backend(Protocol):
    """What each file of this folder defines."""

    def missing(self) -> str:
        """Why this Python cannot use it, as far as can be told cheaply; empty where it can."""

    def features(self) -> str:
        """What it is and can do here, in a few words; `nccl` is among them if it can use that.

        Raises:
            RequestError: it does not load.
        """

    def serve(self, bind: str) -> AbstractContextManager[int]:
        """Runs what the driver has beside the board; gives its port, 0 where it is nothing.

        `bind` is the interface to listen on; empty for all.
        """

    def environment(self, slot: Slot, meeting: Meeting) -> dict[str, str]:
        """The environment variables by which a worker of several joins; it may be on another machine."""

    def join(self, place: Place) -> Ring:
        """Joins the other workers, in a worker's process.

        Raises:
            RequestError: it does not load.
        """

    def is_lost(self, error: Exception) -> bool:
        """Whether an error of a worker only says that another worker is gone."""


def backend_names() -> list[str]:
    """The names of all backends."""
    return module_names(Path(__file__).parent)


def backend_of(name: str) -> Backend:
    """The backend of a name."""
    return cast(Backend, importlib.import_module(f"{__name__}.{name}"))


def check_name(wanted: str) -> None:
    """Refuses what is neither `auto` nor the name of a backend.

    Raises:
        RequestError: it says which ones there are.
    """
    if wanted not in (AUTO, *backend_names()):
        raise RequestError(
            f"{AUTO} or a known backend as environment.backend",
            found=repr(wanted),
            mend=choose(wanted, [AUTO, *backend_names()]),
        )


def choose_backend(wanted: str, *, workers: int) -> str:
    """The name of the backend to take: the one that is wanted; for `auto` the first that can be used; for
    one worker `NONE`.

    Raises:
        RequestError: there is no such backend, or this Python lacks what it needs.
    """
    check_name(wanted)
    if workers == 1:
        return NONE
    if wanted == AUTO:
        return next(name for name in FIRST if not backend_of(name).missing())
    if found := backend_of(wanted).missing():
        raise RequestError(
            f"what environment.backend {wanted} needs",
            found=found,
            mend=f"install it, or set environment.backend={AUTO}",
        )
    return wanted
