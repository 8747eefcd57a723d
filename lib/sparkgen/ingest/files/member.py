"""Defines a file in a folder or an archive, and the error for a damaged archive."""

import lzma
import struct
import tarfile
import zipfile
import zlib
from typing import NamedTuple

from isal import isal_zlib

from sparkgen.errors import RequestError

# What the readers of archives are known to raise on damaged ones: no one class covers them.
DAMAGE: tuple[type[Exception], ...] = (  # type: ignore[assignment]  # as the stub of isal has it
    OSError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    struct.error,
    zlib.error,
    isal_zlib.error,
    lzma.LZMAError,
    tarfile.TarError,
    zipfile.BadZipFile,
)


HIDDEN = (".", "__")  # how names begin that are no data, unless a class has such a name


class Member(NamedTuple):
    """A file in a folder or an archive: its number there, its path, and its bytes from `offset`.

    `fault` is why it cannot be read, as the quarantine names it; None where nothing is wrong.
    """

    number: int
    name: str
    offset: int
    size: int
    fault: str | None = None


def damaged(uri: str, found: str) -> RequestError:
    """The error that says what is wrong with an archive."""
    return RequestError(
        f"a whole archive at {uri}", found=found, mend="make or download the archive again"
    )
