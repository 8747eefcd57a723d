"""Errors that nobody foresaw, in one line that says where to find the rest."""

import errno
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parent
# Set: tracebacks go to standard error as well.
SHOWN = "SPARKGEN_TRACEBACK"
FULL = (errno.ENOSPC, errno.EDQUOT)
FULL_WORDS = ("no space left on device", "disk is full", "disk quota exceeded")


def describe(error: Exception) -> str:
    """What failed, in one line. The traceback goes to a file that the line names."""
    text = "".join(traceback.format_exception(error))
    if os.environ.get(SHOWN):
        sys.stderr.write(text)
    file = _keep(text)
    rest = f"; the traceback is in {file}" if file else f"; {SHOWN}=1 shows the traceback"
    if full := [cause for cause in _chain(error) if _is_full(cause)]:
        return f"no space is left on the disk: {_short(full[-1])}{rest}"
    return f"unexpected {type(error).__name__}: {_short(error)} ({_place(error)}){rest}"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _is_full(error: BaseException) -> bool:
    numbered = isinstance(error, OSError) and error.errno in FULL
    return numbered or any(words in str(error).lower() for words in FULL_WORDS)


def _short(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return text if len(text) <= 300 else f"{text[:300]}..."


def _place(error: Exception) -> str:
    """The last line of this package that the error passed."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)]
    return " ".join(f"{Path(f.filename).name}:{f.lineno}" for f in (own or frames)[-1:])


def _keep(text: str) -> str | None:
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix="sparkgen-", suffix=".traceback", delete=False
        ) as file:
            file.write(text)
    except OSError:
        return None
    return file.name
