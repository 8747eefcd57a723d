"""What a source makes, read without Spark: records and bad ones in the order of the source."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.sources import source_of


class Made(NamedTuple):
    """The result of a source: labels and data of each split, what is bad and not used, the classes."""

    labels: dict[str, list[int]]
    data: dict[str, np.ndarray]
    bad: list[tuple[str, str]]
    unused: dict[str, int]
    class_names: tuple[str, ...] | None


def dataset_of(source: dict[str, Any], **changes: Any) -> DatasetConfig:
    values = {"name": "small", "shape": [2, 2, 1], "max_bad_fraction": 1.0, **changes}
    return DatasetConfig.model_validate({**values, "source": source})


def made_of(source: dict[str, Any], *, tasks: int = 1, **changes: Any) -> Made:
    """All that a source makes; bad records as (position, reason), positions from the file's start."""
    dataset = dataset_of(source, **changes)
    config = source_of(dataset)
    work = config.shares(dataset, config.files(dataset), tasks=tasks, scratch="")
    blocks = [block for share in work.shares for block in share.blocks()]
    blocks.sort(key=lambda b: (b.split, b.file, b.number))
    labels: dict[str, list[int]] = {}
    data: dict[str, list[np.ndarray]] = {}
    bad, before = [], Counter[tuple[str, int]]()
    for block in blocks:
        records, first = block.records, before[block.split, block.file]
        labels.setdefault(block.split, []).extend(records.labels.tolist())
        data.setdefault(block.split, []).append(records.data)
        for found in records.bad:
            at = found.position
            bad.append((str(at if isinstance(at, str) else first + at + 1), found.reason))
        before[block.split, block.file] += records.length
    whole = {split: np.concatenate(parts) for split, parts in data.items()}
    return Made(labels, whole, bad, work.unused, work.class_names)
