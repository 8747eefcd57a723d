"""The registry keeps model versions, each a sampler, and the aliases `challenger` and `champion`.

A version is logged as code and files, nothing in it pickled: the sampler script, this package's
source beside it, and the saved model (`model.json`, `model.weights.h5`, and where the model is from a
user's own package, its source in `package.zip`).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, NamedTuple

import sparkgen
from sparkgen.archive import unpacked
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.experiment import SamplingConfig
from sparkgen.credentials import hide, hide_in
from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import ModelError, RequestError
from sparkgen.tracking.card import Column, Interface
from sparkgen.tracking.requirements import requirements_of
from sparkgen.tracking.run_logger import RunLogger
from sparkgen.tracking.server import connect
from sparkgen.tracking.signature import example, labels_seen, pixel_types, signature

CHALLENGER, CHAMPION = "challenger", "champion"
LOGGED = "models:/"
"""The source of a version that is a logged model; the ids of these begin with m-."""


class ModelVersion(NamedTuple):
    """A version of a registered model."""

    name: str
    version: int
    run_id: str
    tags: Mapping[str, str]
    model_id: str | None = None
    """Of MLflow's logged model, which has the figures; None: registered by an older release of MLflow."""

    @property
    def uri(self) -> str:
        """The URI by which MLflow loads this version."""
        return f"models:/{self.name}/{self.version}"


class Candidate(NamedTuple):
    """A trained model that is to be registered."""

    folder: Path
    """The local folder of the saved model."""
    script: Path
    """What MLflow loads: the sampler's code."""
    sampling: SamplingConfig
    """The sampler's defaults."""
    manifest: Manifest
    """The dataset version that the model was trained on."""
    lineage: Mapping[str, str] = MappingProxyType({})
    """Further tags: what the training started from."""
    epoch: int = 0
    """The epoch whose weights it has."""


def registered_name(environment: EnvironmentConfig, experiment: str) -> str:
    """The name under which the models of an experiment are registered, from the experiment's name."""
    return environment.model_prefix + experiment


def register(
    environment: EnvironmentConfig, experiment: str, run: RunLogger, candidate: Candidate
) -> ModelVersion:
    """Logs a saved model to its run as a sampler, registers it and makes it the challenger.

    Args:
        environment: names the servers.
        experiment: the experiment's name.
        run: the run that trained the model.
        candidate: the model.
    """
    client = connect(environment)
    name = registered_name(environment, experiment)
    description = json.loads((candidate.folder / "model.json").read_text())
    version = _log_sampler(client, name, run, candidate, description)
    manifest = candidate.manifest
    tags = {"dataset": manifest.name, "dataset_version": manifest.version}
    for key, value in (tags | {"model": description["name"], **candidate.lineage}).items():
        client.set_model_version_tag(name, version, key, hide(value))
    client.set_registered_model_alias(name, CHALLENGER, version)
    # Not the challenger of now: another training may have registered its own since.
    registered = _version(client.get_model_version(name, version))
    if (
        registered.model_id is not None and candidate.epoch
    ):  # MLflow itself hands on those of step 0
        run.hand_on(registered.model_id, candidate.epoch)
    return registered


def _log_sampler(
    client: Any, name: str, run: RunLogger, candidate: Candidate, description: Mapping[str, Any]
) -> str:
    """Logs and registers the sampler; returns the number of its version."""
    import mlflow
    from mlflow.models import Model

    # A logged model goes to MLflow's current experiment, which need not be that of its run.
    mlflow.set_experiment(experiment_id=client.get_run(run.run_id).info.experiment_id)
    info = Model.log(
        None,
        flavor=SimpleNamespace(__name__="mlflow.pyfunc", save_model=_save_model),
        name="sampler",
        run_id=run.run_id,
        registered_model_name=name,
        python_model=str(unpacked(candidate.script)),
        code_paths=[str(unpacked(Path(sparkgen.__file__).parent))],
        artifacts={"model": str(candidate.folder)},
        signature=signature(description, candidate.sampling),
        input_example=example(description),
        validate_serving_input=False,
        pip_requirements=requirements_of(description),
        metadata={
            "shape": list(candidate.manifest.shape),
            "class_names": list(candidate.manifest.class_names),
            "labels": labels_seen(description),
        },
    )
    return str(info.registered_model_version)


def _save_model(*, validate_serving_input: bool, **settings: Any) -> None:
    """Saves as MLflow's own flavour does, which has no such option.

    It keeps `Model.log` from loading the model to try the example: the devices here are the workers'.
    """
    import mlflow

    mlflow.pyfunc.save_model(**settings)


