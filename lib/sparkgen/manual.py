"""The keys of a request, read off its classes: name, type, default and meaning."""

import ast
import inspect
import textwrap
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from sparkgen.config.dataset import SourceSection
from sparkgen.config.request import DatasetRequest, ExperimentConfig
from sparkgen.ingest.sources import source_configs


class Key(NamedTuple):
    """One key: its dotted name, and what to know of it in a line."""

    name: str
    meaning: str


def request_keys(*, dataset_only: bool = False) -> Iterator[Key]:
    """Every key that `--set` reaches, in the order of the classes.

    Args:
        dataset_only: those of an ingest, not of an experiment.
    """
    yield from _keys(DatasetRequest if dataset_only else ExperimentConfig, "")


def _keys(kind: type[BaseModel], prefix: str) -> Iterator[Key]:
    meanings = _meanings(kind)
    for name, field in kind.model_fields.items():
        sections = [a for a in _alternatives(field.annotation) if _is_section(a)]
        for section in sections:
            yield from _keys(section, f"{prefix}{name}.")
        if not sections:
            yield Key(prefix + name, " ".join([_value(field), meanings.get(name, "")]).strip())


def _alternatives(annotation: Any) -> tuple[Any, ...]:
    if annotation is SourceSection:
        return (SourceSection, *source_configs().values())
    return get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _value(field: FieldInfo) -> str:
    if field.default is PydanticUndefined:
        return "[required]"
    default = list(field.default) if isinstance(field.default, tuple) else field.default
    return f"[{'none' if default is None else default}]"


def _meanings(kind: type[BaseModel]) -> dict[str, str]:
    """The docstrings that stand under the fields of a class."""
    body = ast.parse(textwrap.dedent(inspect.getsource(kind))).body[0]
    if not isinstance(body, ast.ClassDef):
        return {}
    return {
        field.target.id: " ".join(str(text.value.value).split())
        for field, text in pairwise(body.body)
        if isinstance(field, ast.AnnAssign)
        and isinstance(field.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
    }
