"""Defines the exceptions that a caller can catch, and the exit status of each."""

from typing import Any

from sparkgen.credentials import hide


class SparkgenError(Exception):
    """The base class of all errors here; the command line exits with its `exit_status`."""

    exit_status = 1

    def __init__(self, *values: object) -> None:
        super().__init__(*(hide(value) if isinstance(value, str) else value for value in values))


class RequestError(SparkgenError):
    """The request is wrong: its configuration, its arguments, or an input that does not exist.

    Args:
        expected: what a right request has, e.g. "a batch size that is a multiple of the 8 lanes".
        found: what this one has, e.g. "100".
        mend: what to do about it, e.g. "set training.batch_size to 96 or 104".
    """

    exit_status = 2

    def __init__(self, expected: str, *, found: str, mend: str) -> None:
        self.expected, self.found, self.mend = hide(expected), hide(found), hide(mend)
        line = f"expected {self.expected}, found {self.found}: {self.mend}"
        super().__init__(" ".join(line.split()))

    def __reduce__(self) -> tuple[object, ...]:
        return _request_error, (type(self), self.expected, self.found, self.mend)


class ManifestError(RequestError):
    """A dataset version or sample set that cannot be used: a damaged or missing file or manifest."""


class ModelError(RequestError):
    """A saved model that cannot be used: damaged, incomplete, or not one that this release builds."""


class IngestError(SparkgenError):
    """No dataset version could be made from the source that was read."""


class TaskFailed(SparkgenError):
    """A task on a Spark executor raised an error; the message quotes it."""


class WorkersFailed(SparkgenError):
    """Training workers died more often than `max_restarts` allows."""


class WorkerError(SparkgenError):
    """A training worker raised an unexpected error; the message gives its class and place."""


class TrackingLost(SparkgenError):
    """The tracking server went away during a training; the message says how to go on."""


class NotPromoted(SparkgenError):
    """A gate refused the model, and there is no champion; `done` has the results by step."""

    def __init__(self, line: str, done: dict[str, Any]) -> None:
        super().__init__(line)
        self.done = done


class Interrupted(SparkgenError):
    """The user stopped the work; the message says how to resume it."""

    exit_status = 130


def _request_error(kind: type[RequestError], expected: str, found: str, mend: str) -> RequestError:
    return kind(expected, found=found, mend=mend)
