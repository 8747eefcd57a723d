"""Decides whether there are too many bad records, and says what is wrong with them."""

from collections import Counter
from collections.abc import Sequence

import pyarrow.parquet as pq

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.storage import open_uri
from sparkgen.errors import IngestError, SparkgenError
from sparkgen.ingest.layout import QUARANTINE, Summary
from sparkgen.ingest.source import ManyBad, Source

SHOWN = 3  # bad records in a message
SHOWN_BYTES = 48  # of each


def reasons(parsed: Sequence[Summary]) -> dict[str, int]:
    """How many records are bad, by reason."""
    counts: Counter[str] = Counter()
    for summary in parsed:
        counts.update(summary.reasons)
    return dict(sorted(counts.items()))


def too_many_bad(dataset: DatasetConfig, parsed: Sequence[Summary]) -> bool:
    """Whether more records are bad than `max_bad_fraction` allows."""
    return _bad(parsed) > _allowed(dataset, parsed)


def refusal_of_bad(
    source: Source, dataset: DatasetConfig, parsed: Sequence[Summary], kept_uri: str
) -> SparkgenError:
    """The error for too many bad records: of the request, where one reason alone makes them too many.

    Args:
        source: of the dataset.
        dataset: the configuration.
        parsed: all blocks.
        kept_uri: the folder of the bad records.
    """
    counts, bad, total = reasons(parsed), _bad(parsed), _total(parsed)
    first = f"the records are in {kept_uri}; the first: {_first(kept_uri)}"
    reason = max(counts, key=lambda name: counts[name])
    if bad - counts[reason] <= _allowed(dataset, parsed):
        many = ManyBad(parsed, reason, f"{counts[reason]} of {total} records", first)
        refusal = source.contradiction(dataset, many)
        if refusal is not None:
            return refusal
    return IngestError(
        f"{bad} of {total} records are bad ({_listed(counts)}), more than max_bad_fraction "
        f"{dataset.max_bad_fraction} allows: {first}"
    )


def quarantined(manifest: Manifest, version_uri: str) -> str:
    """The message about a version's bad records: their number by reason, their place, the first ones."""
    folder = f"{version_uri}/{QUARANTINE}"
    total = sum(manifest.quarantined.values())
    return (
        f"{total} bad records are in {folder} ({_listed(manifest.quarantined)}); "
        f"the first: {_first(folder)}"
    )


def _first(folder_uri: str) -> str:
    """The first bad records: where each was found, why it is bad, how it begins."""
    filesystem, path = open_uri(f"{folder_uri}/part-00000.parquet")
    with filesystem.open_input_file(path) as file:
        batch = next(pq.ParquetFile(file).iter_batches(batch_size=SHOWN))
    return ", ".join(
        f"{row['source']}:{row['position']} {row['reason']}{_beginning(row['record'])}"
        for row in batch.to_pylist()
    )


def _beginning(record: bytes) -> str:
    """How a record of text begins; nothing for other bytes."""
    text = record[:SHOWN_BYTES].decode("utf-8", "replace")
    return f" {text!r}" if text and text.isprintable() else ""


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{reason} {n}" for reason, n in counts.items())


def _bad(parsed: Sequence[Summary]) -> int:
    return sum(summary.bad for summary in parsed)


def _total(parsed: Sequence[Summary]) -> int:
    return sum(summary.total for summary in parsed)


def _allowed(dataset: DatasetConfig, parsed: Sequence[Summary]) -> float:
    return dataset.max_bad_fraction * _total(parsed)
