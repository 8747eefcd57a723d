"""Checks that the rows of a source fit the files that the configuration asks for."""

import logging
import math
from collections.abc import Iterable

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.layout import FILE_BYTES, Layout

TASK_BYTES = 128 << 20  # of records that a task writes, about; it holds them three times
LEAST_FILE_BYTES = 256 << 10  # of records; opening a file costs about 0.9 ms of processor time
MOST_FILE_BYTES = 1 << 30  # of records; Arrow's columns of bytes end at 2 GiB

log = logging.getLogger(__name__)


def writers(layout: Layout, cores: int) -> int:
    """How many tasks write: a multiple of the cores, but no more than there are files."""
    files = sum(output.files for output in layout.outputs.values())
    size = sum(layout.rows.values()) * layout.record.row_bytes
    return max(1, min(files, cores * math.ceil(size / (cores * TASK_BYTES))))


def refuse_few_rows(dataset: DatasetConfig, layout: Layout, bad: dict[str, int]) -> None:
    """Refuses a source with fewer training rows than there are to be files of them.

    Args:
        dataset: the configuration.
        layout: of its rows.
        bad: how many records are bad, by reason.

    Raises:
        RequestError: it says how many there are.
    """
    train = layout.outputs["train"]
    shards = dataset.shards or dataset.lanes
    if train.files < shards:
        raise RequestError(
            f"{shards} training rows or more, one a shard",
            found=f"{train.rows}{_bad(bad)}",
            mend="correct source, labels or limit, or set shards or lanes lower",
        )


def refuse_large_files(dataset: DatasetConfig, layout: Layout) -> None:
    """Refuses a number of shards that makes larger files than Arrow can hold.

    Raises:
        RequestError: it names a number that does not.
    """
    train, row_bytes = layout.outputs["train"], layout.record.row_bytes
    if train.files and -(-train.rows // train.files) * row_bytes > MOST_FILE_BYTES:
        shards = -(-train.rows * row_bytes // FILE_BYTES)
        raise RequestError(
            f"files of at most {MOST_FILE_BYTES >> 20} MiB of records",
            found=f"{train.files} shards for {train.rows} rows of {row_bytes} bytes",
            mend=f"set shards to {-(-shards // dataset.lanes) * dataset.lanes}, or leave it out",
        )


def tell_layout(dataset: DatasetConfig, splits: Iterable[str], layout: Layout) -> None:
    """Warns of a source split without records, and of files so small that reading them is slow."""
    for split in splits:
        if not layout.rows.get(split):
            log.warning("no record of the %s sources stays, so there is no such split", split)
    if dataset.test_fraction and not layout.outputs["test"].rows:
        log.warning(
            "test_fraction %s of so few records is none: no test split", dataset.test_fraction
        )
    train = layout.outputs["train"]
    size = train.rows * layout.record.row_bytes // train.files
    if train.files > dataset.lanes and size < LEAST_FILE_BYTES:
        log.warning(
            "%d training files of about %d rows: opening them will take training longer than reading "
            "them; set fewer shards or a higher shard_rows",
            train.files,
            train.rows // train.files,
        )


def _bad(reasons: dict[str, int]) -> str:
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    return f" (bad records: {counts})" if counts else ""
