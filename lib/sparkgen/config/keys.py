"""Finds the keys of a section of a request, and the correct key for a misspelt one."""

from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel

from sparkgen.config.nearest import nearest

Kind = type[BaseModel]


def meant_key(kind: Kind, place: Sequence[Any]) -> str | None:
    """The correct dotted key for an unknown key of `kind`; None where no known key is similar.

    Args:
        kind: of the whole request.
        place: the parts of the unknown key, as pydantic names them.
    """
    *parents, last = place
    if meant := nearest(str(last), known_keys(kind, place)):
        return ".".join([*map(str, parents), meant])
    known = set(dotted_keys(kind)) - {written_key(place)}
    elsewhere = {name.rpartition(".")[2]: name for name in sorted(known)}
    meant = nearest(str(last), elsewhere)
    return elsewhere[meant] if meant else None


def known_keys(kind: Kind, place: Sequence[Any]) -> list[str]:
    """The valid keys of the section that an unknown key stands in; arguments as for `meant_key`."""
    sections = [kind]
    for part in place[:-1]:
        sections = _below(sections, part)
    return list(dict.fromkeys(name for section in sections for name in section.model_fields))


def written_key(place: Sequence[Any]) -> str:
    """A key as text, its parts joined by dots."""
    return ".".join(map(str, place))


def dotted_keys(kind: Kind, prefix: str = "") -> Iterator[str]:
    """All dotted keys of a request."""
    for name, field in kind.model_fields.items():
        sections = _sections(field.annotation)
        for section in sections:
            yield from dotted_keys(section, f"{prefix}{name}.")
        if not sections:
            yield prefix + name


def _below(sections: Sequence[Kind], part: Any) -> list[Kind]:
    """The sections under a part of a key: a field, a number or a name."""
    found = [s for k in sections if part in k.model_fields for s in _sections(_type(k, part))]
    if found or any(part in k.model_fields for k in sections):
        return found
    return list(sections)


def _type(kind: Kind, name: str) -> Any:
    return kind.model_fields[name].annotation if name in kind.model_fields else None


def _sections(annotation: Any) -> list[Kind]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [section for part in get_args(annotation) for section in _sections(part)]
