"""A worker writes as JSON how its work ended, so that the driver can raise the worker's own error."""

import os
import signal
from collections.abc import Sequence
from typing import Any, NamedTuple

from sparkgen import errors
from sparkgen.errors import Interrupted, RequestError, SparkgenError, WorkersFailed

Json = dict[str, Any]
MESSAGE_CHARACTERS = 400
RING_LOST = os.EX_TEMPFAIL
"""Exit status of a worker whose only trouble is that another one is gone."""


class Ended(NamedTuple):
    """The record of one worker process that has ended."""

    rank: int
    outcome: Json | None
    """What it left: `success` or `failure`; None where it died before."""
    returncode: int
    killed: bool
    """Its supervisor ended it, because of another worker or of the user."""
    tail: str
    """The last lines of its standard error."""
    at: float
    """When it left its outcome, or died before; in seconds since 1970."""
    hung: str = ""
    """Why it counts as hanging; empty where it does not."""
    stage: str = ""
    """What Spark says of the stage with which all workers were lost; empty where it was not."""


def success(result: Json) -> Json:
    """The outcome, as JSON, of a function that returned a result."""
    return {"result": result}


def failure(error: SparkgenError) -> Json:
    """The outcome, as JSON, of a function that raised one of the project's own errors."""
    outcome: Json = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, RequestError):
        outcome |= {"expected": error.expected, "found": error.found, "mend": error.mend}
    return outcome


def raised(outcome: Json) -> SparkgenError:
    """The error that an outcome of `failure` describes."""
    kind = getattr(errors, outcome["error"])
    if issubclass(kind, RequestError):
        return kind(outcome["expected"], found=outcome["found"], mend=outcome["mend"])
    return kind(outcome["message"])


def is_loss(ended: Ended) -> bool:
    """Whether this worker ended in such a way that the other workers cannot go on."""
    outcome = ended.outcome
    return outcome is None or ("error" in outcome and outcome["error"] != Interrupted.__name__)


def result_of(all_ended: Sequence[Ended]) -> Json | None:
    """The result of rank 0, or None if a worker was lost: it died before it wrote an outcome.

    Raises:
        SparkgenError: what a worker raised first; a wrong request stays a `RequestError`.
    """
    failures = [e for e in all_ended if e.outcome is not None and "error" in e.outcome]
    if failures:
        raise raised(min(failures, key=lambda e: (e.at, e.rank)).outcome or {})
    if any(ended.outcome is None for ended in all_ended):
        return None
    head = min(all_ended)
    return head.outcome["result"] if head.outcome is not None else None


def first_lost(all_ended: Sequence[Ended]) -> Ended:
    """The worker that hung, or the first that died by itself; all others ended because of that one."""
    hung = [e for e in all_ended if e.hung]
    if hung:
        return hung[0]
    lost = [e for e in all_ended if e.outcome is None and not e.killed]
    return min(lost or list(all_ended), key=lambda e: (e.returncode == RING_LOST, e.at))


def lost_stage(said: str) -> Ended:
    """The one record that stands for all workers when Spark lost their whole stage."""
    return Ended(0, None, 1, killed=False, tail=said, at=0.0, stage=said[:MESSAGE_CHARACTERS])


def blame(all_ended: Sequence[Ended], rank: int, reason: str) -> list[Ended]:
    """The records of all workers, in which the worker that hung gets the reason."""
    return [e._replace(hung=reason) if e.rank == rank else e for e in all_ended]


def describe(ended: Ended, *, size: int) -> str:
    """One line of text that says how a worker died or hung."""
    if ended.stage:
        return f"all {size} workers were lost with their Spark stage ({ended.stage})"
    if ended.hung:
        return f"worker {ended.rank} of {size} hung ({ended.hung})"
    code = ended.returncode
    how = f"exit status {code}" if code >= 0 else f"signal {signal.Signals(-code).name}"
    return f"worker {ended.rank} of {size} died ({how})"


def workers_failed(ended: Ended, *, size: int, restarts: int) -> WorkersFailed:
    """The error for the user when a worker was lost and no restart is left."""
    said = "" if ended.stage else f"; its last lines:\n{ended.tail}"
    if ended.hung:
        said = "; if it only needs longer than that, set environment.hang_seconds higher"
    return WorkersFailed(f"{describe(ended, size=size)} after {restarts} restarts{said}")
