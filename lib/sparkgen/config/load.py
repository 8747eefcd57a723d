"""Requests from YAML files and `--set`, or one line on what is wrong with them."""

from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.errors import RequestError

Config = TypeVar("Config", bound=BaseModel)


def load_experiment(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> ExperimentConfig:
    """The request of an experiment file.

    The file lies in `conf/experiments`; its `dataset` names a file of `conf/datasets`, and `env` one
    of `conf/environments`.

    Args:
        path: the experiment's YAML file.
        env: name of the environment.
        overrides: `dotted.key=value`, the value in YAML.
        root: takes the place of the environment's `root`.

    Raises:
        RequestError: a file that is not there, an unknown key, a wrong type, a wrong value.
    """
    experiment = _read(Path(path))
    conf = Path(path).resolve().parent.parent
    if isinstance(experiment.get("dataset"), str):
        experiment["dataset"] = _read(conf / "datasets" / f"{experiment['dataset']}.yaml")
    experiment["environment"] = _environment(conf, env, root)
    values = _place_sources(_override(experiment, overrides))
    return parse(ExperimentConfig, values, source=str(path))


def load_dataset(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> DatasetRequest:
    """The request of a dataset file in `conf/datasets`; arguments as for `load_experiment`."""
    conf = Path(path).resolve().parent.parent
    request = {"dataset": _read(Path(path)), "environment": _environment(conf, env, root)}
    return parse(DatasetRequest, _place_sources(_override(request, overrides)), source=str(path))


def load_environment(
    conf: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> EnvironmentConfig:
    """An environment of the folder `conf`; arguments as for `load_experiment`."""
    values = _override({"environment": _environment(Path(conf), env, root)}, overrides)
    return parse(EnvironmentConfig, values["environment"], source=env)


def parse(kind: type[Config], values: dict[str, Any], *, source: str) -> Config:
    """`values` as a `kind`, or a `RequestError` whose one line names the first wrong key."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        found = first["input"] if not isinstance(first["input"], dict) else "a mapping"
        if first["type"] == "extra_forbidden":
            raise RequestError(
                f"only known keys in {source}", found=key, mend="remove it or correct its name"
            ) from None
        if first["type"] == "value_error":  # our own validators, which say it all
            raise RequestError(
                f"values that fit together in {source}",
                found=key if first["loc"] else "values that do not",
                mend=str(first["ctx"]["error"]),
            ) from None
        raise RequestError(
            f"a valid {key} in {source}", found=repr(found), mend=first["msg"]
        ) from None


def _environment(conf: Path, env: str, root: str | None) -> dict[str, Any]:
    values = _read(conf / "environments" / f"{env}.yaml")
    return {**values, "root": root} if root is not None else values


def _place_sources(values: dict[str, Any]) -> dict[str, Any]:
    """The request with `{data}` filled in; what has not the form of one is left to `parse`."""
    dataset, environment = values.get("dataset"), values.get("environment")
    source = dataset.get("source") if isinstance(dataset, dict) else None
    if not isinstance(source, dict) or not isinstance(environment, dict):
        return values
    data = str(environment.get("data", EnvironmentConfig().data))
    for key, value in source.items():
        if isinstance(value, str) and value.startswith("{data}"):
            source[key] = data + value.removeprefix("{data}")
    return values


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        there = sorted(p.name for p in path.parent.glob("*.yaml"))
        raise RequestError(
            f"a readable file {path}",
            found=type(error).__name__,
            mend=f"choose one of {', '.join(there)}" if there else "give the path of a YAML file",
        ) from None
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise RequestError(f"YAML in {path}", found=str(error), mend="correct the file") from None
    if not isinstance(values, dict):
        raise RequestError(f"a mapping in {path}", found=type(values).__name__, mend="see conf/")
    return values


def _override(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    import yaml

    for override in overrides:
        key, equals, text = override.partition("=")
        if not equals or not all(key.split(".")):
            raise RequestError(
                "--set dotted.key=value", found=override, mend="e.g. --set training.epochs=3"
            )
        *parents, last = key.split(".")
        section = values
        for parent in parents:
            section = section.setdefault(parent, {})
            if not isinstance(section, dict):
                raise RequestError(
                    f"a section at {parent}", found=repr(section), mend=f"correct the key {key}"
                )
        try:
            section[last] = yaml.safe_load(text)
        except yaml.YAMLError:
            section[last] = text
    return values
