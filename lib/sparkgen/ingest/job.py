"""The ingest: sources to a dataset version, at the edges of which all effects are."""

import logging
import math
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import version

from pyspark.sql import SparkSession

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.files import FileEntry, StoredFile, check_sizes
from sparkgen.datasets.manifest import (
    Manifest,
    SourceEntry,
    SplitEntry,
    content_version,
    list_versions,
)
from sparkgen.datasets.storage import remove_folder
from sparkgen.errors import IngestError, ManifestError, RequestError, TaskFailed
from sparkgen.ingest.deal import Filter
from sparkgen.ingest.layout import QUARANTINE, Cut, Layout, Summary, make_layout
from sparkgen.ingest.publish import publish, reject, staging
from sparkgen.ingest.sources import Sources, find_sources, make_slices
from sparkgen.ingest.stages import Target, parse, write
from sparkgen.ingest.write import WrittenFile
from sparkgen.tasks import run_each

LIBRARIES = ("numpy", "pillow", "pyarrow", "pyspark", "sparkgen")
TASK_BYTES = 128 << 20  # of pixels that a task writes, about; it holds them three times

log = logging.getLogger(__name__)


def ingest(spark: SparkSession, dataset: DatasetConfig, *, datasets_uri: str) -> Manifest:
    """Makes the dataset version of a configuration, or finds it made and whole.

    A version that is there and damaged is made again: what was damaged or lost of it is put back.

    Args:
        spark: a session whose executors have this package and reach the sources.
        dataset: the configuration.
        datasets_uri: the folder of all datasets, reached by driver and executors.

    Raises:
        RequestError: a source that is not there, or a shape too small for it.
        IngestError: more bad records than `max_bad_fraction`, no records, an unreadable file.
    """
    sources = find_sources(dataset)
    made = _made_before(spark, dataset, sources, datasets_uri)
    if made is not None:
        log.info("version %s of %s is up to date", made.version, made.name)
        return made
    dataset_uri = f"{datasets_uri}/{dataset.name}"
    with staging(dataset_uri) as folder:
        try:
            manifest = _make(spark, dataset, sources, folder, dataset_uri)
        except TaskFailed as error:
            raise IngestError(str(error)) from error
        publish(folder, dataset_uri, manifest)
    return manifest


def _make(
    spark: SparkSession, dataset: DatasetConfig, sources: Sources, folder: str, dataset_uri: str
) -> Manifest:
    cores = spark.sparkContext.defaultParallelism
    scratch = f"{folder}/scratch"
    slices = make_slices(dataset, sources, tasks=cores, scratch=scratch)
    groups = parse(spark, slices, Filter(dataset.labels, dataset.invert), scratch)
    parsed = [summary for group in groups for summary in group.summaries]
    layout = make_layout(parsed, _cut(dataset))
    names = {split: [_name(f.uri) for f in found] for split, found in sources.items()}
    target = Target(folder, scratch, _writers(layout, dataset, cores))
    written = write(spark, groups, layout, names, target)
    remove_folder(scratch)  # no part of the version
    _refuse_bad(dataset, parsed, folder, dataset_uri)
    _refuse_few_rows(dataset, layout)
    return _manifest(dataset, sources, parsed, written)


def _writers(layout: Layout, dataset: DatasetConfig, cores: int) -> int:
    """How many tasks write: a multiple of the cores, but no more than there are files."""
    files = sum(output.files for output in layout.outputs.values())
    pixels = sum(layout.rows.values()) * math.prod(dataset.shape)
    return max(1, min(files, cores * math.ceil(pixels / (cores * TASK_BYTES))))


def _made_before(
    spark: SparkSession, dataset: DatasetConfig, sources: Sources, datasets_uri: str
) -> Manifest | None:
    """The whole version made of the same configuration and unchanged sources, if there is one."""
    entries = _entries(sources)
    for manifest in list_versions(datasets_uri, dataset.name):
        if manifest.config != dataset.model_dump(mode="json") or manifest.sources != entries:
            continue
        files = manifest.all_files(f"{datasets_uri}/{dataset.name}/{manifest.version}")
        try:
            check_files(spark, files)
        except ManifestError as error:
            log.warning("version %s is damaged and made again: %s", manifest.version, error)
        else:
            return manifest
    return None


