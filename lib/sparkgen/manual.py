"""Lists the keys of a request with their values, defaults and meanings, as its classes define them."""

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel

from sparkgen.config.request import ExperimentConfig
from sparkgen.ingest.sources import source_configs

Schema = dict[str, Any]
"""A JSON schema, as pydantic makes it of a class."""

SOURCE = "dataset.source"
TYPES = {
    "boolean": "true or false",
    "integer": "whole number",
    "null": "null",
    "number": "number",
    "object": "mapping",
    "string": "text",
}
BOUNDS = {
    "minimum": ">=",
    "exclusiveMinimum": ">",
    "maximum": "<=",
    "exclusiveMaximum": "<",
    "multipleOf": "a multiple of",
}


class Key(NamedTuple):
    """One key of a section, with its values, default and meaning."""

    name: str
    """Dotted, as `--set` takes it."""
    values: str
    """What it may be: a type and its range, or the words to choose from."""
    default: str | None
    """As YAML spells it; None: the key is required."""
    meaning: str

    @property
    def title(self) -> str:
        """The key's name, values and default, in one line."""
        default = "required" if self.default is None else f"default {self.default}"
        return f"{self.name}  [{self.values}; {default}]"


class Section(NamedTuple):
    """A section of a request: its title, its meaning and its keys."""

    title: str
    meaning: str
    keys: tuple[Key, ...]

    @property
    def names(self) -> list[str]:
        """The names of the keys, each without the names of its sections."""
        return [key.name.rpartition(".")[2] for key in self.keys]


def request_sections(wanted: Collection[str] | None = None) -> Iterator[Section]:
    """The sections of a request with their keys, in the order of the classes.

    Args:
        wanted: names of sections, with which come those inside them; None: all.
    """
    schema = ExperimentConfig.model_json_schema()
    for section in _sections(schema, schema["$defs"], ""):
        if wanted is None or section.title.partition(".")[0] in wanted:
            yield section


def source_sections() -> Iterator[Section]:
    """The keys of `dataset.source`, a section for each format."""
    for name, kind in source_configs().items():
        meaning = _meaning(kind.model_json_schema())
        yield Section(f"{SOURCE} of format {name}", meaning, section_keys(kind, f"{SOURCE}."))


def section_keys(kind: type[BaseModel], prefix: str) -> tuple[Key, ...]:
    """The keys of a section without inner sections; each name begins with `prefix`."""
    return _keys(kind.model_json_schema(), prefix)


def inner_sections(kind: type[BaseModel], prefix: str) -> Iterator[Section]:
    """The sections inside of a section, at any depth, with their keys; prefix as for `section_keys`."""
    schema = kind.model_json_schema()
    for section in _sections(schema, schema.get("$defs", {}), prefix):
        if section.title != prefix.removesuffix("."):
            yield section


def _sections(schema: Schema, known: Mapping[str, Schema], prefix: str) -> Iterator[Section]:
    if keys := _keys(schema, prefix):
        title = prefix.removesuffix(".") or "the experiment file itself"
        yield Section(title, _meaning(schema), keys)
    for name, value in schema["properties"].items():
        key = prefix + name
        if key == SOURCE:
            yield from source_sections()
        elif inner := _section_of(value):
            yield from _sections(known[inner], known, f"{key}.")
        elif inner := _section_of(value.get("items", {})):  # a list of sections
            yield from _sections(known[inner], known, f"{key}[].")


def _keys(schema: Schema, prefix: str) -> tuple[Key, ...]:
    required = schema.get("required", ())
    return tuple(
        Key(
            prefix + name,
            in_words(value),
            None if name in required else written(value.get("default")),
            _meaning(value),
        )
        for name, value in schema["properties"].items()
        if not _section_of(value) and prefix + name != SOURCE
    )


def _section_of(value: Schema) -> str | None:
    """The class name of a value that is a section; None for a value that is not."""
    for part in (value, *value.get("anyOf", ())):
        if "$ref" in part:
            return str(part["$ref"]).rpartition("/")[2]
    return None


def _meaning(schema: Schema) -> str:
    return " ".join(schema.get("description", "").split())


def in_words(value: Schema, *, plural: str = "") -> str:
    """The allowed values of a key in words: a type and its range, or a list of words."""
    if "const" in value:
        return written(value["const"])
    if "enum" in value:
        return "one of " + ", ".join(map(written, value["enum"]))
    if "anyOf" in value:
        return " or ".join(in_words(part) for part in value["anyOf"])
    if "prefixItems" in value:
        parts = value["prefixItems"]
        return f"list of {len(parts)} {in_words(parts[0], plural='s')}"
    if value.get("type") == "array":
        return f"list of {in_words(value.get('items', {}), plural='s')}"
    if "$ref" in value:
        return f"section{plural}"
    bounds = " and ".join(
        f"{sign} {written(value[name])}" for name, sign in BOUNDS.items() if name in value
    )
    return f"{TYPES.get(value.get('type', ''), 'value')}{plural} {bounds}".strip()


def written(value: Any) -> str:
    """A value as it is written in YAML."""
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
