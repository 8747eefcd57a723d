"""Applies `--set dotted.key=value`, which replaces the value of one key of a request."""

from typing import Any

from sparkgen.errors import RequestError

# Sections whose own keys have dots in their names: the rest of the key is one name.
DOTTED_NAMES = (("environment", "spark"),)


def override(values: dict[str, Any], overrides: tuple[str, ...]) -> dict[str, Any]:
    """The request, with the values of some keys replaced.

    Args:
        values: of a whole request; changed in place.
        overrides: `dotted.key=value`, the value in YAML.

    Raises:
        RequestError: no key, no value, or a key below something that is no section.
    """
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals or not all(key.split(".")):
            raise RequestError(
                "--set dotted.key=value", found=text, mend="e.g. --set training.epochs=3"
            )
        *parents, last = _parts(key)
        section = values
        for parent in parents:
            section = _section(section, parent, key)
        section[last] = _value(key, value)
    return values


def _parts(key: str) -> list[str]:
    parts = key.split(".")
    for section in DOTTED_NAMES:
        inside = tuple(parts[: len(section)]) == section
        if inside and len(parts) > len(section):
            return [*section, ".".join(parts[len(section) :])]
    return parts


def _section(values: dict[str, Any], name: str, key: str) -> dict[str, Any]:
    if values.get(name) is None:
        values[name] = {}
    section = values[name]
    if isinstance(section, dict):
        return section
    if isinstance(section, list):
        mend = f"set the whole list: --set '{key.partition(name)[0]}{name}=[...]'"
    else:
        mend = f"correct the key {key}"
    raise RequestError(f"a section at {name}", found=repr(section), mend=mend)


def _value(key: str, text: str) -> Any:
    import yaml

    from sparkgen.config.yaml_text import DuplicateKey, parse_value

    if any(key.startswith(f"{'.'.join(section)}.") for section in DOTTED_NAMES):
        return text  # such values are texts, as Spark reads them
    try:
        return parse_value(text)
    except DuplicateKey as error:
        raise RequestError(
            f"every key once in --set {key}", found=str(error.problem), mend="remove one"
        ) from None
    except yaml.YAMLError:
        return text
