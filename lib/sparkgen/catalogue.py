"""The models that there are, and what one of them is: its docstring, its options, its experiments."""

import inspect
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sparkgen.config.options import Range
from sparkgen.config.yaml_text import read_mapping, yaml_files
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.manual import Key, Section, in_words, section_keys, written
from sparkgen.models.discovery import model_module, model_names, outline
from sparkgen.sampling.given import source_names

log = logging.getLogger(__name__)

SPEC = DataSpec(ImageRecord((28, 28, 1)), 10)
"""The data that a model is outlined for; its options do not depend on it."""
CONDITIONAL = "conditional"
JSON_TYPES = {bool: "boolean", int: "integer", float: "number", str: "string"}


def docstring(name: str) -> str:
    """What the file of a model says of it: the paper, the equation, and what differs.

    Raises:
        RequestError: there is no such model; it names the nearest one.
    """
    return inspect.cleandoc(model_module(name).__doc__ or "")


def summaries() -> dict[str, dict[str, str]]:
    """The first sentence on every model: by family, then by name."""
    found: dict[str, dict[str, str]] = {}
    for name in model_names():
        first = re.split(r"(?<=\.)\s", docstring(name), maxsplit=1)[0]
        found.setdefault(name.partition(".")[0], {})[name] = " ".join(first.split())
    return found


def option_sections(name: str) -> Iterator[Section]:
    """The options of a model: those it is built with, then those of `generate`."""
    kind = model_module(name).Config
    built = section_keys(kind, "model.options.")
    yield Section("model.options", "How the model is built.", built)
    known = _generate_keys(name, {}, meaning="")
    if CONDITIONAL in kind.model_fields:
        told = f"Only with model.options.{CONDITIONAL}=true."
        known = _generate_keys(name, {CONDITIONAL: True}, meaning=told) | known
    told = "How the model generates; the ranges are those of the model with its default options."
    yield Section("sampling.options", told if known else "none", tuple(known.values()))
    takes = tuple(_given_keys(name))
    told = (
        f"What is given to it beside noise: {{from: SOURCE}}, one of {', '.join(source_names())}."
    )
    yield Section("sampling.given", told if takes else "none", takes)


def experiments_with(name: str, folder: Path) -> list[str]:
    """The names of the experiment files of a folder that use a model; a bad file is told."""
    return [path.name for path in yaml_files(folder) if _model_of(path) == name]


def _given_keys(name: str) -> Iterator[Key]:
    for given, one in outline(name, {}, SPEC).given.items():
        needed = "{from: in_turn}" if one.what == "label" else None
        default = needed if one.required else "nothing"
        yield Key(f"sampling.given.{given}", one.what, default, "")


def _generate_keys(name: str, options: dict[str, Any], *, meaning: str) -> dict[str, Key]:
    model = outline(name, options, SPEC)
    return {
        option: Key(
            f"sampling.options.{option}",
            in_words(_schema(default, model.generate_ranges.get(option, Range()))),
            written(default),
            meaning,
        )
        for option, default in model.generate_options.items()
    }


def _schema(default: Any, bounds: Range) -> dict[str, Any]:
    """The JSON schema of an option: the type of its default, and its range."""
    if isinstance(default, list | tuple):
        return {"type": "array", "items": _schema(default[0], bounds) if default else {}}
    ends = {"minimum": bounds.least, "maximum": bounds.most}
    schema = {name: end for name, end in ends.items() if end is not None}
    return {"type": JSON_TYPES.get(type(default), ""), **schema}


def _model_of(path: Path) -> str | None:
    try:
        model = read_mapping(path).get("model")
    except RequestError as error:
        log.warning("passed over: %s", error)
        return None
    return model.get("name") if isinstance(model, dict) else None
