"""A worker process runs this program: `python -m sparkgen.distribution.process FOLDER`.

It reads `call.json` (`function` as `module:name`, `request`) in the folder, joins the ring that its
environment names, calls the function, and leaves `outcome.json`.
"""

import importlib
import json
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from sparkgen.credentials import log_to_stderr
from sparkgen.distribution.heartbeat import tell
from sparkgen.distribution.joining import is_lost, join_ring
from sparkgen.distribution.outcome import RING_LOST, failure, success
from sparkgen.distribution.slots import own_place
from sparkgen.distribution.trouble import unexpected
from sparkgen.errors import SparkgenError
from sparkgen.lean import keep_keras_lean
from sparkgen.stopping import end_with_parent
from sparkgen.unexpected import describe

CALL = "call.json"
OUTCOME = "outcome.json"
PARENT = "SPARKGEN_PARENT"
log = logging.getLogger("sparkgen.distribution.process")  # the name of this module is __main__


def main(folder: Path) -> None:
    """Runs the function that `call.json` in a folder names, and writes `outcome.json` there."""
    die_with_parent(int(os.environ[PARENT]))
    # The driver's standard output is for its result; whatever a library prints here is a message.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _log_to_stderr()
    keep_keras_lean()
    tell(folder)
    call = json.loads((folder / CALL).read_text())
    try:
        ring = join_ring()  # first, as some backends must be there before TensorFlow is used
        outcome = success(_function(call["function"])(call["request"], ring))
    except Exception as error:  # is told by the driver, and ends the work of all
        if is_lost(error):
            rank = own_place().rank
            log.warning("worker %d ends, as another one is gone: %s", rank, describe(error))
            _end_at_once(RING_LOST)
        outcome = failure(_told(error, call["log_folder"]))
    temporary = folder / f"{OUTCOME}.tmp"
    temporary.write_text(json.dumps(outcome))
    temporary.rename(folder / OUTCOME)


def _log_to_stderr() -> None:
    """What a worker logs is read where its driver's own lines are, so it looks like them."""
    log_to_stderr()
    logging.getLogger("sparkgen").setLevel(logging.INFO)


def die_with_parent(parent: int) -> None:
    """Makes the system kill this process when the thread that started it is gone.

    Without it, a driver or an executor that is killed leaves workers that wait for it forever.
    """
    end_with_parent(signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that started this worker is gone")


def _told(error: Exception, log_folder: str | None) -> SparkgenError:
    if isinstance(error, SparkgenError):
        return error
    return unexpected(error, rank=own_place().rank, log_folder=log_folder)


def _end_at_once(status: int) -> NoReturn:
    """Ends this process without the usual tidying, in which libraries may wait for those who are gone."""
    sys.stderr.flush()
    os._exit(status)


def _function(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(importlib.import_module(module), attribute)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
