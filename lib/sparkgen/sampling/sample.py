"""Makes the files of a sample set with Spark; each task writes whole files.

The model travels to the executors as bytes and is loaded once a Python worker.
"""

import io
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from pyarrow import fs

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.files import FileEntry, digest
from sparkgen.datasets.images import to_png
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import Record
from sparkgen.datasets.storage import open_uri, write_bytes
from sparkgen.errors import ManifestError
from sparkgen.models.portable import PortableModel
from sparkgen.sampling.check import check
from sparkgen.sampling.columns import FIGURE, as_columns
from sparkgen.sampling.contact_sheet import has_contact_sheet, write_contact_sheet
from sparkgen.sampling.given import Sources, no_version, open_sources
from sparkgen.sampling.sample_set import (
    Sampled,
    SampleSet,
    describe,
    known_files,
    part_ids,
    part_path,
    remove_notes,
    write_note,
    write_sample_set,
)
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

log = logging.getLogger(__name__)

PNG_FOLDER = "png"


def sample(
    spark: "SparkSession",
    packed: PortableModel,
    config: SamplingConfig,
    *,
    model_uri: str,
    samples_uri: str,
    version: Callable[[], DatasetVersion] | None = None,
    partitions: int | None = None,
) -> Sampled:
    """Makes the sample set of a request; only files that are missing or damaged are written.

    Args:
        spark: the session.
        packed: the model.
        config: what to make.
        model_uri: of the model's version, for the manifest.
        samples_uri: the folder of this model's sample sets, on storage that all executors share.
        version: gives the dataset version that the model was trained on, for what is given from it.
        partitions: Spark's tasks; None: as many as there are cores. The set is the same for any.

    Raises:
        RequestError: an option that the model's `generate` has not, or something given that it does
            not take.
    """
    check(packed, config)
    sources = open_sources(packed, config, version=version or no_version)
    wanted = describe(packed, model_uri, config, sources)
    set_uri = f"{samples_uri}/{wanted.id}"
    parts = len(part_ids(config, wanted.record))
    tasks = partitions or min(parts, spark.sparkContext.defaultParallelism)
    whole = _whole_files(spark, set_uri, wanted, tasks)
    missing = [part for part in range(parts) if part not in whole]
    work = FileWork(packed, config, sources, set_uri)
    written = _write_parts(spark, work, missing, tasks) if missing else []
    files = whole | dict(zip(missing, written, strict=True))
    made = wanted.model_copy(update={"files": tuple(files[part] for part in range(parts))})
    figures = _mean_figures(Sampled(set_uri, made), packed.figure_names)
    made = made.model_copy(update={"figures": figures})
    sampled = Sampled(set_uri, made)
    if missing or not has_contact_sheet(sampled):
        write_contact_sheet(sampled)
    write_sample_set(set_uri, made)
    if missing:
        remove_notes(set_uri, parts)
    return sampled


def _whole_files(
    spark: "SparkSession", set_uri: str, wanted: SampleSet, tasks: int
) -> dict[int, FileEntry]:
    """The undamaged files of a sample set that exist already, by their number."""
    known = known_files(set_uri, wanted)
    if wanted.config.png:
        there, ids = _pngs(set_uri), part_ids(wanted.config, wanted.record)
        known = {n: file for n, file in known.items() if there.issuperset(map(_png_name, ids[n]))}

    def look(part: int) -> Iterator[str | None]:
        try:
            known[part].read()
            yield None
        except ManifestError as error:
            yield str(error)

    damage = dict(zip(known, run_each(spark, look, list(known), tasks=tasks), strict=True))
    told = [line for line in damage.values() if line is not None]
    if told:
        log.warning("%d files are made again; %s", len(told), told[0])
    return {part: known[part].entry for part, line in damage.items() if line is None}


class FileWork(NamedTuple):
    """The data that a task needs to write files of a sample set."""

    packed: PortableModel
    config: SamplingConfig
    sources: Sources
    set_uri: str


