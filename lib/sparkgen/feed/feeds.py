"""Defines what a feed is, a way to read the files of shards, and finds the one that is asked for.

Each feed is a file of this room, `<name>.py`, with what `Feed` declares. One that cannot work with what
is installed raises an `ImportError` when it is imported.
"""

from collections.abc import Sequence
from importlib import import_module
from typing import Protocol, cast, get_args

from sparkgen.config.environment import FeedName
from sparkgen.datasets.rows import Rows, Split
from sparkgen.errors import RequestError

AUTO = "auto"
FEEDS: tuple[str, ...] = tuple(name for name in get_args(FeedName) if name != AUTO)
"""Their names; `auto` means the first that can be used."""


class Reading(Protocol):
    """Some shards whose reading has begun. Each `next` gives the rows of one, in order."""

    def __next__(self) -> Rows:
        """The rows of the next shard; a `ManifestError` where its file is not as the manifest says."""
        ...

    def close(self) -> None:
        """Ends the reading, also in its middle, and leaves no thread behind."""
        ...


class Feed(Protocol):
    """A way to read the files of shards."""

    WINDOW: int
    """How many shards it opens together, at most."""
    AHEAD: int
    """How many windows of shards are opened before they are needed, at most."""
    THREADS: int
    """How many threads open windows."""

    def open_shards(self, split: Split, shards: Sequence[int]) -> Reading:
        """Begins to read the files of some shards, which may repeat; called in one of the threads.

        Raises:
            ManifestError: a file is missing, or is not as the manifest says.
        """
        ...


def choose_feed(name: str) -> str:
    """The name of the feed that is asked for; of `auto` that of the first which can be used here.

    Raises:
        RequestError: it cannot be used here.
    """
    if name == AUTO:
        return next(one for one in FEEDS if why_not(one) is None)
    load_feed(name)
    return name


def load_feed(name: str) -> Feed:
    """The feed of this name, or for `auto` the first which can be used here; raises as `choose_feed`."""
    if name == AUTO:
        return load_feed(choose_feed(name))
    if (reason := why_not(name)) is not None:
        raise RequestError(
            f"what environment.feed {name} needs",
            found=reason,
            mend=f"install it, or set environment.feed={AUTO}",
        )
    return cast(Feed, import_module(_module(name)))


def why_not(name: str) -> str | None:
    """Why a feed cannot be used with what is installed here; None: it can."""
    try:
        import_module(_module(name))
    except ImportError as error:
        return str(error)
    return None


def _module(name: str) -> str:
    return f"{__package__}.{name}"
