"""Checkpoints are files `checkpoint-<steps>.npz`, which hold arrays and one JSON entry of plain values.

They hold numbers and text only, nothing that runs when it is read. A file appears whole or not at
all; one that was damaged later is skipped for the one before it. Zip's own checksums leave out its
directory, so the SHA-256 of all that comes before it is the comment at the end of the file. Checkpoints
written before have none and are read as they are.
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

from sparkgen.datasets.files import digest
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes

Array = npt.NDArray[Any]
FACTS = "facts"
END = b"PK\x05\x06"  # the last record of a zip file: 22 bytes, the last two the comment's length
END_BYTES = 22
SEAL_BYTES = 64
# What numpy and zipfile raise over bytes that are no whole file.
UNREADABLE = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    OSError,
    KeyError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
)
log = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """The saved state from which a training goes on."""

    arrays: dict[str, Array]
    facts: dict[str, Any]
    """Plain JSON."""


def encode(
    arrays: Mapping[str, Array], facts: Mapping[str, Any], *, compress: bool = False
) -> bytes:
    """The bytes of a checkpoint file that holds these arrays and facts."""
    text = json.dumps(facts, sort_keys=True).encode()
    buffer, save = io.BytesIO(), np.savez_compressed if compress else np.savez
    save(buffer, **{FACTS: np.frombuffer(text, np.uint8)}, **arrays)
    return _seal(buffer.getvalue())


def decode(data: bytes) -> Checkpoint:
    """The checkpoint that the bytes of a checkpoint file hold.

    Raises:
        ValueError: the bytes are not a whole checkpoint.
    """
    try:
        _check_seal(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        facts = json.loads(arrays.pop(FACTS).tobytes())
        if not isinstance(facts, dict):
            raise ValueError("facts that are no mapping")
    except UNREADABLE as error:
        raise ValueError(f"expected a whole checkpoint, found: {error}") from error
    return Checkpoint(arrays, facts)


def _seal(data: bytes) -> bytes:
    """A zip file without a comment, with its SHA-256 as one."""
    body = data[:-2] + SEAL_BYTES.to_bytes(2, "little")
    return body + digest(body).encode()


def _check_seal(data: bytes) -> None:
    end = data.rfind(END) + END_BYTES
    body, seal = data[:end], data[end:]
    if not seal and body.endswith(bytes(2)):
        return  # written before there were seals
    if digest(body).encode() != seal:
        raise ValueError("other bytes than were written")


def write(folder_uri: str, data: bytes, *, steps: int, keep: int) -> str:
    """Writes a checkpoint, removes all but the newest `keep`, and gives the path of the new one."""
    path = f"{folder_uri}/checkpoint-{steps:010d}.npz"
    write_bytes(path, data)
    for old in list_checkpoints(folder_uri)[keep:]:
        filesystem, place = open_uri(old)
        filesystem.delete_file(place)
    return path


def list_checkpoints(folder_uri: str) -> list[str]:
    """The paths of the checkpoints in a folder, the newest first."""
    filesystem, path = open_uri(folder_uri)
    entries = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    names = [e.base_name for e in entries if e.type == fs.FileType.File]
    found = [n for n in names if n.startswith("checkpoint-") and n.endswith(".npz")]
    return [f"{folder_uri}/{name}" for name in sorted(found, reverse=True)]


def newest(folder_uri: str) -> bytes:
    """The bytes of the newest undamaged checkpoint in a folder; empty if there is none."""
    paths = list_checkpoints(folder_uri)
    for path in paths:
        try:
            data = read_bytes(path)
            decode(data)
        except (OSError, ValueError) as error:
            log.warning("skipping %s: %s", path, error)
            continue
        return data
    if paths:
        log.warning("none of the checkpoints is whole: the training begins anew")
    return b""
