"""Writes and reads small JSON files that contain their own SHA-256, by which damage is detected."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SEAL = "sealed_sha256"


def seal(values: Mapping[str, Any]) -> bytes:
    """The bytes of a JSON file with some values and their SHA-256, keys sorted."""
    text = json.dumps({**values, SEAL: _digest(values)}, indent=1, sort_keys=True)
    return text.encode()


def unseal(data: bytes) -> dict[str, Any]:
    """The values of a file of `seal`, without the SHA-256; a file without one is not checked.

    Raises:
        ValueError: it is no JSON object, or not the one that was sealed.
    """
    try:
        values = json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(values, dict):
        raise ValueError(f"a JSON object is expected, found {type(values).__name__}")
    found = values.pop(SEAL, None)
    if found is not None and found != _digest(values):
        raise ValueError("the content is not what was written: the file is damaged")
    return values


def _digest(values: Mapping[str, Any]) -> str:
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