def _entries(sources: Sources) -> tuple[SourceEntry, ...]:
    """Every source once."""
    return tuple({f.uri: f for files in sources.values() for f in files}.values())


def check_files(spark: SparkSession, files: list[StoredFile]) -> None:
    """Reads files in the executors; a `ManifestError` where one is missing or damaged."""
    check_sizes(files)  # at no cost, and what is most often wrong

    def read(file: StoredFile) -> Iterator[None]:
        file.read()
        yield from ()

    run_each(spark, read, files, tasks=min(len(files), spark.sparkContext.defaultParallelism))


def _cut(dataset: DatasetConfig) -> Cut:
    return Cut(
        lanes=dataset.lanes,
        shards=dataset.shards,
        shard_rows=dataset.shard_rows,
        validation_fraction=dataset.validation_fraction,
        limit=dataset.limit,
        seed=dataset.seed,
    )


def _name(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2]


def _refuse_bad(
    dataset: DatasetConfig, parsed: list[Summary], folder: str, dataset_uri: str
) -> None:
    """Fails when too many records are bad, and keeps the quarantine for the user to see."""
    bad, total = sum(s.bad for s in parsed), sum(s.bad + s.good for s in parsed)
    allowed = dataset.max_bad_fraction * total
    if bad <= allowed:
        return
    reasons = _reasons(parsed)
    kept = reject(folder, dataset_uri)
    beyond = reasons.get("beyond-width", 0)
    if bad - beyond <= allowed:
        needs = max(s.needs for s in parsed)
        raise RequestError(
            f"a shape of {needs} values or more, the width of the source",
            found=f"{list(dataset.shape)}, with {beyond} of {total} records beyond it",
            mend=f"correct the dataset's shape; the records are in {kept}",
        )
    counts = ", ".join(f"{reason} {n}" for reason, n in reasons.items())
    raise IngestError(
        f"{bad} of {total} records are bad ({counts}), more than max_bad_fraction "
        f"{dataset.max_bad_fraction} allows: the records are in {kept}"
    )


def _refuse_few_rows(dataset: DatasetConfig, layout: Layout) -> None:
    train = layout.outputs["train"]
    shards = dataset.shards or dataset.lanes
    if train.files < shards:
        raise RequestError(
            f"{shards} training rows or more, one a shard",
            found=str(train.rows),
            mend="correct source, labels or limit, or set shards or lanes lower",
        )


def _reasons(parsed: list[Summary]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for summary in parsed:
        counts.update(summary.reasons)
    return dict(sorted(counts.items()))


def _manifest(
    dataset: DatasetConfig, sources: Sources, parsed: list[Summary], written: list[WrittenFile]
) -> Manifest:
    splits = {}
    for folder in ("train", "validation", "test"):
        files = [w for w in written if w.folder == folder]
        counts: Counter[int] = Counter()
        for file in files:
            counts.update(file.label_counts)
        if files:
            splits[folder] = SplitEntry(
                rows=sum(f.rows for f in files),
                label_counts=dict(sorted(counts.items())),
                files=tuple(_entry(f) for f in files),
            )
    manifest = Manifest(
        name=dataset.name,
        version="",
        shape=dataset.shape,
        class_names=dataset.class_names,
        lanes=dataset.lanes,
        splits=splits,
        quarantined=_reasons(parsed),
        quarantine_files=tuple(_entry(w) for w in written if w.folder == QUARANTINE),
        sources=_entries(sources),
        config=dataset.model_dump(mode="json"),
        libraries={name: version(name) for name in LIBRARIES},
    )
    return manifest.model_copy(update={"version": content_version(manifest)})


def _entry(file: WrittenFile) -> FileEntry:
    return FileEntry(path=file.path, rows=file.rows, bytes=file.bytes, sha256=file.sha256)