def _write_parts(
    spark: "SparkSession", work: FileWork, parts: Sequence[int], tasks: int
) -> list[FileEntry]:
    broadcast = spark.sparkContext.broadcast(work)

    def write(part: int) -> Iterator[FileEntry]:
        yield write_part(broadcast.value, part)

    try:
        return run_each(spark, write, parts, tasks=min(tasks, len(parts)))
    finally:
        broadcast.unpersist()


def write_part(work: FileWork, part: int) -> FileEntry:
    """Generates and writes one file of a sample set; called in an executor."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer, record, set_uri = io.BytesIO(), work.packed.makes, work.set_uri
    ids = part_ids(work.config, record)[part]
    table = pa.concat_tables(_batches(work, ids))
    pq.write_table(table, buffer, compression="zstd")
    if work.config.png:
        _write_pngs(table, record, set_uri)
    path, data = part_path(part), buffer.getvalue()
    entry = FileEntry(path=path, rows=table.num_rows, bytes=len(data), sha256=digest(data))
    write_bytes(f"{set_uri}/{path}", data)
    write_note(set_uri, part, entry)
    return entry


def _batches(work: FileWork, ids: range) -> Iterator[Any]:
    from sparkgen.models.unpacking import unpack
    from sparkgen.sampling.generate import Recipe, generate_batch, generate_singly, one_by_one

    model, config = unpack(work.packed), work.config
    recipe = Recipe(config.seed, config.batch_rows, config.options)
    records = {name: one.record for name, one in model.given.items()}
    if one_by_one(model):
        for row_id in ids:
            alone = range(row_id, row_id + 1)
            given = {name: source.values(alone) for name, source in work.sources.items()}
            made = generate_singly(model, alone, given, recipe)
            stored = {name: (values, records[name]) for name, values in given.items()}
            names = _names(work.sources, alone)
            yield as_columns(alone, config.seed, made, model.makes, stored, names)
        return
    firsts = range(ids.start, ids.stop, config.batch_rows)
    # Each source is asked once: it may read and decode whole files.
    company = range(ids.start, firsts[-1] + config.batch_rows)
    all_given = {name: source.values(company) for name, source in work.sources.items()}
    for first in firsts:
        batch = slice(first - ids.start, first - ids.start + config.batch_rows)
        given = {name: values[batch] for name, values in all_given.items()}
        made = generate_batch(model, first // config.batch_rows, given, recipe)
        kept = range(first, min(first + config.batch_rows, ids.stop))
        stored = {name: (values[: len(kept)], records[name]) for name, values in given.items()}
        some, names = made.take(slice(len(kept))), _names(work.sources, kept)
        yield as_columns(kept, config.seed, some, model.makes, stored, names)


def _names(sources: Sources, ids: range) -> dict[str, list[str]]:
    """The names of the values that are given to samples, where these have names."""
    found = {name: source.names(ids) for name, source in sources.items()}
    return {name: names for name, names in found.items() if names is not None}


def _write_pngs(table: Any, record: Record, set_uri: str) -> None:
    images = record.decode(table[record.kind])
    for row_id, image in zip(table["id"].to_pylist(), images, strict=True):
        write_bytes(f"{set_uri}/{PNG_FOLDER}/{_png_name(row_id)}", to_png(image))


def _png_name(row_id: int) -> str:
    return f"{row_id:09d}.png"


def _pngs(set_uri: str) -> set[str]:
    """The names of the PNG files that exist and are not empty."""
    filesystem, path = open_uri(f"{set_uri}/{PNG_FOLDER}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return {info.base_name for info in found if info.size}


def _mean_figures(made: Sampled, names: Sequence[str]) -> dict[str, float]:
    """The means of the figures of all samples, by name."""
    if not names:
        return {}
    import pyarrow as pa
    import pyarrow.parquet as pq

    filesystem, folder = open_uri(made.uri)
    columns = [FIGURE + name for name in names]
    paths = [f"{folder}/{file.entry.path}" for file in made.files]
    # Whole files were checked or written just now; of the columns of figures a few bytes are read.
    tables = [pq.ParquetFile(path, filesystem=filesystem).read(columns) for path in paths]
    table = pa.concat_tables(tables)
    return {
        name: math.fsum(table[column].to_pylist()) / table.num_rows
        for name, column in zip(names, columns, strict=True)
    }
