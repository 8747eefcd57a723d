"""Makes requests from YAML files and `--set`, or says in one line what is wrong with them."""

import json
import os
import re
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.nearest import choose, nearest
from sparkgen.config.overrides import override
from sparkgen.config.refusal import refusal, short, unknown_key
from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.errors import RequestError

Config = TypeVar("Config", bound=BaseModel)
DATA = "SPARKGEN_DATA"
"""The environment variable that takes the place of an environment file's `data`."""


class FileKind(NamedTuple):
    """A kind of request file: its name, the keys that only it has, and the command that reads it."""

    name: str
    marks: frozenset[str]
    command: str


DATASET = FileKind("a dataset", frozenset({"source", "class_names"}), "sparkgen ingest")
EXPERIMENT = FileKind("an experiment", frozenset({"model", "training"}), "sparkgen run")


def load_experiment(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> ExperimentConfig:
    """The request of an experiment file.

    The file lies in `conf/experiments`; its `dataset` names a file of `conf/datasets`, and `env` one
    of `conf/environments`. `dataset=NAME` among the overrides names another dataset.

    Args:
        path: the experiment's YAML file.
        env: name of the environment.
        overrides: `dotted.key=value`, the value in YAML.
        root: takes the place of the environment's `root`.

    Raises:
        RequestError: a file that is not there, an unknown key, a wrong type, a wrong value.
    """
    from sparkgen.config.yaml_text import read_mapping

    experiment = read_mapping(Path(path))
    _refuse(DATASET, experiment, path, wanted=EXPERIMENT)
    conf = _conf_of(path)
    named, others = _of_key("dataset", overrides)
    experiment = override(experiment, named)
    if isinstance(experiment.get("dataset"), str):
        experiment["dataset"] = _read_named("a dataset", experiment["dataset"], conf / "datasets")
    experiment["environment"] = _environment(conf, env, root)
    values = _place_sources(override(experiment, others))
    return parse(ExperimentConfig, values, source=str(path))


def load_dataset(
    path: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> DatasetRequest:
    """The request of a dataset file in `conf/datasets`; arguments as for `load_experiment`."""
    from sparkgen.config.yaml_text import read_mapping

    dataset = read_mapping(Path(path))
    _refuse(EXPERIMENT, dataset, path, wanted=DATASET)
    conf = _conf_of(path)
    request = {"dataset": dataset, "environment": _environment(conf, env, root)}
    return parse(DatasetRequest, _place_sources(override(request, overrides)), source=str(path))


def load_environment(
    conf: str | Path,
    *,
    env: str = "local",
    overrides: tuple[str, ...] = (),
    root: str | None = None,
) -> EnvironmentConfig:
    """An environment of the folder `conf`; arguments as for `load_experiment`.

    Overrides of other sections of a request say nothing of it and are passed over.
    """
    values = override({"environment": _environment(Path(conf), env, root)}, overrides)
    for section in values:
        if section not in ExperimentConfig.model_fields:
            raise unknown_key(ExperimentConfig, (section,), "--set")
    return parse(EnvironmentConfig, values["environment"], source=env)


def parse(kind: type[Config], values: dict[str, Any], *, source: str) -> Config:
    """The values as an object of class `kind`; a `RequestError` of one line names the first wrong key."""
    _refuse_no_text(values, source)
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise refusal(kind, error, source) from None


def _refuse_no_text(values: dict[str, Any], source: str) -> None:
    """Refuses keys and values that UTF-8 cannot encode; a terminal can pass such text to `--set`."""
    try:
        json.dumps(values, ensure_ascii=False, skipkeys=True, default=str).encode()
    except UnicodeEncodeError as error:
        found = error.object[max(0, error.start - 20) : error.end]
        raise RequestError(
            f"text in UTF-8 in {source} and --set", found=repr(found), mend="correct it"
        ) from None


def _of_key(name: str, overrides: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The overrides of one key itself, and all others, those of keys below it among them."""
    ours = tuple(text for text in overrides if text.partition("=")[:2] == (name, "="))
    return ours, tuple(text for text in overrides if text not in ours)


def _conf_of(path: str | Path) -> Path:
    """The folder of `environments` and `datasets` that a request file lies in; if in none, `conf`."""
    own = Path(path).resolve().parent.parent
    has_one = any((own / name).is_dir() for name in ("environments", "datasets"))
    return own if has_one or not Path("conf").is_dir() else Path("conf")


def _environment(conf: Path, env: str, root: str | None) -> dict[str, Any]:
    values = _read_named("an environment", env, conf / "environments")
    if data := os.environ.get(DATA):
        values = {**values, "data": data}
    return {**values, "root": root} if root is not None else values


def _read_named(what: str, name: str, folder: Path) -> dict[str, Any]:
    """The content of a file of a folder; `name` is the file's name without `.yaml`."""
    from sparkgen.config.yaml_text import read_mapping, yaml_files

    there = [file.stem for file in yaml_files(folder)]
    if there and "/" not in name and name not in there:
        raise RequestError(f"{what} of {folder}", found=short(name), mend=choose(name, there))
    return read_mapping(folder / f"{name}.yaml")


def _refuse(other: FileKind, values: dict[str, Any], path: str | Path, *, wanted: FileKind) -> None:
    if other.marks & set(values) and not wanted.marks & set(values):
        raise RequestError(
            f"the file of {wanted.name}",
            found=f"{path}, the file of {other.name}",
            mend=f"{other.command} takes it",
        )


def _place_sources(values: dict[str, Any]) -> dict[str, Any]:
    """The request with `{data}` in its paths replaced; `parse` checks the form of the request later.

    Paths are in the source and the tokenizer of the data set, in what samples are given, and in options
    of the model.
    """
    environment = values.get("environment")
    if not isinstance(environment, dict):
        return values
    data = str(environment.get("data", EnvironmentConfig().data))
    given = _section(values, "sampling", "given")
    _place("dataset.source", _section(values, "dataset", "source"), data)
    _place("dataset.tokenizer", _section(values, "dataset", "tokenizer"), data)
    _place("model.options", _section(values, "model", "options"), data)
    for name in given:
        _place(f"sampling.given.{name}", _section(given, name), data)
    return values


def _section(values: dict[str, Any], *keys: str) -> dict[str, Any]:
    """A section inside others; empty where there is none."""
    found: Any = values
    for key in keys:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def _place(key: str, section: dict[str, Any], data: str) -> None:
    """Replaces `{data}` at the start of the values of a section."""
    for name, value in section.items():
        if not isinstance(value, str):
            continue
        if value.startswith("{data}"):
            section[name] = data + value.removeprefix("{data}")
        elif (found := re.match(r"\{(\w+)\}", value)) and nearest(found[1], ["data", "root"]):
            raise RequestError(
                f"{{data}} at the start of {key}.{name}", found=found[0], mend="correct it"
            )
