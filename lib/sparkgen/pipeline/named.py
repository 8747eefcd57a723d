"""Finds the saved models that a request names: to start from, or as parts of another one."""

from typing import NamedTuple

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import champion_of, fetch, meant
from sparkgen.tracking import registry
from sparkgen.tracking.registry import ModelVersion


class NamedModel(NamedTuple):
    """A saved model that a request names, and where it is from."""

    uri: str
    """Of the model version."""
    run_id: str
    """The run that trained it."""
    packed: PortableModel

    def tags(self, name: str) -> dict[str, str]:
        """Where it is from, as the tags `<name>` and `<name>_run` of what is made with it."""
        return {name: self.uri, f"{name}_run": self.run_id}


def named_model(environment: EnvironmentConfig, named: str, *, key: str) -> NamedModel:
    """The saved model that the words of a request name (`config.experiment.SAVED_MODEL`).

    Args:
        environment: where models are registered.
        named: the words.
        key: the key of the request that they stand under.

    Raises:
        RequestError: there is no such version, or no champion.
        ModelError: the version's files are gone, or damaged.
    """
    version = _version(environment, named, key)
    return NamedModel(version.uri, version.run_id, fetch(environment, version))


def _version(environment: EnvironmentConfig, named: str, key: str) -> ModelVersion:
    name, _, number = named.removeprefix("models:/").partition("/")
    if not number:
        return champion_of(environment, name, key=key)
    if not named.startswith("models:/"):
        name = registry.registered_name(environment, name)
    versions = registry.versions(environment, name)
    if int(number) in versions:
        return versions[int(number)]
    like = meant(environment, name.removeprefix(environment.model_prefix))
    raise RequestError(
        f"version {number} of the registered model {name} as {key}",
        found=f"versions {', '.join(map(str, versions))}" if versions else "no such model",
        mend="name one of them" if versions else like or "train it first",
    )
