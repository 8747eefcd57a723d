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
from sparkgen.ingest.evidence import Evidence, description, doubts, refuse_black
from sparkgen.ingest.layout import FILE_BYTES, QUARANTINE, Cut, Layout, Summary, make_layout
from sparkgen.ingest.publish import publish, reject, staging
from sparkgen.ingest.quarantine import (
    gather,
    quarantined,
    reasons,
    refusal_of_bad,
    too_many_bad,
)
from sparkgen.ingest.sources import Sources, find_sources, make_slices
from sparkgen.ingest.stages import Target, parse, write
from sparkgen.ingest.write import WrittenFile
from sparkgen.tasks import run_each

LIBRARIES = ("numpy", "pillow", "pyarrow", "pyspark", "sparkgen")
TASK_BYTES = 128 << 20  # of pixels that a task writes, about; it holds them three times
LEAST_FILE_BYTES = 256 << 10  # of pixels; opening a file costs about 0.9 ms of processor time
MOST_FILE_BYTES = 1 << 30  # of pixels; Arrow's columns of bytes end at 2 GiB

log = logging.getLogger(__name__)


def ingest(spark: SparkSession, dataset: DatasetConfig, *, datasets_uri: str) -> Manifest:
    """Makes the dataset version of a configuration, or finds it made and whole.

    A version that is there and damaged is made again: what was damaged or lost of it is put back.

    Args:
        spark: a session whose executors have this package and reach the sources.
        dataset: the configuration.
        datasets_uri: the folder of all datasets, reached by driver and executors.

    Raises:
        RequestError: a source that is not there, is no such source, or contradicts its
            configuration: shape, values, indices, labels; too few rows, or too many for `shards`.
        IngestError: more bad records than `max_bad_fraction`, an unreadable file, or one that
            changed meanwhile.
    """
    sources = find_sources(dataset)
    made = _made_before(spark, dataset, sources, datasets_uri)
    if made is not None:
        log.info("version %s of %s is up to date", made.version, made.name)
        _tell_unused(made)
        return made
    dataset_uri = f"{datasets_uri}/{dataset.name}"
    with staging(dataset_uri) as folder:
        try:
            manifest = _make(spark, dataset, sources, folder, dataset_uri)
        except TaskFailed as error:
            raise IngestError(str(error)) from error
        publish(folder, dataset_uri, manifest)
    if manifest.quarantined:
        log.warning("%s", quarantined(manifest, f"{dataset_uri}/{manifest.version}"))
    _tell_unused(manifest)
    return manifest


def _make(
    spark: SparkSession, dataset: DatasetConfig, sources: Sources, folder: str, dataset_uri: str
) -> Manifest:
    cores = spark.sparkContext.defaultParallelism
    scratch = f"{folder}/scratch"
    slices, unused = make_slices(dataset, sources, tasks=cores, scratch=scratch)
    groups = parse(spark, slices, Filter(dataset.labels, dataset.invert), scratch)
    parsed = [summary for group in groups for summary in group.summaries]
    evidence, refused = gather(dataset, parsed), too_many_bad(dataset, parsed)
    if evidence is not None:
        _weigh(evidence, refused=refused)
    layout = make_layout(parsed, _cut(dataset))
    if refused:  # then the quarantine alone is written
        layout = layout._replace(rows=dict.fromkeys(layout.rows, 0))
    else:
        _refuse_few_rows(dataset, layout, reasons(parsed))
        _refuse_large_files(dataset, layout)
    names = {split: [_name(f.uri) for f in found] for split, found in sources.items()}
    target = Target(folder, scratch, _writers(layout, dataset, cores))
    written = write(spark, groups, layout, names, target)
    remove_folder(scratch)  # no part of the version
    if refused:
        raise refusal_of_bad(dataset, parsed, evidence, reject(folder, dataset_uri))
    _tell_layout(dataset, sources, layout)
    _refuse_changed(sources, find_sources(dataset))
    manifest = _manifest(dataset, sources, parsed, written)
    return manifest.model_copy(update={"unused": unused | _left_out(parsed, layout)})


