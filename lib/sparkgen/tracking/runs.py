"""Each training job has one MLflow run: the driver opens it, rank 0 logs to it too, and nobody else."""

import importlib.metadata
import json
import logging
import math
import platform
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.credentials import hide, hide_in
from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import Interrupted, RequestError
from sparkgen.stopping import Stopped, held, received
from sparkgen.tracking.server import artifact_location, check_artifacts, connect, connect_uri

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


class RunLogger(NamedTuple):
    """Logs figures, tags and files to one MLflow run."""

    client: Any
    run_id: str

    def metrics(self, values: Mapping[str, float], *, step: int = 0, renew: bool = False) -> None:
        """Logs figures at a step; the caller decides what steps count, such as epochs or optimizer steps.

        Args:
            values: by name.
            step: at which a name has one point, however often it is logged.
            renew: log a value that is another than the last one at the step; MLflow shows the newest.
        """
        from mlflow.entities import Metric

        newest = self._newest_steps()
        # Only a run that was taken up again has points at this step or beyond.
        known = {n: self._known(n, step) for n in values if newest.get(n, step - 1) >= step}
        now = int(time.time() * 1000)
        entries = [
            Metric(name, float(value), now, step)
            for name, value in values.items()
            if not known.get(name) or (renew and not _same(known[name][-1], value))
        ]
        if entries:
            self.client.log_batch(self.run_id, metrics=entries)

    def _newest_steps(self) -> dict[str, int]:
        points = self.client.get_run(self.run_id).data.to_proto().metrics
        return {point.key: point.step for point in points}

    def _known(self, name: str, step: int) -> list[float]:
        """The values of a metric at a step, the newest last."""
        history = self.client.get_metric_history(self.run_id, name)
        points = [point for point in history if point.step == step]
        return [point.value for point in sorted(points, key=lambda point: point.timestamp)]

    def tags(self, values: Mapping[str, str]) -> None:
        """Sets tags of the run, each a short text."""
        for name, value in values.items():
            self.client.set_tag(self.run_id, name, hide(value))

    def artifact(self, path: str | Path, folder: str = "") -> None:
        """Uploads a file, or a folder's contents, into a folder of the run's artifacts."""
        upload = self.client.log_artifacts if Path(path).is_dir() else self.client.log_artifact
        upload(self.run_id, str(path), folder or None)

    def json(self, values: Any, name: str) -> None:
        """Uploads plain values as a JSON file."""
        text = json.dumps(hide_in(values), indent=1, sort_keys=True)
        self.client.log_text(self.run_id, text, name)


def _same(one: float, other: float) -> bool:
    return one == other or (math.isnan(one) and math.isnan(other))


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
        yield run
        with held():
            client.set_terminated(run.run_id, "FINISHED")
            run = None
    except BaseException as error:
        if run is not None:
            _close(run, error)
        raise


def _close(run: RunLogger, error: BaseException) -> None:
    """Marks a run that ended with an error."""
    from mlflow.exceptions import MlflowException

    stopped = isinstance(error, KeyboardInterrupt | Interrupted | Stopped) or received()
    status = "KILLED" if stopped else "FAILED"
    try:
        with held():
            run.client.set_terminated(run.run_id, status)
    except MlflowException as trouble:  # the error itself says more
        log.warning("run %s could not be marked %s: %s", run.run_id, status, trouble)


def attach(tracking_uri: str, run_id: str) -> RunLogger:
    """The logger of a run that another process has opened."""
    return _existing(connect_uri(tracking_uri), run_id)


def _create(client: Any, environment: EnvironmentConfig, subject: Subject) -> RunLogger:
    experiment_id = _experiment_id(client, environment)
    tags = {"sparkgen.experiment": subject.experiment, "sparkgen.model": subject.model}
    tags |= git_tags(Path(__file__))
    made = client.create_run(experiment_id, run_name=subject.experiment, tags=tags)
    return RunLogger(client, made.info.run_id)


def _experiment_id(client: Any, environment: EnvironmentConfig) -> str:
    """The MLflow experiment's id; it is made where there is none."""
    from mlflow.exceptions import MlflowException

    name = environment.experiment
    if (found := client.get_experiment_by_name(name)) is not None:
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
            found=str(error).splitlines()[0],
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
    _log_dataset(run, subject.manifest, subject.version_uri)


def _log_dataset(run: RunLogger, manifest: Manifest, version_uri: str) -> None:
    from mlflow.entities import Dataset, DatasetInput, InputTag

    rows = {name: split.rows for name, split in manifest.splits.items()}
    dataset = Dataset(
        name=manifest.name,
        digest=manifest.version,
        source_type="local",
        source=json.dumps({"uri": version_uri}),
        profile=json.dumps({"rows": rows, "shape": list(manifest.shape)}),
    )
    tag = InputTag("mlflow.data.context", "training")
    run.client.log_inputs(run.run_id, datasets=[DatasetInput(dataset, tags=[tag])])


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested sections as dotted keys with texts, in the form that `--set` takes; lists become JSON."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value if isinstance(value, str) else json.dumps(value)
    return flat


def packages() -> dict[str, Any]:
    """The version of Python, and the version of every installed package."""
    installed = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
    return {"python": platform.python_version(), "packages": installed}


def git_tags(file: Path) -> dict[str, str]:
    """Tags for the Git commit of a file, and for whether its repository has uncommitted changes.

    Empty where the file is in no repository, as in an installed wheel.
    """
    folder = file.parent
    try:
        _git(folder, "ls-files", "--error-unmatch", file.name)
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": commit, "sparkgen.changed": str(bool(changed)).lower()}


def _git(folder: Path, *arguments: str) -> str:
    command = ["git", "-C", str(folder), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()
