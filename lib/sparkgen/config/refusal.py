"""Turns an error of pydantic into a message of one line that names the correct key or word."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError

from sparkgen.config.keys import known_keys, meant_key, written_key
from sparkgen.config.nearest import choose, nearest
from sparkgen.errors import RequestError

Kind = type[BaseModel]

MAPPING = "give a mapping of its keys"
# What pydantic says of these speaks of Python's types, not of YAML.
MENDS = {
    "model_type": MAPPING,
    "model_attributes_type": MAPPING,
    "dict_type": MAPPING,
    "tuple_type": "give a list",
}


def refusal(kind: Kind, error: ValidationError, source: str) -> RequestError:
    """The error for the first wrong key or value of a request.

    Args:
        kind: of the values that were refused.
        error: what pydantic raised.
        source: where the values come from, such as the path of a file.
    """
    # A key that is missing may be there under a misspelt name.
    first: Any = min(error.errors(), key=lambda e: e["type"] != "extra_forbidden")
    make = _KINDS.get(first["type"], _wrong_value)
    return make(kind, first, source)


def unknown_key(kind: Kind, place: Sequence[Any], source: str) -> RequestError:
    """The error for an unknown key of `kind`; it names a similar key, or all known keys.

    Args:
        kind: of the whole request.
        place: the parts of the key, as pydantic names them.
        source: where the key stands.
    """
    meant = meant_key(kind, place)
    return RequestError(
        f"only known keys in {source}",
        found=written_key(place),
        mend=f"did you mean {meant}?" if meant else choose(str(place[-1]), known_keys(kind, place)),
    )


def _unknown_key(kind: Kind, first: Any, source: str) -> RequestError:
    return unknown_key(kind, first["loc"], source)


def _missing(kind: Kind, first: Any, source: str) -> RequestError:
    """The error for a missing key; it names a misspelt key that may stand in its place."""
    key = written_key(first["loc"])
    there = first["input"] if isinstance(first["input"], dict) else {}
    written = nearest(
        str(first["loc"][-1]), set(map(str, there)) - set(known_keys(kind, first["loc"]))
    )
    return RequestError(
        f"{key} in {source}",
        found=written or "none",
        mend=f"did you mean {key}?" if written else "set it",
    )


def _wrong_word(kind: Kind, first: Any, source: str) -> RequestError:
    key, found = written_key(first["loc"]), first["input"]
    mend = choose(str(found), _quoted(first["ctx"]["expected"]))
    return RequestError(f"a valid {key} in {source}", found=short(found), mend=mend)


def _wrong_value(kind: Kind, first: Any, source: str) -> RequestError:
    key = written_key(first["loc"])
    expected = f"a valid {key or 'section'} in {source}"
    found = "a mapping" if isinstance(first["input"], dict) else short(first["input"])
    if first["type"] != "value_error":
        unquoted = first["type"] == "string_type" and first["input"] is not None
        mend = MENDS.get(first["type"], first["msg"]) + ("; put it in quotes" if unquoted else "")
        return RequestError(expected, found=found, mend=mend)
    mend = str(first["ctx"]["error"])  # of our own validators, which say it all
    if key:
        return RequestError(expected, found=found, mend=mend)
    return RequestError(
        f"values that fit together in {source}", found="values that do not", mend=mend
    )


_KINDS: dict[str, Callable[[Kind, Any, str], RequestError]] = {
    "extra_forbidden": _unknown_key,
    "missing": _missing,
    "literal_error": _wrong_word,
}


def _quoted(text: str) -> list[str]:
    """The quoted words of a message in which pydantic lists the values that it expects."""
    return re.findall(r"'([^']*)'", text)


def short(value: Any) -> str:
    """A value as text of at most 103 characters."""
    text = repr(value)
    return text if len(text) <= 100 else f"{text[:100]}..."
