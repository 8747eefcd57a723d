"""Finds the saved models that a request names: to start from, or as parts of another one."""

from collections.abc import Mapping
from typing import NamedTuple

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.pipeline.model import champion_of, fetch, meant
from sparkgen.pipeline.networks import pretrained_network
from sparkgen.tracking import registry
from sparkgen.tracking.registry import ModelVersion


class NamedModel(NamedTuple):
    """A saved model that a request names, and where it is from."""

    uri: str
    """Of the model version, or the words that name a pretrained network."""
    origin: Mapping[str, str]
    """More on where it is from, by words of `ORIGIN`."""
    packed: PortableModel

    def tags(self, name: str) -> dict[str, str]:
        """Where it is from, as the tags `<name>`, `<name>_run` and so on of what is made with it."""
        return {name: self.uri, **{f"{name}_{word}": value for word, value in self.origin.items()}}


ORIGIN = ("run", "version", "sha256")
"""The run that trained a registered model; the version of a package; the SHA-256 of the weights."""


def named_model(environment: EnvironmentConfig, named: str, *, key: str) -> NamedModel:
    """The registered model that the words of a request name (`config.saved_models`).

    Args:
        environment: where models are registered.
        named: the words.
        key: the key of the request that they stand under.

    Raises:
        RequestError: there is no such version, or no champion.
        ModelError: the version's files are gone, or damaged.
    """
    version = _version(environment, named, key)
    return NamedModel(version.uri, {"run": version.run_id}, fetch(environment, version))


def named_part(environment: EnvironmentConfig, named: str, *, key: str) -> NamedModel:
    """The saved model that a request names as a part: a registered one, or a pretrained network.

    Raises:
        RequestError: as `named_model`, or there are no such weights.
        ModelError: as `named_model`.
    """
    found = pretrained_network(named, key=key)
    if found is None:
        return named_model(environment, named, key=key)
    return NamedModel(named.partition("#")[0], found.origin, found.packed)


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
