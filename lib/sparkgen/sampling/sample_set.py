"""A sample set: what the sample job leaves.

```
<samples>/<model name>/<id>/
  part-*.parquet        id, seed, label, image (uint8, H * W * C, row major)
  contact_sheet.png
  png/<sample>.png      where they were asked for
  manifest.json         written last: a set without it is not there
  part-*.json           until then, beside each file that is written: its entry in the manifest
```

The id is a hash of everything the samples depend on. Two jobs that write the same set write the same
bytes, each file whole or not at all, so they cannot harm each other. A job that died is simply run
again, and so is one whose files were damaged or lost: what is whole stays.
"""

import hashlib
import json
import logging
import math
from contextlib import suppress
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pyarrow import fs
from pydantic import BaseModel, ConfigDict, ValidationError

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.files import FileEntry, StoredFile
from sparkgen.datasets.manifest import MANIFEST
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.models.portable import PortableModel

SCHEMA = pa.schema(
    [
        pa.field("id", pa.int64(), nullable=False),
        pa.field("seed", pa.int64(), nullable=False),
        pa.field("label", pa.int32()),
        pa.field("image", pa.binary(), nullable=False),
    ]
)
CONTACT_SHEET = "contact_sheet.png"
FILES = 64  # at most, until they reach FILE_ROWS; a task writes whole ones
FILE_ROWS = 16_384
FILE_BYTES = 256 << 20  # of pixels; a file of larger pictures has fewer rows
REPAIR = "run the same step again, which makes it anew"

log = logging.getLogger(__name__)


class SampleSet(BaseModel):
    """The manifest of a sample set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    id: str
    model_uri: str
    model_digest: str
    shape: tuple[int, ...]
    """(height, width, channels)."""
    config: SamplingConfig
    files: tuple[FileEntry, ...] = ()


def describe(packed: PortableModel, model_uri: str, config: SamplingConfig) -> SampleSet:
    """The set that a request makes, its files not yet written."""
    body = {"model": packed.digest, "uri": model_uri, **config.model_dump(mode="json")}
    text = json.dumps(body, sort_keys=True)
    return SampleSet(
        id=hashlib.sha256(text.encode()).hexdigest()[:16],
        model_uri=model_uri,
        model_digest=packed.digest,
        shape=packed.shape,
        config=config,
    )


def part_ids(config: SamplingConfig, shape: tuple[int, ...]) -> list[range]:
    """The sample ids of each file: whole batches, the last cut off at `count`.

    A function of count, batch size and shape alone, never of how many executors there are.
    """
    batches = -(-config.count // config.batch_rows)
    file_rows = min(FILE_ROWS, FILE_BYTES // math.prod(shape))
    most = max(1, file_rows // config.batch_rows)
    rows = min(-(-batches // FILES), most) * config.batch_rows
    starts = range(0, config.count, rows)
    return [range(start, min(start + rows, config.count)) for start in starts]


def write_sample_set(set_uri: str, sample_set: SampleSet) -> None:
    """Makes a set visible; a manifest that says just this already stays."""
    text = json.dumps(sample_set.model_dump(mode="json"), indent=1, sort_keys=True)
    data, uri = text.encode() + b"\n", f"{set_uri}/{MANIFEST}"
    with suppress(OSError):
        if read_bytes(uri) == data:
            return
    write_bytes(uri, data)


def read_sample_set(set_uri: str) -> SampleSet | None:
    """The manifest of a set; None where there is no such set, or only a part of one.

    A damaged manifest is told, and is as good as none.
    """
    try:
        return SampleSet.model_validate_json(read_bytes(f"{set_uri}/{MANIFEST}"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s/%s is damaged: %s", set_uri, MANIFEST, str(error).splitlines()[0])
        return None


def part_path(part: int) -> str:
    """The path of a file in its set."""
    return f"part-{part:05d}.parquet"


def write_note(set_uri: str, part: int, entry: FileEntry) -> None:
    """Says beside a file that it is whole, until the manifest does."""
    write_bytes(_note_uri(set_uri, part), seal(entry.model_dump()))


def remove_notes(set_uri: str, parts: int) -> None:
    """Removes what `write_note` left, once the manifest is written."""
    for uri in _notes(set_uri, parts).values():
        filesystem, path = open_uri(uri)
        with suppress(FileNotFoundError):  # another job that makes the same set was first
            filesystem.delete_file(path)


def known_files(set_uri: str, wanted: SampleSet) -> dict[int, StoredFile]:
    """The files of a set that were written, by the manifest or the notes; damaged ones, too."""
    ids = part_ids(wanted.config, wanted.shape)
    found = read_sample_set(set_uri)
    if found is not None and found.model_copy(update={"files": ()}) == wanted:
        entries = dict(enumerate(found.files[: len(ids)]))
    else:
        entries = _noted(set_uri, len(ids))
    return {
        part: StoredFile(set_uri, entry, REPAIR)
        for part, entry in entries.items()
        if (entry.path, entry.rows) == (part_path(part), len(ids[part]))
    }


def _noted(set_uri: str, parts: int) -> dict[int, FileEntry]:
    entries = {}
    for part, uri in _notes(set_uri, parts).items():
        try:
            entries[part] = FileEntry.model_validate(unseal(read_bytes(uri)))
        except (OSError, ValueError):  # a damaged one: the file is made again
            continue
    return entries


def _notes(set_uri: str, parts: int) -> dict[int, str]:
    """The URIs of the notes that are there, by the numbers of their files."""
    filesystem, path = open_uri(set_uri)
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    there = {info.base_name for info in found if info.type == fs.FileType.File}
    notes = {part: _note_uri(set_uri, part) for part in range(parts)}
    return {part: uri for part, uri in notes.items() if uri.rpartition("/")[2] in there}


def _note_uri(set_uri: str, part: int) -> str:
    return f"{set_uri}/part-{part:05d}.json"


def as_columns(ids: range, seed: int, labels: Any, images: Any) -> pa.Table:
    """Rows of a sample set; `labels` is None where the model has none."""
    count = len(ids)
    given = pa.nulls(count, pa.int32()) if labels is None else pa.array(labels, pa.int32())
    size = images.nbytes // count
    offsets = np.arange(0, images.nbytes + 1, size, dtype=np.int32)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(images))]
    columns = [
        pa.array(np.arange(ids.start, ids.stop)),
        pa.array(np.full(count, seed, np.int64)),
        given,
        pa.BinaryArray.from_buffers(pa.binary(), count, buffers),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)
