"""Reads the YAML of requests, which is YAML 1.1 with three differences.

A key that stands twice in a mapping is refused. `3e-3` is a number. A text that is too large, or that
stands for too many values through its aliases, is refused before the values are made.
"""

import re
from pathlib import Path
from typing import Any

import yaml

from sparkgen.errors import RequestError

MOST_BYTES = 2**20
MOST_VALUES = 100_000  # of a text, each alias counted as all that it stands for

_NUMBER = re.compile(r"^[-+]?(?:\d+(?:\.\d*)?|\.\d+)[eE][-+]?\d+$")


class DuplicateKey(yaml.MarkedYAMLError):
    """The error for a mapping that has the same key twice."""


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, changed: it refuses a key that stands twice, and reads `3e-3` as a number."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        lines: dict[Any, int] = {}
        for key_node, _ in getattr(node, "written", node.value):
            if not isinstance(key_node, yaml.ScalarNode):
                continue  # PyYAML refuses it
            key, line = (key_node.tag, key_node.value), key_node.start_mark.line + 1
            if key in lines:
                raise DuplicateKey(
                    problem=f"the key {key_node.value} of line {lines[key]} once more",
                    problem_mark=key_node.start_mark,
                )
            lines[key] = line
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: Any) -> None:
        # Keys that come with `<<` may stand in the mapping as well: these take their place.
        if not hasattr(node, "written"):
            node.written = list(node.value)
        super().flatten_mapping(node)


_Loader.add_implicit_resolver("tag:yaml.org,2002:float", _NUMBER, list("-+.0123456789"))


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file.

    Raises:
        RequestError: no readable file of that name, no YAML, or no mapping.
    """
    text = _read(path)
    try:
        values = parse_value(text)
    except yaml.YAMLError as error:
        raise RequestError(f"YAML in {path}", found=_said(error), mend="correct it") from None
    if not isinstance(values, dict):
        found = "nothing" if values is None else f"a {type(values).__name__}"
        raise RequestError(f"a mapping in {path}", found=found, mend="see conf/ for examples")
    return values


def yaml_files(folder: Path) -> list[Path]:
    """The YAML files of a folder, sorted by name; an empty list where the folder does not exist."""
    try:
        return sorted(folder.glob("*.yaml"))
    except (OSError, ValueError):  # the path is none that the system takes
        return []


def parse_value(text: str) -> Any:
    """The value of a YAML text; each alias becomes a copy, so that no two parts are the same object.

    Raises:
        yaml.YAMLError: it is no YAML, or stands for more than `MOST_VALUES` values.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _values(node, {}) > MOST_VALUES:
            raise yaml.YAMLError(f"more than {MOST_VALUES} values")
        return _unshared(loader.construct_document(node))
    except RecursionError:
        raise yaml.YAMLError("values nested too deeply") from None
    except ValueError as error:  # a number or a date that Python does not take
        raise yaml.YAMLError(str(error)) from None
    finally:
        loader.dispose()


def _values(node: Any, known: dict[int, int]) -> int:
    """The number of values of a YAML node, with every alias counted in full."""
    if isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = MOST_VALUES  # a node that holds itself has no end
        parts = [
            part for pair in node.value for part in (pair if isinstance(pair, tuple) else [pair])
        ]
        known[id(node)] = 1 + sum(_values(part, known) for part in parts)
    return known[id(node)]


def _unshared(value: Any) -> Any:
    # What an alias stands for is changed by --set in one place only.
    if isinstance(value, dict):
        return {key: _unshared(part) for key, part in value.items()}
    return [_unshared(part) for part in value] if isinstance(value, list) else value


def _read(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise RequestError(
                f"a YAML file at {path}",
                found="a folder" if path.is_dir() else "no plain file",
                mend="give the path of a file",
            )
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        raise RequestError(
            f"a readable file {path}",
            found=getattr(error, "strerror", None) or str(error),
            mend=_meant_path(path),
        ) from None
    if len(data) > MOST_BYTES:
        raise RequestError(
            f"at most {MOST_BYTES} bytes in {path}", found="more", mend="give the path of a request"
        )
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(
            f"UTF-8 in {path}", found=f"another byte at {error.start}", mend="save it as UTF-8"
        ) from None


def _meant_path(path: Path) -> str:
    """The advice for a path without a file: the name of a similar file, if there is one."""
    from sparkgen.config.nearest import choose

    if there := [file.name for file in yaml_files(path.parent)]:
        return choose(path.name, there)
    try:
        meant = _elsewhere(path)
    except (OSError, ValueError):
        meant = None
    return f"did you mean {meant}?" if meant else "give the path of a YAML file"


def _elsewhere(path: Path) -> Path | None:
    """A file in `conf` with a similar name, or the path with a misspelt folder corrected."""
    from sparkgen.config.nearest import nearest

    files = {file.name: file for file in path.parent.glob("conf/*/*.yaml")}
    if meant := nearest(path.name, files):
        return files[meant]
    missing = next((part for part in reversed(path.parents) if not part.exists()), None)
    if missing is None:
        return None
    folders = {folder.name: folder for folder in missing.parent.glob("*/")}
    meant = nearest(missing.name, folders)
    return folders[meant] / path.relative_to(missing) if meant else None


def _said(error: yaml.YAMLError) -> str:
    """PyYAML's error in one line: the problem and its place."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    mark = error.problem_mark or error.context_mark
    place = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    return f"{error.problem or error.context}".removeprefix("found ") + place