def _left_out(parsed: list[Summary], layout: Layout) -> dict[str, int]:
    """Good records that `labels` and `limit` leave out."""
    kept = sum(s.rows for s in parsed)
    counts = {
        "other-label": sum(s.good for s in parsed) - kept,
        "beyond-limit": kept - sum(layout.rows.values()),
    }
    return {reason: count for reason, count in counts.items() if count}


def _tell_unused(manifest: Manifest) -> None:
    """Says on stderr what was in the sources, is not bad, and is not in the version."""
    if manifest.unused:
        reasons = ", ".join(f"{reason} {n}" for reason, n in manifest.unused.items())
        log.info("of the sources of %s not used: %s", manifest.name, reasons)


def _weigh(evidence: Evidence, *, refused: bool) -> None:
    """Tells what was seen in the sources, and refuses them where it contradicts the request.

    Sources that are refused for their bad records are only described: what is good says little.
    """
    log.info("%s", description(evidence))
    if not refused:
        refuse_black(evidence)
        for doubt in doubts(evidence):
            log.warning("%s", doubt)


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
        # A version made before unused records were counted may lack images that nobody missed, and
        # has the first records in place of a limit's choice.
        asked = dataset.source.format == "images" or dataset.limit is not None
        if asked and "unused" not in manifest.model_fields_set:
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
        row_bytes=math.prod(dataset.shape),
        lanes=dataset.lanes,
        shards=dataset.shards,
        shard_rows=dataset.shard_rows,
        validation_fraction=dataset.validation_fraction,
        limit=dataset.limit,
        seed=dataset.seed,
    )


def _name(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2]


def _refuse_few_rows(dataset: DatasetConfig, layout: Layout, bad: dict[str, int]) -> None:
    train = layout.outputs["train"]
    shards = dataset.shards or dataset.lanes
    if train.files < shards:
        raise RequestError(
            f"{shards} training rows or more, one a shard",
            found=f"{train.rows}{_bad(bad)}",
            mend="correct source, labels or limit, or set shards or lanes lower",
        )


def _bad(reasons: dict[str, int]) -> str:
    counts = ", ".join(f"{reason} {count}" for reason, count in reasons.items())
    return f" (bad records: {counts})" if counts else ""


def _tell_layout(dataset: DatasetConfig, sources: Sources, layout: Layout) -> None:
    """Warns of a split without records, and of files so small that reading them is slow."""
    for split in sources:
        if not layout.rows.get(split):
            log.warning("no record of the %s sources stays, so there is no such split", split)
    train = layout.outputs["train"]
    pixels = train.rows * math.prod(dataset.shape) // train.files
    if train.files > dataset.lanes and pixels < LEAST_FILE_BYTES:
        log.warning(
            "%d training files of about %d rows: opening them will take training longer than reading "
            "them; set fewer shards or a higher shard_rows",
            train.files,
            train.rows // train.files,
        )


def _refuse_large_files(dataset: DatasetConfig, layout: Layout) -> None:
    train, row_bytes = layout.outputs["train"], math.prod(dataset.shape)
    if train.files and -(-train.rows // train.files) * row_bytes > MOST_FILE_BYTES:
        shards = -(-train.rows * row_bytes // FILE_BYTES)
        raise RequestError(
            f"files of at most {MOST_FILE_BYTES >> 20} MiB of pixels",
            found=f"{train.files} shards for {train.rows} rows of {row_bytes} bytes",
            mend=f"set shards to {-(-shards // dataset.lanes) * dataset.lanes}, or leave it out",
        )


def _refuse_changed(before: Sources, after: Sources) -> None:
    if before != after:
        old, new = ({f for files in s.values() for f in files} for s in (before, after))
        changed = min((f.uri for f in old ^ new), default="the source")
        raise IngestError(f"{changed} changed while it was read: ingest the dataset again")


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
        quarantined=reasons(parsed),
        quarantine_files=tuple(_entry(w) for w in written if w.folder == QUARANTINE),
        sources=_entries(sources),
        config=dataset.model_dump(mode="json"),
        libraries={name: version(name) for name in LIBRARIES},
    )
    return manifest.model_copy(update={"version": content_version(manifest)})


def _entry(file: WrittenFile) -> FileEntry:
    return FileEntry(path=file.path, rows=file.rows, bytes=file.bytes, sha256=file.sha256)
