"""Dataset versions for tests: small ones, of any kind of record, written with pyarrow alone."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sparkgen.datasets.files import FileEntry, digest
from sparkgen.datasets.manifest import (
    Manifest,
    SplitEntry,
    content_version,
    described,
    write_manifest,
)
from sparkgen.datasets.records import Record

Array = npt.NDArray[Any]


def random_data(record: Record, rows: int, *, seed: int = 0) -> Array:
    """Stored records of random values: (rows, *shape)."""
    random = np.random.default_rng(seed)
    return random.integers(0, record.values, (rows, *record.shape), dtype=record.dtype)


def describe(path: Path, rows: int) -> FileEntry:
    """What a manifest says of a file of a split as it is."""
    data = path.read_bytes()
    name = f"{path.parent.name}/{path.name}"
    return FileEntry(path=name, rows=rows, bytes=len(data), sha256=digest(data))


def write_split(
    folder: Path,
    split: str,
    record: Record,
    *,
    ids: Array,
    labels: Array,
    data: Array,
    captions: Array | None = None,
    files: int = 1,
) -> SplitEntry:
    """Writes rows, in their order, to files of about the same size.

    Args:
        folder: of the version.
        split: its name.
        record: what a row is.
        ids: (N,).
        labels: (N,).
        data: as stored, (N, *shape).
        captions: tokens beside them, (N, T).
        files: how many.
    """
    (folder / split).mkdir(parents=True, exist_ok=True)
    entries = []
    for number, part in enumerate(np.array_split(np.arange(len(ids)), files)):
        columns = [ids[part], labels[part].astype(np.int32), record.encode(data[part])]
        if captions is not None:
            columns.append(record.caption.encode(captions[part]))
        path = folder / split / f"part-{number:05d}.parquet"
        table = pa.table([pa.array(column) for column in columns], schema=record.schema)
        pq.write_table(table, path, row_group_size=max(1, len(part)))
        entries.append(describe(path, len(part)))
    values, counts = np.unique(labels, return_counts=True)
    label_counts = dict(zip(values.tolist(), counts.tolist(), strict=True))
    return SplitEntry(rows=len(ids), label_counts=label_counts, files=tuple(entries))


def write_version(
    folder: Path,
    record: Record,
    splits: Mapping[str, SplitEntry],
    *,
    name: str = "tiny",
    class_names: Sequence[str] = tuple("0123456789"),
    lanes: int = 4,
    config: Mapping[str, Any] | None = None,
) -> Manifest:
    """Writes the manifest of splits that lie in `folder` already."""
    manifest = Manifest(
        **described(record),
        name=name,
        version="",
        class_names=tuple(class_names),
        lanes=lanes,
        splits=dict(splits),
        quarantined={},
        sources=(),
        config=dict(config or {}),
        libraries={},
    )
    manifest = manifest.model_copy(update={"version": content_version(manifest)})
    write_manifest(str(folder), manifest)
    return manifest
