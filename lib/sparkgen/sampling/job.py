"""The sample job: Spark makes the files of a sample set, each task whole files.

The model travels to the executors as bytes and is loaded once a Python worker.
"""

import io
import logging
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from pyarrow import fs

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.options import Range, check_label, check_options
from sparkgen.datasets.files import FileEntry, StoredFile, digest
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.errors import ManifestError, RequestError
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.sample_set import (
    CONTACT_SHEET,
    REPAIR,
    SampleSet,
    as_columns,
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
MOST_BATCH_BYTES = 2**31 - 1  # Arrow's columns of bytes end there


class Sampled(NamedTuple):
    """A sample set and where it is."""

    uri: str
    sample_set: SampleSet

    @property
    def contact_sheet(self) -> str:
        """The URI of the contact sheet."""
        return f"{self.uri}/{CONTACT_SHEET}"

    @property
    def files(self) -> list[StoredFile]:
        """The files of samples, in the order of the ids."""
        return [StoredFile(self.uri, entry, REPAIR) for entry in self.sample_set.files]


def sample(
    spark: "SparkSession",
    packed: PortableModel,
    config: SamplingConfig,
    *,
    model_uri: str,
    samples_uri: str,
    partitions: int | None = None,
) -> Sampled:
    """The sample set of a request. What of it is missing or damaged is made; what is whole stays.

    Args:
        spark: the session.
        packed: the model.
        config: what to make.
        model_uri: of the model's version, for the manifest.
        samples_uri: the folder of this model's sample sets, on storage that all executors share.
        partitions: Spark's tasks; None: as many as there are cores. The set is the same for any.

    Raises:
        RequestError: an option that the model's `generate` has not, a label that is no class.
    """
    check(packed, config)
    wanted = describe(packed, model_uri, config)
    set_uri = f"{samples_uri}/{wanted.id}"
    parts = len(part_ids(config, packed.shape))
    tasks = partitions or min(parts, spark.sparkContext.defaultParallelism)
    whole = _whole_files(spark, set_uri, wanted, tasks)
    missing = [part for part in range(parts) if part not in whole]
    written = _write_parts(spark, packed, config, set_uri, missing, tasks) if missing else []
    files = whole | dict(zip(missing, written, strict=True))
    made = wanted.model_copy(update={"files": tuple(files[part] for part in range(parts))})
    if missing or not _has_contact_sheet(set_uri):
        _write_contact_sheet(Sampled(set_uri, made))
    write_sample_set(set_uri, made)
    if missing:
        remove_notes(set_uri, parts)
    return Sampled(set_uri, made)


def check(packed: PortableModel, config: SamplingConfig) -> None:
    """Refuses a request that the model cannot serve, before Spark is asked.

    Raises:
        RequestError: an option that the model's `generate` has not or that is out of its range, a
            label that training did not see or that the model does not look at, or batches that are
            no column of a file.
    """
    most = MOST_BATCH_BYTES // math.prod(packed.shape)
    if config.batch_rows > most:
        raise RequestError(
            f"sampling.batch_rows up to {most} for images of shape {list(packed.shape)}",
            found=str(config.batch_rows),
            mend="set it lower",
        )
    described = packed.description
    ranges = {k: Range(*bounds) for k, bounds in described.get("generate_ranges", {}).items()}
    check_options(config.options, described["generate_options"], ranges, model=described["name"])
    spec = described["spec"]
    check_label(
        config.label,
        spec.get("seen") or range(spec["classes"]) if described["conditional"] else None,
        model=described["name"],
    )


def _whole_files(
    spark: "SparkSession", set_uri: str, wanted: SampleSet, tasks: int
) -> dict[int, FileEntry]:
    """The files of a set that are there as they were written, by their number."""
    known = known_files(set_uri, wanted)
    if wanted.config.png:
        there, ids = _pngs(set_uri), part_ids(wanted.config, wanted.shape)
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


def _write_parts(
    spark: "SparkSession",
    packed: PortableModel,
    config: SamplingConfig,
    set_uri: str,
    parts: Sequence[int],
    tasks: int,
) -> list[FileEntry]:
    model = spark.sparkContext.broadcast(packed)

    def write(part: int) -> Iterator[FileEntry]:
        yield write_part(model.value, part, config, set_uri)

    try:
        return run_each(spark, write, parts, tasks=min(tasks, len(parts)))
    finally:
        model.unpersist()


def write_part(packed: PortableModel, part: int, config: SamplingConfig, set_uri: str) -> FileEntry:
    """Generates and writes one file of a sample set; called in an executor."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    buffer = io.BytesIO()
    ids = part_ids(config, packed.shape)[part]
    table = pa.concat_tables(_batches(packed, ids, config))
    pq.write_table(table, buffer, compression="zstd")
    if config.png:
        _write_pngs(table, packed.shape, set_uri)
    path, data = part_path(part), buffer.getvalue()
    entry = FileEntry(path=path, rows=table.num_rows, bytes=len(data), sha256=digest(data))
    write_bytes(f"{set_uri}/{path}", data)
    write_note(set_uri, part, entry)
    return entry


def _batches(packed: PortableModel, ids: range, config: SamplingConfig) -> Iterator[Any]:
    import numpy as np

    from sparkgen.sampling.generate import Recipe, default_labels, generate_batch

    model = unpack(packed)
    recipe = Recipe(config.seed, config.batch_rows, config.options)
    for first in range(ids.start, ids.stop, config.batch_rows):
        whole = np.arange(first, first + config.batch_rows)
        labels = default_labels(whole, model.spec.labels)
        if config.label is not None:
            labels[:] = config.label
        images = generate_batch(model, first // config.batch_rows, labels, recipe)
        kept = range(first, min(first + config.batch_rows, ids.stop))
        given = labels[: len(kept)] if model.conditional else None
        yield as_columns(kept, config.seed, given, images[: len(kept)])


def _write_pngs(table: Any, shape: tuple[int, ...], set_uri: str) -> None:
    from PIL import Image

    mode = "L" if shape[2] == 1 else "RGB"
    for row_id, data in zip(*(table[k].to_pylist() for k in ("id", "image")), strict=True):
        buffer = io.BytesIO()
        Image.frombytes(mode, (shape[1], shape[0]), data).save(buffer, "png")
        write_bytes(f"{set_uri}/{PNG_FOLDER}/{_png_name(row_id)}", buffer.getvalue())


def _png_name(row_id: int) -> str:
    return f"{row_id:09d}.png"


def _pngs(set_uri: str) -> set[str]:
    """The names of the PNG files that are there and not empty."""
    filesystem, path = open_uri(f"{set_uri}/{PNG_FOLDER}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    return {info.base_name for info in found if info.size}


def read_images(made: Sampled, *, limit: int) -> Any:
    """The first images of a set: uint8 (N, H, W, C)."""
    import numpy as np

    shape = made.sample_set.shape
    images: list[bytes] = []
    for file in made.files:
        if len(images) >= limit:
            break
        images += file.table(["image"], image_bytes=math.prod(shape))["image"].to_pylist()
    images = images[:limit]
    return np.frombuffer(b"".join(images), np.uint8).reshape(len(images), *shape)


def _has_contact_sheet(set_uri: str) -> bool:
    from PIL import Image

    try:
        with Image.open(io.BytesIO(read_bytes(f"{set_uri}/{CONTACT_SHEET}"))) as sheet:
            sheet.load()
    except (OSError, SyntaxError, ValueError):  # none, or no whole picture, in Pillow's words
        return False
    return True


def _write_contact_sheet(made: Sampled) -> None:
    from sparkgen.tracking.figures import image_grid

    set_uri, sample_set = made
    images = read_images(made, limit=sample_set.config.contact_sheet)
    title = f"{sample_set.model_uri.removeprefix('models:/')}, seed {sample_set.config.seed}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CONTACT_SHEET
        image_grid(images, path, title=title)
        write_bytes(f"{set_uri}/{CONTACT_SHEET}", path.read_bytes())
