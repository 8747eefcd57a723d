"""What rank 0 tells the run: figures by epoch, and pictures at the end."""

import tempfile
from collections.abc import Callable
from typing import Any

from sparkgen.training.setting import Setting
from sparkgen.training.state import Record, State


def _logger(setting: Setting) -> Any | None:
    """Rank 0's access to the run; None elsewhere, and where there is no run."""
    request = setting.request
    if setting.learner.ring.rank != 0 or request.run_id is None or request.tracking_uri is None:
        return None
    from sparkgen.tracking.runs import attach

    return attach(request.tracking_uri, request.run_id)


def epoch_log(setting: Setting) -> Callable[[Record, int], None]:
    """A function that logs an epoch's figures; it does nothing where there is no run."""
    logger = _logger(setting)
    if logger is None:
        return lambda record, epoch: None
    return lambda record, epoch: logger.metrics(record, step=epoch)


def log_report(setting: Setting, state: State) -> None:
    """Draws the run's pictures and puts them among its artifacts, where there is a run."""
    logger = _logger(setting)
    if logger is None:
        return
    from sparkgen.training.report import write_report

    request = setting.request
    with tempfile.TemporaryDirectory(prefix="sparkgen-report-") as folder:
        write_report(
            setting.learner.model,
            state.history,
            experiment=request.experiment,
            manifest=setting.manifest,
            version_uri=request.version_uri,
            folder=folder,
        )
        logger.artifact(folder, "report")
