"""The exceptions a caller may catch, and the exit status each one means."""

from typing import Any


class SparkgenError(Exception):
    """Something failed while running. The command line exits with `exit_status`."""

    exit_status = 1


class RequestError(SparkgenError):
    """The request is wrong: configuration, arguments, or an input that is not there.

    Args:
        expected: what a right request has, e.g. "a batch size that is a multiple of the 8 lanes".
        found: what this one has, e.g. "100".
        mend: what to do about it, e.g. "set training.batch_size to 96 or 104".
    """

    exit_status = 2

    def __init__(self, expected: str, *, found: str, mend: str) -> None:
        self.expected, self.found, self.mend = expected, found, mend
        line = f"expected {expected}, found {found}: {mend}"
        super().__init__(" ".join(line.split()))

    def __reduce__(self) -> tuple[object, ...]:
        return _request_error, (type(self), self.expected, self.found, self.mend)


class ManifestError(RequestError):
    """A dataset version or sample set that cannot be used: a damaged or missing file or manifest."""


class ModelError(RequestError):
    """A saved model that cannot be used: damaged, incomplete, or not one that this release builds."""


class IngestError(SparkgenError):
    """The source was read, and no dataset version could be made of it."""


class TaskFailed(SparkgenError):
    """A task on the executors raised an error, which is in the message."""


class WorkersFailed(SparkgenError):
    """Training workers died more often than `max_restarts` allows."""


class WorkerError(SparkgenError):
    """A worker's function raised an error of another kind; the message says which, and where."""


class NotPromoted(SparkgenError):
    """The gates refuse a model, and there is no champion; `done` has the results by step."""

    def __init__(self, line: str, done: dict[str, Any]) -> None:
        super().__init__(line)
        self.done = done


class Interrupted(SparkgenError):
    """The user stopped the work; the message says how to resume it."""

    exit_status = 130


def _request_error(kind: type[RequestError], expected: str, found: str, mend: str) -> RequestError:
    return kind(expected, found=found, mend=mend)
