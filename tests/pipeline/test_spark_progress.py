import time

from pyspark.sql import SparkSession

from sparkgen.pipeline.spark_progress import spark_progress


def slow_rows(rows):
    time.sleep(0.6)
    yield from rows


def test_a_log_tells_how_many_tasks_are_done(spark: SparkSession, capfd) -> None:
    with spark_progress(spark, line_seconds=0.1):
        spark.sparkContext.parallelize(range(8), 8).mapPartitions(slow_rows).count()
    lines = [line for line in capfd.readouterr().err.splitlines() if "/8" in line]
    assert lines
    assert lines[-1].startswith("spark ")


def test_no_session_shows_nothing(capfd) -> None:
    with spark_progress(None):
        pass
    assert capfd.readouterr().err == ""
