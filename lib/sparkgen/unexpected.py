"""Describes an unexpected error in one line, and writes its traceback to a file."""

import errno
import site
import sys
import sysconfig
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

from sparkgen.credentials import hide

MESSAGE_CHARACTERS = 400
OWN = str(Path(__file__).parent)
INSTALLED = (*site.getsitepackages(), *sysconfig.get_paths().values(), "<frozen ")
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = ("no space left on device", "disk is full", "disk quota exceeded")


def describe(error: BaseException) -> str:
    """A description of an error in one line; a full disk is named as such, whatever its error class."""
    if full := [cause for cause in _chain(error) if _is_full(cause)]:
        return f"no space is left on the disk: {_short(full[-1])} ({place(error)})"
    message = _short(error)
    kind = type(error).__name__
    return f"{kind}: {message} ({place(error)})" if message else f"{kind} ({place(error)})"


def first_line(error: BaseException) -> str:
    """The first line of what an error says, without credentials; its class where it says nothing."""
    lines = (line.strip() for line in hide(str(error)).splitlines())
    return next(filter(None, lines), type(error).__name__)


def whole(error: BaseException) -> str:
    """The traceback of an error, and of the errors that caused it."""
    return hide("".join(traceback.format_exception(error)))


def keep(error: BaseException) -> str | None:
    """Writes the traceback to a temporary file and returns its path; None where writing fails."""
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sparkgen-", suffix=".traceback", delete=False
        ) as file:
            file.write(whole(error))
    except OSError:
        return None
    return file.name


def place(error: BaseException) -> str:
    """The file and line of an error: the innermost one in this package or in the user's code."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"at an unknown place of {Path(sys.argv[0]).name or 'Python'}"
    own = [frame for frame in frames if _is_own(frame.filename)]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}, in {frame.name}"


def _is_own(filename: str) -> bool:
    return filename.startswith(OWN) or not filename.startswith(INSTALLED)


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    numbered = isinstance(error, OSError) and error.errno in FULL
    return numbered or any(words in str(error).lower() for words in FULL_WORDS)


def _short(error: BaseException) -> str:
    text = hide(" ".join(str(error).split()))
    return text if len(text) <= MESSAGE_CHARACTERS else f"{text[:MESSAGE_CHARACTERS]}..."
