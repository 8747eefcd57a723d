"""Small tables of pictures, as Hugging Face and others write them."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from archive_files import png

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.block import Block
from sparkgen.ingest.source import Work
from sparkgen.ingest.sources import source_of

CELL = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
Cell = bytes | dict[str, Any] | None


def cells(levels: Sequence[int]) -> list[Cell]:
    """Structs of bytes and path: a grey picture of each level."""
    return [{"bytes": png(level), "path": f"{level}.png"} for level in levels]


def write(
    path: Path,
    images: Sequence[Cell],
    labels: Sequence[Any] | None = None,
    *,
    names: Sequence[str] | None = None,
    kind: pa.DataType = CELL,
    group: int = 1000,
    more: dict[str, Sequence[Any]] | None = None,
) -> Path:
    """A Parquet file with the columns image and label; `names` are Hugging Face's of the labels."""
    columns = {"image": pa.array(images, kind), **(more or {})}
    if labels is not None:
        columns["label"] = pa.array(labels)
    features = {"image": {"_type": "Image"}}
    if names:
        features["label"] = {"names": list(names), "_type": "ClassLabel"}
    table = pa.table(columns)
    described = json.dumps({"info": {"features": features}}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table.replace_schema_metadata({b"huggingface": described}), path, group)
    return path


def config(train: Path | str, **changes: Any) -> DatasetConfig:
    """A dataset of 2 x 2 pictures; unknown keys are those of its source."""
    dataset = {k: v for k, v in changes.items() if k in DatasetConfig.model_fields}
    source = {k: v for k, v in changes.items() if k not in dataset}
    return DatasetConfig.model_validate(
        {
            "name": "pets",
            "source": {"format": "table", "train": str(train), **source},
            "shape": [2, 2, 1],
            "lanes": 2,
            "validation_fraction": 0.0,
            **dataset,
        }
    )


def work_of(dataset: DatasetConfig, tasks: int = 1, scratch: Path | str = "") -> Work:
    source = source_of(dataset)
    return source.shares(dataset, source.files(dataset), tasks=tasks, scratch=str(scratch))


def blocks_of(work: Work, split: str = "train") -> list[Block]:
    """The blocks of a split in the order of their files."""
    found = [b for share in work.shares for b in share.blocks() if b.split == split]
    return sorted(found, key=lambda block: (block.file, block.number))


def rows_of(work: Work, split: str = "train") -> list[tuple[int, int]]:
    """The level and the label of every record of a split."""
    records = [block.records for block in blocks_of(work, split)]
    return [
        (int(level), int(label))
        for r in records
        for level, label in zip(r.data[:, 0], r.labels, strict=True)
    ]


def bad_of(work: Work) -> list[tuple[int | str, str]]:
    """The place in its block and the reason of every bad record."""
    return [(bad.position, bad.reason) for block in blocks_of(work) for bad in block.records.bad]


def levels(count: int) -> list[int]:
    return np.random.default_rng(count).integers(0, 256, count).tolist()
