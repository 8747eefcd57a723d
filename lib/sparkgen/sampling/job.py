"""The sample job: Spark makes the files of a sample set, each task whole files.

The model travels to the executors as bytes and is loaded once a Python worker.
"""

import io
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.options import Range, check_label, check_options
from sparkgen.datasets.manifest import FileEntry
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.models.portable import PortableModel, unpack
from sparkgen.sampling.sample_set import (
    CONTACT_SHEET,
    SampleSet,
    as_columns,
    describe,
    digest,
    part_ids,
    read_sample_set,
    write_sample_set,
)
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


class Sampled(NamedTuple):
    """A sample set and where it is."""

    uri: str
    sample_set: SampleSet

    @property
    def contact_sheet(self) -> str:
        """The URI of the contact sheet."""
        return f"{self.uri}/{CONTACT_SHEET}"


def sample(
    spark: "SparkSession",
    packed: PortableModel,
    config: SamplingConfig,
    *,
    model_uri: str,
    samples_uri: str,
    partitions: int | None = None,
) -> Sampled:
    """The sample set of a request, made where it is not there yet.

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
    found = read_sample_set(set_uri)
    if found is not None:
        return Sampled(set_uri, found)
    files = _write_parts(spark, packed, config, set_uri, partitions)
    made = wanted.model_copy(update={"files": tuple(files)})
    _write_contact_sheet(set_uri, made)
    write_sample_set(set_uri, made)
    return Sampled(set_uri, made)


def check(packed: PortableModel, config: SamplingConfig) -> None:
    """Refuses a request that the model cannot serve, before Spark is asked.

    Raises:
        RequestError: an option that the model's `generate` has not or that is out of its range, or
            a label that training did not see or that the model does not look at.
    """
    described = packed.description
    ranges = {k: Range(*bounds) for k, bounds in described.get("generate_ranges", {}).items()}
    check_options(config.options, described["generate_options"], ranges, model=described["name"])
    spec = described["spec"]
    check_label(
        config.label,
        spec.get("seen") or range(spec["classes"]) if described["conditional"] else None,
        model=described["name"],
    )


def _write_parts(
    spark: "SparkSession",
    packed: PortableModel,
    config: SamplingConfig,
    set_uri: str,
    partitions: int | None,
) -> list[FileEntry]:
    parts = len(part_ids(config))
    tasks = partitions or min(parts, spark.sparkContext.defaultParallelism)
    model = spark.sparkContext.broadcast(packed)

    def write(part: int) -> Iterator[FileEntry]:
        yield write_part(model.value, part, config, set_uri)

    try:
        return run_each(spark, write, range(parts), tasks=tasks)
    finally:
        model.unpersist()


def write_part(packed: PortableModel, part: int, config: SamplingConfig, set_uri: str) -> FileEntry:
    """Generates and writes one file of a sample set; called in an executor."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    path, buffer = f"part-{part:05d}.parquet", io.BytesIO()
    table = pa.concat_tables(_batches(packed, part_ids(config)[part], config))
    pq.write_table(table, buffer, compression="zstd")
    if config.png:
        _write_pngs(table, packed.shape, set_uri)
    data = buffer.getvalue()
    write_bytes(f"{set_uri}/{path}", data)
    return FileEntry(path=path, rows=table.num_rows, bytes=len(data), sha256=digest(data))


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
        write_bytes(f"{set_uri}/png/{row_id:09d}.png", buffer.getvalue())


def read_images(set_uri: str, sample_set: SampleSet, *, limit: int) -> Any:
    """The first images of a set: uint8 (N, H, W, C)."""
    import numpy as np
    import pyarrow.parquet as pq

    images: list[bytes] = []
    for entry in sample_set.files:
        if len(images) >= limit:
            break
        data = io.BytesIO(read_bytes(f"{set_uri}/{entry.path}"))
        images += pq.read_table(data, columns=["image"])["image"].to_pylist()
    images = images[:limit]
    return np.frombuffer(b"".join(images), np.uint8).reshape(len(images), *sample_set.shape)


def _write_contact_sheet(set_uri: str, sample_set: SampleSet) -> None:
    from sparkgen.tracking.figures import image_grid

    images = read_images(set_uri, sample_set, limit=sample_set.config.contact_sheet)
    title = f"{sample_set.model_uri.removeprefix('models:/')}, seed {sample_set.config.seed}"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / CONTACT_SHEET
        image_grid(images, path, title=title)
        write_bytes(f"{set_uri}/{CONTACT_SHEET}", path.read_bytes())
