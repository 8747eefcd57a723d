"""An error that nobody expected, as one line: its kind, its message, its place; the rest in a file."""

import site
import sys
import sysconfig
import traceback
from pathlib import Path

import sparkgen
from sparkgen.datasets.storage import write_bytes
from sparkgen.errors import WorkerError

MESSAGE_CHARACTERS = 400
OWN = str(Path(sparkgen.__file__).parent)
INSTALLED = (*site.getsitepackages(), *sysconfig.get_paths().values(), "<frozen ")


def unexpected(error: Exception, *, rank: int, log_folder: str | None) -> WorkerError:
    """The error for the user; the whole traceback goes to a file.

    Args:
        error: as it was caught.
        rank: of the worker that raised it.
        log_folder: path or URI of the folder for the traceback; None: it is left out.
    """
    line = describe(error)
    if log_folder is not None:
        path = f"{log_folder}/worker-{rank}-traceback.txt"
        try:
            write_bytes(path, "".join(traceback.format_exception(error)).encode())
            line += f"; the traceback is in {path}"
        except OSError as trouble:
            line += f"; the traceback could not be written ({trouble})"
    return WorkerError(line)


def describe(error: BaseException) -> str:
    """The kind of an error, its message on one line, and its place."""
    message = " ".join(str(error).split())
    if len(message) > MESSAGE_CHARACTERS:
        message = f"{message[:MESSAGE_CHARACTERS]}..."
    kind = type(error).__name__
    return f"{kind}: {message} ({place(error)})" if message else f"{kind} ({place(error)})"


def place(error: BaseException) -> str:
    """The innermost line of this package or of the user's code that an error came through."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return f"at an unknown place of {Path(sys.argv[0]).name or 'Python'}"
    own = [frame for frame in frames if _is_own(frame.filename)]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}, in {frame.name}"


def _is_own(filename: str) -> bool:
    return filename.startswith(OWN) or not filename.startswith(INSTALLED)
