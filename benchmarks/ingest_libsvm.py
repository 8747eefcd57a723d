"""60,000 libsvm rows to Parquet: ours, Petastorm's way, and one process of scikit-learn.

python -m benchmarks.ingest_libsvm [--data DIR] [--rounds N] [--quick]

Ours parses, checks, shuffles, cuts and hashes; (a) Spark's libsvm source and Petastorm's
`materialize_dataset` with NdarrayCodec, as its MNIST example does; (b) scikit-learn's
`load_svmlight_file` and pyarrow, one process. All write Parquet that holds every pixel. The Spark
session is started before the clock.
"""

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import mnist
from benchmarks.harness import Side, arguments, compare, report
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import mnist_version


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    rows = 10_000 if options.quick else 60_000
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        source = mnist(options.data, scratch, rows=rows)
        sides = [
            Side("sparkgen", lambda: ours(spark, source, scratch / "ours")),
            Side(
                "(a) materialize_dataset", lambda: petastorm_example(spark, source, scratch / "a")
            ),
            Side("(b) scikit-learn + pyarrow", lambda: one_process(source, scratch / "b")),
        ]
        report("ingest libsvm", compare("MNIST", sides, rows=rows, rounds=options.rounds))


def ours(spark: Any, source: Path, target: Path) -> None:
    """A dataset version with its manifest."""
    shutil.rmtree(target, ignore_errors=True)
    mnist_version(spark, target, source)


def petastorm_example(spark: Any, source: Path, target: Path) -> None:
    """Petastorm's own MNIST example, from Spark's libsvm source."""
    from petastorm.codecs import NdarrayCodec, ScalarCodec
    from petastorm.etl.dataset_metadata import materialize_dataset
    from petastorm.unischema import Unischema, UnischemaField, dict_to_spark_row
    from pyspark.sql.types import IntegerType

    shutil.rmtree(target, ignore_errors=True)
    schema = Unischema(
        "MnistSchema",
        [
            UnischemaField("idx", np.int_, (), ScalarCodec(IntegerType()), False),
            UnischemaField("digit", np.int_, (), ScalarCodec(IntegerType()), False),
            UnischemaField("image", np.uint8, (28, 28), NdarrayCodec(), False),
        ],
    )

    def row(pair: Any) -> Any:
        record, index = pair
        image = record.features.toArray().astype(np.uint8).reshape(28, 28)
        values = {"idx": index, "digit": int(record.label), "image": image}
        return dict_to_spark_row(schema, values)

    url = f"file://{target}"
    with materialize_dataset(spark, url, schema, 1):
        frame = spark.read.format("libsvm").option("numFeatures", 784).load(str(source))
        records = frame.repartition(2).rdd.zipWithIndex().map(row)
        spark.createDataFrame(records, schema.as_spark_schema()).write.parquet(url)


def one_process(source: Path, target: Path) -> None:
    """scikit-learn's parser and one Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from sklearn.datasets import load_svmlight_file

    target.mkdir(exist_ok=True)
    features, labels = load_svmlight_file(str(source), n_features=784)
    images = features.toarray().astype(np.uint8)
    column = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(784), len(images), [None, pa.py_buffer(images)]
    )
    table = pa.table({"label": labels.astype(np.int32), "image": column})
    pq.write_table(table, target / "mnist.parquet")


if __name__ == "__main__":
    main()
