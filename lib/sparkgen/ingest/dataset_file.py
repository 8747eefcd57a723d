"""Writes dataset files in YAML: a line for each key, with a comment."""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

_NAME = re.compile(r"[a-z][a-z0-9_]*")


class Key(NamedTuple):
    """A key of a dataset file with its value and a comment of one line."""

    name: str
    value: Any
    comment: str


def dataset_text(keys: Sequence[Key]) -> str:
    """The text of a dataset file."""
    return "".join(f"{key.name}: {as_yaml(key.value)}  # {plain(key.comment)}\n" for key in keys)


def as_yaml(value: Any) -> str:
    """A value in one line of YAML; text is in quotes unless it is a plain name."""
    if isinstance(value, dict):
        return f"{{{', '.join(f'{key}: {as_yaml(part)}' for key, part in value.items())}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(as_yaml, value))}]"
    if not isinstance(value, str):
        return (
            "null"
            if value is None
            else str(value).lower()
            if isinstance(value, bool)
            else str(value)
        )
    if _NAME.fullmatch(value) and yaml.safe_load(value) == value:
        return value
    quoted: str = yaml.dump(value, default_style='"', allow_unicode=True, width=float("inf"))
    return quoted.strip()


def plain(text: str) -> str:
    """A text in one line, with what cannot be printed written out."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
    return " ".join(shown.split())


def name_of(path: str) -> str:
    """A name for the data set at a path, in small letters, digits and `_`."""
    last = [part for part in path.split("/") if part.strip("*?. ")][-1:] or ["data"]
    stem = last[0].lower()
    while "." in stem.strip("."):
        stem = stem.rpartition(".")[0]
    name = re.sub(r"[^a-z0-9]+", "_", stem).strip("_")
    return name or "data"
