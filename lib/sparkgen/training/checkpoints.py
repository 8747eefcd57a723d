"""Checkpoints: `checkpoint-<steps>.npz`, arrays and a JSON entry of plain facts.

They hold numbers and text only, nothing that runs when it is read. A file appears whole or not at
all; one that was damaged later is skipped for the one before it.
"""

import io
import json
import logging
import zipfile
import zlib
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pyarrow import fs

from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes

Array = npt.NDArray[Any]
FACTS = "facts"
log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """What a training goes on from."""

    arrays: dict[str, Array]
    facts: dict[str, Any]
    """Plain JSON."""


def encode(arrays: Mapping[str, Array], facts: Mapping[str, Any]) -> bytes:
    """A checkpoint as the bytes of its file."""
    text = json.dumps(facts, sort_keys=True).encode()
    buffer = io.BytesIO()
    np.savez(buffer, **{FACTS: np.frombuffer(text, np.uint8)}, **arrays)
    return buffer.getvalue()


def decode(data: bytes) -> Checkpoint:
    """The checkpoint of its file's bytes.

    Raises:
        ValueError: the bytes are not a whole checkpoint.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays.pop(FACTS).tobytes())
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, KeyError, ValueError) as error:
        raise ValueError(f"expected a whole checkpoint, found: {error}") from error
    return Checkpoint(arrays, facts)


def write(folder_uri: str, data: bytes, *, steps: int, keep: int) -> str:
    """Writes a checkpoint, then removes all but the last `keep`; the new one's path."""
    path = f"{folder_uri}/checkpoint-{steps:010d}.npz"
    write_bytes(path, data)
    for old in list_checkpoints(folder_uri)[keep:]:
        filesystem, place = open_uri(old)
        filesystem.delete_file(place)
    return path


def list_checkpoints(folder_uri: str) -> list[str]:
    """The checkpoints in a folder, the newest first."""
    filesystem, path = open_uri(folder_uri)
    entries = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = [e.base_name for e in entries if e.type == fs.FileType.File]
    found = [n for n in names if n.startswith("checkpoint-") and n.endswith(".npz")]
    return [f"{folder_uri}/{name}" for name in sorted(found, reverse=True)]


def newest(folder_uri: str) -> bytes:
    """The bytes of the newest whole checkpoint; none where there is no such checkpoint."""
    for path in list_checkpoints(folder_uri):
        data = read_bytes(path)
        try:
            decode(data)
        except ValueError as error:
            log.warning("skipping %s: %s", path, error)
            continue
        return data
    return b""