def find(environment: EnvironmentConfig, experiment: str, alias: str) -> ModelVersion | None:
    """The version of an experiment's model that has an alias; None if no version has it.

    Args:
        environment: names the servers.
        experiment: the experiment's name.
        alias: `CHALLENGER` or `CHAMPION`.
    """
    return _by_alias(connect(environment), registered_name(environment, experiment), alias)


def require(environment: EnvironmentConfig, experiment: str, alias: str) -> ModelVersion:
    """The version that `find` gives; a `RequestError` if there is none."""
    version = find(environment, experiment, alias)
    if version is None:
        step = "train" if alias == CHALLENGER else "promote"
        raise RequestError(
            f"a {alias} of the registered model {registered_name(environment, experiment)}",
            found="none",
            mend=f"run sparkgen {step} first",
        )
    return version


def versions(environment: EnvironmentConfig, name: str) -> dict[int, ModelVersion]:
    """All versions of a registered model by number, ascending; empty if there are none.

    Args:
        environment: names the servers.
        name: the registered name.
    """
    client = connect(environment)
    found = map(_version, client.search_model_versions(f"name='{name}'"))
    return {version.version: version for version in sorted(found, key=lambda v: v.version)}


def experiments_with_champion(environment: EnvironmentConfig) -> list[str]:
    """The experiments whose registered model has a champion, as far as the server lists aliases."""
    prefix = environment.model_prefix
    models = connect(environment).search_registered_models()
    return [
        model.name.removeprefix(prefix)
        for model in models
        if model.name.startswith(prefix) and CHAMPION in (model.aliases or {})
    ]


def crown(environment: EnvironmentConfig, version: ModelVersion) -> None:
    """Gives a model version the alias `champion`."""
    client = connect(environment)
    client.set_registered_model_alias(version.name, CHAMPION, str(version.version))


def annotate(
    environment: EnvironmentConfig, version: ModelVersion, tags: Mapping[str, str]
) -> ModelVersion:
    """Adds tags to a model version, and gives the version with all its tags."""
    client = connect(environment)
    for key, value in tags.items():
        client.set_model_version_tag(version.name, str(version.version), key, hide(value))
    return version._replace(tags={**version.tags, **hide_in(tags)})


def describe(environment: EnvironmentConfig, version: ModelVersion, text: str) -> None:
    """Makes a Markdown text the description of a model version."""
    client = connect(environment)
    client.update_model_version(version.name, str(version.version), description=text)


def interface(environment: EnvironmentConfig, version: ModelVersion) -> Interface:
    """How a version's sampler is called, with the example that was logged with it."""
    from mlflow.models import Model

    connect(environment)
    model = Model.load(version.uri)
    frame = model.load_input_example(version.uri)
    columns = [
        Column(
            spec.name,
            getattr(spec.type, "name", "any"),
            required=spec.required,
            example=None if frame is None else frame[spec.name].tolist()[0],
        )
        for spec in model.signature.inputs
    ]
    params = [Column(p.name, p.dtype.name, p.default) for p in model.signature.params]
    return Interface(columns, params, pixel_types(model.signature))


def fetch(environment: EnvironmentConfig, version: ModelVersion, folder: str | Path) -> Path:
    """Copies the saved model of a version into a local folder, and gives the path of its folder in there.

    Raises:
        ModelError: the version's files are not there any more.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    connect(environment)
    try:
        mlflow.artifacts.download_artifacts(
            artifact_uri=f"{version.uri}/artifacts", dst_path=str(folder)
        )
    except (MlflowException, OSError) as error:
        raise _no_files(version, " ".join(str(error).split())[:200]) from error
    found = list(Path(folder).rglob("model.json"))
    if len(found) != 1:
        raise _no_files(version, f"{len(found)} of model.json")
    return found[0].parent


def _no_files(version: ModelVersion, found: str) -> ModelError:
    return ModelError(f"the files of {version.uri}", found=found, mend="run sparkgen train again")


def load(environment: EnvironmentConfig, version: ModelVersion) -> Any:
    """The sampler of a version, loaded by `mlflow.pyfunc`."""
    import mlflow

    connect(environment)
    return mlflow.pyfunc.load_model(version.uri)


def _by_alias(client: Any, name: str, alias: str) -> ModelVersion | None:
    from mlflow.exceptions import MlflowException

    try:
        found = client.get_model_version_by_alias(name, alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    return _version(found)


def _version(found: Any) -> ModelVersion:
    source = str(found.source or "")
    logged = source.removeprefix(LOGGED) if source.startswith(f"{LOGGED}m-") else None
    number, tags = int(found.version), dict(found.tags)
    return ModelVersion(found.name, number, found.run_id, tags, found.model_id or logged)
