"""Describes a version that was written, and finds an earlier one of the same request."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from pyspark.sql import SparkSession

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.credentials import hide, hide_in
from sparkgen.datasets.files import FileEntry, StoredFile, check_sizes
from sparkgen.datasets.manifest import (
    Manifest,
    SourceEntry,
    SplitEntry,
    content_version,
    described,
    renew_manifest,
)
from sparkgen.datasets.versions import list_versions
from sparkgen.datasets.vocabulary import given
from sparkgen.errors import ManifestError
from sparkgen.ingest.captions import joined, without_token
from sparkgen.ingest.layout import QUARANTINE, Layout, Summary
from sparkgen.ingest.quarantine import reasons
from sparkgen.ingest.source import Files, Source
from sparkgen.ingest.write import WrittenFile
from sparkgen.tasks import run_each

LIBRARIES = ("numpy", "pillow", "pyarrow", "pyspark", "sparkgen")
TOKENIZERS = "tokenizers"

log = logging.getLogger(__name__)


class IngestRequest(NamedTuple):
    """The request of an ingest: the configuration, its source, and the present files of the source."""

    dataset: DatasetConfig
    source: Source
    files: Files

    @property
    def config(self) -> dict[str, Any]:
        """The configuration with every key of the source, as a manifest has it."""
        source = {"format": self.dataset.source.format, **self.source.model_dump(mode="json")}
        tokenizer = self.dataset.tokenizer
        if tokenizer is not None and tokenizer.path is not None:
            source["tokenizer_sha256"] = given(tokenizer).sha256
        classes = {} if self.source.labelled else {"class_names": list(NO_CLASSES)}
        values = {**self.dataset.model_dump(mode="json"), **classes, "source": source}
        return dict(hide_in(values))

    @property
    def entries(self) -> tuple[SourceEntry, ...]:
        """Every source file once, as a manifest has it."""
        once = {f.uri: f for files in self.files.values() for f in files}
        return tuple(f.model_copy(update={"uri": hide(uri)}) for uri, f in once.items())


def made_before(spark: SparkSession, request: IngestRequest, datasets_uri: str) -> Manifest | None:
    """The whole version made of the same configuration and unchanged sources, if there is one.

    From now on it is the newest, so that a training takes what the ingest before it has found.
    """
    name = request.dataset.name
    for age, manifest in enumerate(list_versions(datasets_uri, name)):
        if manifest.config != request.config or manifest.sources != request.entries:
            continue
        # Where unused records were not counted yet, a limit took the first records, not a choice.
        counted = request.source.unused_since_release or request.dataset.limit is not None
        if counted and "unused" not in manifest.model_fields_set:
            continue
        version_uri = f"{datasets_uri}/{name}/{manifest.version}"
        try:
            _check_files(spark, manifest.all_files(version_uri))
        except ManifestError as error:
            log.warning("version %s is damaged and made again: %s", manifest.version, error)
            continue
        if age:
            renew_manifest(version_uri)
        return manifest
    return None


def _check_files(spark: SparkSession, files: list[StoredFile]) -> None:
    """Reads files in the executors; a `ManifestError` where one is missing or damaged."""
    check_sizes(files)  # at no cost, and what is most often wrong

    def read(file: StoredFile) -> Iterator[None]:
        file.read()
        yield from ()

    run_each(spark, read, files, tasks=min(len(files), spark.sparkContext.defaultParallelism))


def manifest_of(
    request: IngestRequest,
    class_names: tuple[str, ...],
    parsed: Sequence[Summary],
    layout: Layout,
    written: Sequence[WrittenFile],
    documents: dict[str, int] | None = None,
) -> Manifest:
    """The manifest of a written version, still without the counts of what `shares` did not use.

    Args:
        request: the request.
        class_names: of the version.
        parsed: all blocks.
        layout: of its rows.
        written: all files.
        documents: of each split of a text, where they are not its rows.
    """
    dataset = request.dataset
    manifest = Manifest(
        **described(layout.record),
        name=dataset.name,
        version="",
        class_names=class_names,
        lanes=dataset.lanes,
        splits={
            folder: _split(files)
            for folder in ("train", "validation", "test")
            if (files := [w for w in written if w.folder == folder])
        },
        quarantined=reasons(parsed),
        unused=_left_out(parsed, layout),
        captions=_lacking(dataset, parsed),
        copies=_copies(written),
        texts=_texts(written, documents),
        quarantine_files=tuple(_entry(w) for w in written if w.folder == QUARANTINE),
        sources=request.entries,
        config=request.config,
        libraries={name: _version(name) for name in _libraries(dataset)},
    )
    return manifest.model_copy(update={"version": content_version(manifest)})


def _libraries(dataset: DatasetConfig) -> tuple[str, ...]:
    has_tokens = dataset.tokenizer is not None or dataset.captions is not None
    return (*LIBRARIES, TOKENIZERS) if has_tokens else LIBRARIES


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:  # as of this package in an archive that is no wheel
        return "unknown"


def _lacking(dataset: DatasetConfig, parsed: Sequence[Summary]) -> dict[str, int]:
    """What the captions of the rows lack; those of rows beyond the limit are among them."""
    if dataset.captions is None:
        return {}
    found = joined(parsed)
    counts = {
        "empty": found.empty,
        "cut": found.long,
        "words without a token": without_token(dataset.captions, found),
    }
    return {reason: count for reason, count in counts.items() if count}


def _left_out(parsed: Sequence[Summary], layout: Layout) -> dict[str, int]:
    """Good records that `labels`, `limit` and `captions.leave_out` leave out."""
    kept, by_caption = sum(s.rows for s in parsed), joined(parsed).left_out
    counts = {
        "other-label": sum(s.good for s in parsed) - kept - by_caption,
        "caption-left-out": by_caption,
        "beyond-limit": kept - sum(layout.rows.values()),
    }
    return {reason: count for reason, count in counts.items() if count}


def _copies(written: Sequence[WrittenFile]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for file in written:
        counts.update(file.copies)
    return dict(sorted(counts.items()))


def _texts(
    written: Sequence[WrittenFile], documents: dict[str, int] | None
) -> dict[str, dict[str, int]]:
    """How much text each split has; without stated documents each row is one."""
    counts: dict[str, Counter[str]] = {}
    for file in written:
        if file.texts:
            of_split = counts.setdefault(file.folder, Counter())
            of_split.update({**file.texts, "documents": file.rows})
    stated = documents or {}
    return {
        split: {**found, "documents": stated.get(split, found["documents"])}
        for split, found in counts.items()
    }


def _split(files: list[WrittenFile]) -> SplitEntry:
    counts: Counter[int] = Counter()
    for file in files:
        counts.update(file.label_counts)
    return SplitEntry(
        rows=sum(f.rows for f in files),
        label_counts=dict(sorted(counts.items())),
        files=tuple(_entry(f) for f in files),
    )


def _entry(file: WrittenFile) -> FileEntry:
    return FileEntry(path=file.path, rows=file.rows, bytes=file.bytes, sha256=file.sha256)
