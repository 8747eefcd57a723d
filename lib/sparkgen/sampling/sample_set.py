"""A sample set: what the sample job leaves.

```
<samples>/<model name>/<id>/
  part-*.parquet        id, seed, label, image (uint8, H * W * C, row major)
  contact_sheet.png
  png/<sample>.png      where they were asked for
  manifest.json         written last: a set without it is not there
```

The id is a hash of everything the samples depend on. Two jobs that write the same set write the same
bytes, each file whole or not at all, so they cannot harm each other, and a job that died is simply
run again.
"""

import hashlib
import json
import math
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.manifest import MANIFEST, FileEntry
from sparkgen.datasets.storage import read_bytes, write_bytes
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
    """Makes a set visible."""
    text = json.dumps(sample_set.model_dump(mode="json"), indent=1, sort_keys=True)
    write_bytes(f"{set_uri}/{MANIFEST}", text.encode() + b"\n")


def read_sample_set(set_uri: str) -> SampleSet | None:
    """The manifest of a set; None where there is no such set, or only a part of one."""
    try:
        return SampleSet.model_validate_json(read_bytes(f"{set_uri}/{MANIFEST}"))
    except FileNotFoundError:
        return None


def digest(data: bytes) -> str:
    """The SHA-256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


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
