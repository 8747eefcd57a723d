"""Reads Delta tables: the newest version that is in the log."""

import json
import re
from importlib.util import find_spec
from typing import TYPE_CHECKING

from pyarrow import fs

from sparkgen.datasets.manifest import SourceEntry
from sparkgen.datasets.storage import absolute, open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.tables.spark_path import spark_path

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LOG = "_delta_log"
VERSION = "version "  # how the time stamp of a table begins
SPARK_DELTA = "--set environment.spark.spark.jars.packages=io.delta:delta-spark_2.12:3.3.2"
NO_PACKAGE = "DATA_SOURCE_NOT_FOUND"  # what Spark says where it lacks a format

_COMMIT = re.compile(r"(\d{20})\.(json|checkpoint.*\.parquet)")


def is_delta(uri: str) -> bool:
    """Whether a folder is a Delta table."""
    filesystem, path = open_uri(uri)
    return bool(filesystem.get_file_info(f"{path}/{LOG}").type == fs.FileType.Directory)


def delta_entry(uri: str) -> SourceEntry:
    """A Delta table, with its newest version as its time stamp.

    Raises:
        RequestError: its log has no version.
    """
    filesystem, path = open_uri(uri)
    selector = fs.FileSelector(f"{path}/{LOG}", allow_not_found=True)
    names = [info.base_name for info in filesystem.get_file_info(selector)]
    versions = [int(found[1]) for found in map(_COMMIT.fullmatch, names) if found]
    if not versions:
        raise RequestError(
            f"a version in {uri}/{LOG}", found="none", mend="correct the dataset's source"
        )
    return SourceEntry(uri=absolute(uri), size=0, modified=f"{VERSION}{max(versions)}")


def delta_frame(spark: "SparkSession", uri: str, modified: str) -> "DataFrame":
    """A Delta table by Spark's own package for it, or by the list of files that `deltalake` gives.

    Args:
        spark: the session.
        uri: of the table.
        modified: its version, as `delta_entry` has it.

    Raises:
        RequestError: neither is there, or the table needs the first and there is only the second.
    """
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    version = modified.removeprefix(VERSION)
    try:
        reader = spark.read.format("delta").option("versionAsOf", version)
        return reader.load(spark_path(uri))
    except (PySparkException, Py4JJavaError) as error:
        if NO_PACKAGE not in str(error):
            raise
    if find_spec("deltalake") is None:
        raise RequestError(
            f"a package that reads the Delta table {uri}",
            found="neither Spark's nor deltalake",
            mend=f"pip install 'sparkgen[delta]', or give Spark its own: {SPARK_DELTA}",
        )
    return _by_deltalake(spark, uri, int(version))


def _by_deltalake(spark: "SparkSession", uri: str, version: int) -> "DataFrame":
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError
    from pyspark.sql.types import StructType

    try:
        table = DeltaTable(absolute(uri), version=version)
        features = table.protocol().reader_features or []
        mapped = table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none"
        deleted = "deletionVectors" in features and table.deletion_vectors().read_all().num_rows
        files, schema = table.file_uris(), json.loads(table.schema().to_json())
    except (DeltaError, NotImplementedError, OSError) as error:
        raise RequestError(
            f"a Delta table at {uri} that deltalake can read",
            found=" ".join(str(error).split())[:300],
            mend=f"give Spark its own package for it: {SPARK_DELTA}",
        ) from None
    if mapped or deleted:
        raise RequestError(
            f"a Delta table without column mapping and deletion vectors at {uri}, since Spark lacks its "
            "own package for Delta",
            found="column mapping" if mapped else "deletion vectors",
            mend=f"give Spark that package: {SPARK_DELTA}",
        )
    reader = spark.read.schema(StructType.fromJson(schema)).option("basePath", spark_path(uri))
    return reader.parquet(*(spark_path(file) for file in files))
