"""An unexpected error in a worker becomes a `WorkerError`, which the driver shows to the user."""

from sparkgen.datasets.storage import write_bytes
from sparkgen.errors import WorkerError
from sparkgen.unexpected import describe, whole


def unexpected(error: Exception, *, rank: int, log_folder: str | None) -> WorkerError:
    """Makes a `WorkerError` for the user from an unexpected error; the whole traceback goes to a file.

    Args:
        error: as it was caught.
        rank: of the worker that raised it.
        log_folder: path or URI of the folder for the traceback; None: it is left out.
    """
    line = describe(error)
    if log_folder is not None:
        path = f"{log_folder}/worker-{rank}-traceback.txt"
        try:
            write_bytes(path, whole(error).encode())
            line += f"; the traceback is in {path}"
        except OSError as trouble:
            line += f"; the traceback could not be written ({trouble})"
    return WorkerError(line)
