"""Rows a second into `tf.data`: ours, Petastorm's two ways, and the array in memory.

python -m benchmarks.feed [--data DIR] [--rounds N] [--quick]

Every side gives batches of 128 float32 images in [0, 1], shuffled, for one epoch of 60,000 rows.
(a) `make_reader` with NdarrayCodec; (b) `make_spark_converter(...).make_tf_dataset`; the limit is
`tf.data` over the array in memory. The last side reads our files and holds them to their SHA-256, as
our feed does, and no more: its share of our time is what that costs.
"""

import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.data import mnist
from benchmarks.harness import Side, arguments, compare, report
from benchmarks.ingest_libsvm import petastorm_example
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import Version, mnist_version

BATCH = 128


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    rows = 20_000 if options.quick else 60_000
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        source = mnist(options.data, scratch, rows=rows)
        version = mnist_version(spark, scratch / "ours", source)
        petastorm_example(spark, source, scratch / "a")
        images, labels = arrays(version)
        converter = make_converter(spark, images, labels, scratch / "b")
        sides = [
            Side("sparkgen", lambda: ours(version)),
            Side("(a) make_reader", lambda: codec_reader(scratch / "a")),
            Side("(b) make_spark_converter", lambda: converted(converter)),
            Side("limit: array in memory", lambda: in_memory(images, labels)),
            Side("files read and checked, no more", lambda: checked(version)),
        ]
        rows = rows // BATCH * BATCH
        report("feed", compare("MNIST", sides, rows=rows, rounds=options.rounds))


def ours(version: Version) -> float:
    """One epoch of the lanes feed, shards decoded anew, as a training's first epoch reads them."""
    from sparkgen.feed.reader import training_batches

    uri, manifest = version
    batches = training_batches(
        uri, manifest, batch_size=BATCH, seed=0, rank=0, size=1, noise={}, epochs=1
    )
    return drain(batches)


def codec_reader(folder: Path) -> float:
    """Petastorm's row reader with its codec."""
    import tensorflow as tf
    from petastorm import make_reader
    from petastorm.tf_utils import make_petastorm_dataset

    with make_reader(f"file://{folder}", num_epochs=1) as reader:
        rows = make_petastorm_dataset(reader).shuffle(4096)
        batches = rows.batch(BATCH, drop_remainder=True).map(
            lambda row: (tf.cast(row.image, tf.float32) / 255.0, row.digit)
        )
        return drain(batches.prefetch(tf.data.AUTOTUNE))


def make_converter(spark: Any, images: npt.NDArray[Any], labels: Any, cache: Path) -> Any:
    """A converter over a frame of pixel arrays, as a Databricks user has it."""
    from petastorm.spark import SparkDatasetConverter, make_spark_converter
    from pyspark.sql.types import ArrayType, ByteType, IntegerType, StructField, StructType

    spark.conf.set(SparkDatasetConverter.PARENT_CACHE_DIR_URL_CONF, f"file://{cache}")
    schema = StructType(
        [StructField("image", ArrayType(ByteType())), StructField("label", IntegerType())]
    )
    signed = images.reshape(len(images), -1).view(np.int8)
    data = [(pixels.tolist(), int(label)) for pixels, label in zip(signed, labels, strict=True)]
    return make_spark_converter(spark.createDataFrame(data, schema))


def converted(converter: Any) -> float:
    """One epoch of the converter."""
    import tensorflow as tf

    with converter.make_tf_dataset(batch_size=BATCH, num_epochs=1) as batches:
        ready = batches.map(
            lambda row: (tf.cast(tf.bitcast(row.image, tf.uint8), tf.float32) / 255.0, row.label)
        )
        return drain(ready.prefetch(tf.data.AUTOTUNE))


def in_memory(images: npt.NDArray[np.uint8], labels: npt.NDArray[Any]) -> float:
    """`tf.data` over the array, the fastest a user could have it."""
    import tensorflow as tf

    rows = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(len(images))
    batches = rows.batch(BATCH, drop_remainder=True).map(
        lambda image, label: (tf.cast(image, tf.float32) / 255.0, label)
    )
    return drain(batches.prefetch(tf.data.AUTOTUNE))


def checked(version: Version) -> float:
    """The files of an epoch, read and held to the SHA-256 in the manifest."""
    start = time.perf_counter()
    for file in version.manifest.split_files(version.uri, "train"):
        file.read()
    return time.perf_counter() - start


def arrays(version: Version) -> tuple[npt.NDArray[np.uint8], npt.NDArray[Any]]:
    """The same rows as arrays: uint8 (N, 28, 28, 1), labels (N,)."""
    import pyarrow.dataset as ds

    table = ds.dataset(Path(version.uri) / "train").to_table()
    pixels = np.frombuffer(b"".join(table["image"].to_pylist()), np.uint8)
    return pixels.reshape(-1, *version.manifest.shape), table["label"].to_numpy()


def drain(batches: Any) -> float:
    """Seconds to go through all batches, from opening the feed."""
    start = time.perf_counter()
    for _ in batches:
        pass
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
