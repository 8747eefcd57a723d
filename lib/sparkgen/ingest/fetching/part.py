"""Keeps the part of a file that is being fetched, in a hidden file `.NAME.part` beside its target.

Two processes do not write one part: it is locked, and the kernel unlocks it when its holder ends.
"""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from sparkgen.errors import RequestError

log = logging.getLogger(__name__)


@contextmanager
def locked_part(target: str) -> Iterator[BinaryIO]:
    """The part of a file, open for appending, which no other process writes meanwhile.

    Where it stays empty, it is removed in the end, and so are the folders that were made for it.
    """
    folder, name = os.path.split(target)
    path = os.path.join(folder, f".{name}.part")
    with _folder(folder):
        while True:
            try:
                part = open(path, "ab", buffering=0)  # noqa: SIM115
            except OSError as error:
                raise _unwritable(folder, error) from None
            with part:
                _lock(part, target)
                if not _is_at(part, path):  # another process has finished it or removed it
                    continue
                try:
                    yield part
                finally:
                    if _is_at(part, path) and os.path.getsize(path) == 0:
                        os.remove(path)
                return


def finish(part: BinaryIO, target: str) -> None:
    """Gives a part the name of the file that it has become, once its bytes are on the disk."""
    os.fsync(part.fileno())
    os.replace(part.name, target)
    folder = os.open(os.path.dirname(target), os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _folder(path: str) -> Iterator[None]:
    """Makes a folder; if it is empty in the end, what was made is removed again."""
    made, above = [], path
    while not os.path.lexists(above):
        made.append(above)
        above = os.path.dirname(above)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        raise _unwritable(path, error) from None
    try:
        yield
    finally:
        for folder in made:
            with suppress(OSError):
                os.rmdir(folder)


def _unwritable(folder: str, error: OSError) -> RequestError:
    return RequestError(
        f"a folder for source files that can be written, {folder}",
        found=error.strerror or str(error),
        mend="say where they are to be kept: --set environment.data=FOLDER",
    )


def _lock(part: BinaryIO, target: str) -> None:
    try:
        fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        log.info("%s is being fetched by another process: waiting for it", target)
        fcntl.flock(part, fcntl.LOCK_EX)
    except OSError:  # no locks on this file system: the check at the end must do
        log.debug("%s cannot be locked", part.name)


def _is_at(part: BinaryIO, path: str) -> bool:
    """Whether an open file still has its name."""
    try:
        return os.path.samestat(os.fstat(part.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
