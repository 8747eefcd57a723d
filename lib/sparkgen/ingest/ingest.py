"""Makes a dataset version from the sources of a data set, or finds one that was made before."""

import logging

from pyspark.sql import SparkSession

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import record_of
from sparkgen.datasets.storage import remove_folder
from sparkgen.errors import IngestError, RequestError, TaskFailed
from sparkgen.ingest.captions import caption_rule, joined, tokenizer_of
from sparkgen.ingest.deal import Filter
from sparkgen.ingest.fit import refuse_few_rows, refuse_large_files, tell_layout, writers
from sparkgen.ingest.layout import Cut, Summary, make_layout
from sparkgen.ingest.publish import publish, reject, staging
from sparkgen.ingest.quarantine import quarantined, reasons, refusal_of_bad, too_many_bad
from sparkgen.ingest.source import Files, Work
from sparkgen.ingest.sources import source_of
from sparkgen.ingest.stages import Group, Target, parse, write
from sparkgen.ingest.version import IngestRequest, made_before, manifest_of

log = logging.getLogger(__name__)


def ingest(spark: SparkSession, dataset: DatasetConfig, *, datasets_uri: str) -> Manifest:
    """Makes the dataset version of a configuration, or finds it made and whole.

    A version that is there and damaged is made again: what was damaged or lost of it is put back.

    Args:
        spark: a session whose executors have this package and reach the sources.
        dataset: the configuration.
        datasets_uri: the folder of all datasets, an absolute path or a URI, reached by driver and
            executors.

    Raises:
        RequestError: a source that is not there, is no such source, or contradicts its
            configuration: shape, values, indices, labels; too few rows, or too many for `shards`.
        IngestError: more bad records than `max_bad_fraction`, an unreadable file, or one that
            changed meanwhile.
    """
    source = source_of(dataset)
    request = IngestRequest(dataset, source, source.files(dataset))
    made = made_before(spark, request, datasets_uri)
    if made is not None:
        log.info("version %s of %s is up to date", made.version, made.name)
        _tell_unused(made)
        return made
    dataset_uri = f"{datasets_uri}/{dataset.name}"
    with staging(dataset_uri) as folder:
        try:
            manifest = _make(spark, request, folder, dataset_uri)
        except TaskFailed as error:
            raise IngestError(str(error)) from error
        publish(folder, dataset_uri, manifest)
    if manifest.quarantined:
        log.warning("%s", quarantined(manifest, f"{dataset_uri}/{manifest.version}"))
    _tell_unused(manifest)
    return manifest


def _make(spark: SparkSession, request: IngestRequest, folder: str, dataset_uri: str) -> Manifest:
    """Writes a version into its staging folder."""
    dataset, source, files = request
    _refuse_two_tests(dataset, files)
    cores, scratch = spark.sparkContext.defaultParallelism, f"{folder}/scratch"
    work = source.shares(dataset, files, tasks=cores, scratch=scratch)
    names = dataset.class_names or work.class_names or NO_CLASSES
    named = dataset.model_copy(update={"class_names": names})
    keep = Filter(_kept(dataset, names), dataset.invert, caption_rule(dataset, names))
    blocks = f"{scratch}/blocks"
    groups = parse(spark, work.shares, keep, blocks)
    again = source.reread(dataset, files, _summaries(groups), tasks=cores, scratch=scratch)
    if again is not None:
        remove_folder(blocks)
        groups = parse(spark, again.shares, keep, blocks)
    parsed = _summaries(groups)
    refused = too_many_bad(dataset, parsed)
    source.weigh(named, parsed, refused=refused)
    layout = make_layout(parsed, _cut(dataset, work, parsed))
    if refused:  # then the quarantine alone is written
        layout = layout._replace(rows=dict.fromkeys(layout.rows, 0))
    else:
        refuse_few_rows(dataset, layout, reasons(parsed))
        refuse_large_files(dataset, layout)
    sources = {split: [_name(f.uri) for f in found] for split, found in files.items()}
    written = write(spark, groups, layout, sources, Target(folder, scratch, writers(layout, cores)))
    remove_folder(scratch)  # no part of the version
    if refused:
        raise refusal_of_bad(source, named, parsed, reject(folder, dataset_uri))
    tell_layout(dataset, files, layout)
    _refuse_changed(files, source.files(dataset))
    manifest = manifest_of(request, names, parsed, layout, written, work.documents)
    unused = work.unused | manifest.unused | source.left_out(parsed)
    return manifest.model_copy(update={"unused": unused})


def _summaries(groups: list[Group]) -> list[Summary]:
    return [summary for group in groups for summary in group.summaries]


def _kept(dataset: DatasetConfig, class_names: tuple[str, ...]) -> tuple[int, ...] | None:
    """The numbers of the labels that are kept; None: all are."""
    try:
        return dataset.label_numbers(class_names)
    except ValueError as error:
        raise RequestError(
            "classes of the source as dataset.labels", found=str(error), mend="correct them"
        ) from None


def _tell_unused(manifest: Manifest) -> None:
    """Says on stderr what was in the sources, is not bad, and is not in the version; and of copies."""
    for splits, count in manifest.copies.items():
        log.warning("%d records of %s are exact copies of others there", count, splits)
    if manifest.captions:
        lacking = ", ".join(f"{what} {n}" for what, n in manifest.captions.items())
        log.warning("of the captions of %s: %s", manifest.name, lacking)
    if manifest.unused:
        reasons = ", ".join(f"{reason} {n}" for reason, n in manifest.unused.items())
        log.info("of the sources of %s not used: %s", manifest.name, reasons)


def _cut(dataset: DatasetConfig, work: Work, parsed: list[Summary]) -> Cut:
    fractions = (0.0, 0.0) if work.divided else (dataset.test_fraction, dataset.validation_fraction)
    config = dataset.captions
    captions = None if config is None else tokenizer_of(config, joined(parsed))
    return Cut(
        record=work.record or record_of(dataset, captions=captions),
        lanes=dataset.lanes,
        shards=dataset.shards,
        shard_rows=dataset.shard_rows,
        test_fraction=fractions[0],
        validation_fraction=fractions[1],
        limit=dataset.limit,
        seed=dataset.seed,
    )


def _name(uri: str) -> str:
    return uri.rstrip("/").rpartition("/")[2]


def _refuse_two_tests(dataset: DatasetConfig, files: Files) -> None:
    if dataset.test_fraction and "test" in files:
        raise RequestError(
            f"one test split of dataset {dataset.name}",
            found=f"test_fraction {dataset.test_fraction}, and a test split in the source",
            mend="remove test_fraction, or set source.test to null",
        )


def _refuse_changed(before: Files, after: Files) -> None:
    if before != after:
        old, new = ({f for files in s.values() for f in files} for s in (before, after))
        changed = min((f.uri for f in old ^ new), default="the source")
        raise IngestError(f"{changed} changed while it was read: ingest the dataset again")
