"""Rank 0 logs to the MLflow run: figures after every epoch, and pictures at the end.

A tracking server that fails for a while does not end a training: figures are kept until it answers.
"""

import logging
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from sparkgen.config.request import ExperimentConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.training.attempt import attempt
from sparkgen.training.setting import Setting
from sparkgen.training.state import EpochFigures, State
from sparkgen.training.transfer import Transfer
from sparkgen.unexpected import describe

LOG = logging.getLogger(__name__)


def _logger(setting: Setting) -> Any | None:
    """Rank 0's access to the run; None elsewhere, and where there is no run."""
    request = setting.request
    if setting.learner.ring.rank != 0 or request.run_id is None or request.tracking_uri is None:
        return None
    from sparkgen.tracking.runs import attach

    return attach(request.tracking_uri, request.run_id, setting.manifest)


def epoch_log(
    setting: Setting, history: Sequence[EpochFigures] = ()
) -> Callable[[EpochFigures, int], None]:
    """Gives a function that logs an epoch's figures to the run; without a run it does nothing.

    Args:
        setting: of this rank.
        history: the figures of the epochs before, of which the run may lack some.
    """
    return patient_log(partial(_logger, setting), history)


def patient_log(
    attach: Callable[[], Any | None], history: Sequence[EpochFigures] = ()
) -> Callable[[EpochFigures, int], None]:
    """Gives a function that logs an epoch's figures, and earlier ones that could not be logged yet.

    Args:
        attach: gives the `RunLogger`, or None where there is no run; asked again until it answers.
        history: the figures of the epochs before, of which the run may lack some.
    """
    found: list[Any] = []
    earlier = tuple(history)  # training goes on to add to it
    waiting: list[tuple[int, EpochFigures]] = list(enumerate(earlier, 1))

    def send() -> None:
        if not found:
            logger = attach()
            if logger is not None and earlier:
                last = logger.last_step(earlier[0])
                waiting[:] = [one for one in waiting if one[0] > last]
            found.append(logger)
        while waiting:
            step, values = waiting[0]
            if found[0] is not None:
                found[0].metrics(values, step=step)
            del waiting[0]

    told: list[int] = []

    def log(record: EpochFigures, epoch: int) -> None:
        waiting.append((epoch, record))
        try:
            send()
        except Exception as error:  # clients raise of every kind, and training goes on
            if not told:
                LOG.warning("no figures of epoch %d in the run as yet: %s", epoch, describe(error))
            told.append(epoch)
            return
        if told:
            LOG.info("the figures of epochs %d to %d are in the run now", told[0], epoch)
            told.clear()

    return log


@contextmanager
def machine_log(setting: Setting) -> Iterator[None]:
    """Logs the load of rank 0's machine to the run in the `with` block, where the request asks for it."""
    with ExitStack() as stack:
        with attempt("load of the machine in the run"):
            if setting.request.experiment.environment.system_metrics:
                from sparkgen.tracking.machine import machine_logged

                if (logger := _logger(setting)) is not None:
                    stack.enter_context(machine_logged(logger))
        yield


def log_transfer(setting: Setting, transfer: Transfer) -> None:
    """Uploads to the run the names of the tensors taken from another model, and of those not taken."""
    with attempt("list of the tensors taken"):
        if (logger := _logger(setting)) is not None:
            names = {name: list(tensors) for name, tensors in transfer._asdict().items()}
            logger.json({"started_from": setting.request.started_from, **names}, "start.json")


def log_report(setting: Setting, state: State) -> None:
    """Draws the pictures of the trained model and uploads them to the run, if there is one."""
    with attempt("report"):
        logger = _logger(setting)
        if logger is None:
            return
        upload_report(
            logger,
            setting.learner.model,
            state.history,
            experiment=setting.request.experiment,
            manifest=setting.manifest,
            version_uri=setting.request.version_uri,
        )


def upload_report(
    logger: Any,
    model: Any,
    history: Sequence[Mapping[str, float]],
    *,
    experiment: ExperimentConfig,
    manifest: Manifest,
    version_uri: str,
) -> None:
    """Draws the pictures of a trained model and uploads them to a run's artifact folder `report`.

    Args:
        logger: the run's `RunLogger`.
        model, history, experiment, manifest, version_uri: as for `write_report`.
    """
    from sparkgen.training.report import write_report

    with attempt("report"), tempfile.TemporaryDirectory(prefix="sparkgen-report-") as folder:
        write_report(
            model,
            history,
            experiment=experiment,
            manifest=manifest,
            version_uri=version_uri,
            folder=folder,
        )
        logger.artifact(folder, "report")
