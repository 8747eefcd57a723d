"""Each training job has one MLflow run: the driver opens it, rank 0 logs to it too, and nobody else."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.credentials import hide_in
from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import Interrupted, RequestError, TrackingLost
from sparkgen.stopping import Stopped, held, received
from sparkgen.tracking.dataset_input import dataset_input
from sparkgen.tracking.provenance import git_tags, packages, source_tags
from sparkgen.tracking.run_logger import DatasetName, RunLogger
from sparkgen.tracking.server import (
    artifact_location,
    check_artifacts,
    check_location,
    connect,
    connect_uri,
    failed,
    impatience,
    short,
    tracking_uri,
)
from sparkgen.unexpected import first_line

PARAMS_A_CALL = 100  # MLflow's limits: parameters in one call, characters in one
PARAM_CHARACTERS = 500
log = logging.getLogger(__name__)


class Subject(NamedTuple):
    """What a run trains: an experiment, its model and its dataset version."""

    experiment: str
    model: str
    """Its dotted name."""
    config: Mapping[str, Any]
    """The whole request as plain values."""
    manifest: Manifest
    version_uri: str
    """The folder of the dataset version."""


@contextmanager
def open_run(
    environment: EnvironmentConfig, subject: Subject, *, run_id: str | None = None
) -> Iterator[RunLogger]:
    """Opens the MLflow run of a training job, new or resumed, and closes it with the job's final status.

    A new run holds the whole configuration (parameters and `config.json`), the dataset version (as
    an MLflow dataset and `manifest.json`), the git commit and the versions of all packages.

    Args:
        environment: names the tracking server.
        subject: what the run trains.
        run_id: an unfinished run to go on with.

    Raises:
        RequestError: the tracking server does not answer, or has no such run.
        TrackingLost: it has stayed away for longer than its client tries.
    """
    client = connect(environment)
    run = None
    try:
        with held():
            run = (
                _create(client, environment, subject)
                if run_id is None
                else _existing(client, run_id)
            )
        if run_id is None:
            _describe(run, subject)
        else:
            client.update_run(run_id, status="RUNNING")
        yield run._replace(measured_on=_name_of(subject.manifest))
        with held():
            client.set_terminated(run.run_id, "FINISHED")
            run = None
    except BaseException as error:  # a stop closes the run as well
        if run is not None:
            _close(run, error)
        if failed(error):
            raise TrackingLost(
                f"the tracking server {tracking_uri(environment)} does not answer any more "
                f"({short(error)}); once it does, the same command with --resume goes on"
            ) from error
        raise


def _close(run: RunLogger, error: BaseException) -> None:
    """Marks a run that ended with an error."""
    from mlflow.exceptions import MlflowException

    stopped = isinstance(error, KeyboardInterrupt | Interrupted | Stopped) or received()
    status = "KILLED" if stopped else "FAILED"
    try:
        with held(), impatience():
            run.client.set_terminated(run.run_id, status)
    except MlflowException as trouble:  # the error itself says more
        if not failed(error):
            log.warning("run %s could not be marked %s: %s", run.run_id, status, short(trouble))


def attach(tracking_uri: str, run_id: str, manifest: Manifest | None = None) -> RunLogger:
    """The logger of a run that another process has opened.

    Args:
        tracking_uri: of the tracking server.
        run_id: of the run.
        manifest: of the dataset version that figures are of.
    """
    run = _existing(connect_uri(tracking_uri), run_id)
    return run if manifest is None else run._replace(measured_on=_name_of(manifest))


def _name_of(manifest: Manifest) -> DatasetName:
    return DatasetName(manifest.name, manifest.version)


def _create(client: Any, environment: EnvironmentConfig, subject: Subject) -> RunLogger:
    experiment_id = _experiment_id(client, environment)
    tags = {"sparkgen.experiment": subject.experiment, "sparkgen.model": subject.model}
    tags |= source_tags() | git_tags(Path(__file__))
    tags["mlflow.note.content"] = (
        f"Training of `{subject.model}` on version `{subject.manifest.version}` of the data set "
        f"`{subject.manifest.name}`: experiment `{subject.experiment}` of sparkgen. "
        "`model_card.md` among the artifacts says what came of it."
    )
    made = client.create_run(experiment_id, run_name=subject.experiment, tags=tags)
    return RunLogger(client, made.info.run_id)


def _experiment_id(client: Any, environment: EnvironmentConfig) -> str:
    """The MLflow experiment's id; it is made where there is none."""
    from mlflow.exceptions import MlflowException

    name = environment.experiment
    if (found := client.get_experiment_by_name(name)) is not None:
        check_location(found.artifact_location)
        return found.experiment_id
    check_artifacts(environment)  # an experiment keeps its place for good
    try:
        return client.create_experiment(name, artifact_location(environment))
    except MlflowException:
        # Another process may have made it in the meantime.
        if (found := client.get_experiment_by_name(name)) is None:
            raise
        return found.experiment_id


def _existing(client: Any, run_id: str) -> RunLogger:
    from mlflow.exceptions import MlflowException

    try:
        client.get_run(run_id)
    except MlflowException as error:
        raise RequestError(
            f"the run {run_id} on the tracking server",
            found=first_line(error),
            mend="train anew, or set environment.tracking_uri to the server that has it",
        ) from None
    return RunLogger(client, run_id)


def _describe(run: RunLogger, subject: Subject) -> None:
    from mlflow.entities import Param

    flat = flatten(hide_in(subject.config))
    params = [Param(key, text[:PARAM_CHARACTERS]) for key, text in flat.items()]
    for start in range(0, len(params), PARAMS_A_CALL):
        run.client.log_batch(run.run_id, params=params[start : start + PARAMS_A_CALL])
    run.json(subject.config, "config.json")
    run.json(subject.manifest.model_dump(mode="json"), "manifest.json")
    run.json(packages(), "packages.json")
    found = dataset_input(subject.manifest, subject.version_uri)
    run.client.log_inputs(run.run_id, datasets=[found])


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested sections as dotted keys with texts, in the form that `--set` takes; lists become JSON."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, str) else json.dumps(value)
    return flat
