"""The two passes of an ingest over the executors: parse the sources, deal the records to files.

    slices -parse-> blocks (kept by Spark) -deal-> parts of files -Spark's shuffle-> -write-> files

A row of these data frames is a whole block, or a whole part of a file, as bytes of Arrow: Spark
moves few large rows, and a record is never an object of Python or of the JVM.
"""

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from sparkgen.ingest.block import Slice
from sparkgen.ingest.deal import PARTS, Filter, encode_block, parts_of_files
from sparkgen.ingest.layout import Layout, Summary
from sparkgen.ingest.write import WrittenFile, gathered, write_file

BATCH_BLOCKS = 16  # blocks, or parts of files, that a task holds in memory at a time

Batches = Iterator[pa.RecordBatch]


class Target(NamedTuple):
    """Where the files go, URI of a folder, and how many tasks write them."""

    folder: str
    tasks: int


def session_of(spark: SparkSession) -> SparkSession:
    """A session of its own on the same Spark, set for rows of megabytes each."""
    session = spark.newSession()
    session.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(BATCH_BLOCKS))
    session.conf.set("spark.sql.adaptive.enabled", "false")
    return session


def parse(spark: SparkSession, slices: list[Slice], keep: Filter) -> DataFrame:
    """The blocks of all slices, a task a slice."""

    def run(batches: Batches) -> Batches:
        for batch in batches:
            for index in batch.column("id").to_pylist():
                for block in slices[index].blocks():
                    yield encode_block(block, keep)

    blocks = "summary string, labels binary, pixels binary, bad binary"
    return spark.range(0, len(slices), 1, len(slices)).mapInArrow(run, blocks)


def summaries(blocks: DataFrame) -> list[Summary]:
    """The summaries of all blocks."""
    return [Summary.from_json(row.summary) for row in blocks.select("summary").collect()]


def write(
    blocks: DataFrame, layout: Layout, names: dict[str, list[str]], target: Target
) -> list[WrittenFile]:
    """Deals the records to the files of a layout, and writes these.

    Args:
        blocks: from `parse`.
        layout: made from their summaries.
        names: the file names of each source split, for the quarantine.
        target: where to.
    """

    def deal(batches: Batches) -> Batches:
        for batch in batches:
            yield from parts_of_files(batch, layout, names)

    def save(batches: Batches) -> Batches:
        for number, rows in gathered(batches):
            written = write_file(target.folder, layout.output(number), number, rows)
            yield pa.record_batch([pa.array([written.to_json()])], names=["written"])

    parts = blocks.mapInArrow(deal, PARTS).repartition(target.tasks, "file")
    files = parts.sortWithinPartitions("file").mapInArrow(save, "written string").collect()
    return sorted(WrittenFile.from_json(row.written) for row in files)
