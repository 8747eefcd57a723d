import os
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError
from sparkgen.pipeline.session import _start, spark_session

FIND_JAVA = "from sparkgen.pipeline.session import find_java; print(find_java())"
BESIDE = """
import signal, sys, time
from contextlib import contextmanager
from sparkgen.config.environment import EnvironmentConfig
from sparkgen import stopping
from sparkgen.pipeline.session import spark_beside, spark_session
@contextmanager
def left():
    try:
        yield
    except stopping.Stopped:
        stopping.leave()
environment = EnvironmentConfig(spark_master="local[1]", spark=eval(sys.argv[2]))
with left(), stopping.listening():
    with spark_beside(environment):
        if sys.argv[1] == "refused":
            raise SystemExit(2)
        if sys.argv[1] == "stopped":
            time.sleep(0.5)
            signal.raise_signal(signal.SIGTERM)
    session = spark_session(environment)
    with spark_beside(environment):
        assert spark_session(environment) is session
    print(session.range(3).count())
"""


def find_java(**environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", FIND_JAVA]
    return subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_session_that_is_active_is_taken(spark: SparkSession) -> None:
    assert spark_session(EnvironmentConfig(spark_master="local[1]")) is spark
    assert spark.conf.get("spark.sql.session.timeZone") == "UTC"


@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"spark_master": "spark://127.0.0.1:9"}, "a Spark master that answers at"),
        ({"spark": {"spark.driver.memory": "1g1"}}, r"spark\.driver\.memory of 450m or more"),
    ],
)
def test_what_spark_cannot_start_with_is_refused_before_java_starts(
    monkeypatch: pytest.MonkeyPatch, environment: dict, line: str
) -> None:
    monkeypatch.setenv("JAVA_HOME", "/nowhere")
    with pytest.raises(RequestError, match=line):
        _start(EnvironmentConfig(**environment))


def beside(what: str, tmp_path: Path, **spark: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "TMPDIR": str(tmp_path)}
    command = [sys.executable, "-c", BESIDE, what, repr(spark)]
    # Its end is that of all that is written, so of Java too.
    return subprocess.run(command, env=own, capture_output=True, text=True)


def test_spark_that_has_begun_to_start_is_the_one_that_is_waited_for(tmp_path: Path) -> None:
    assert beside("used", tmp_path).stdout == "3\n"


def test_what_keeps_it_from_starting_is_told_once(tmp_path: Path) -> None:
    done = beside("used", tmp_path, **{"spark.driver.extraJavaOptions": "-Xss1k"})
    assert "SparkgenError: Spark did not start" in done.stderr
    assert done.stderr.count("Could not create the Java Virtual Machine") == 1


@pytest.mark.parametrize(("what", "status"), [("refused", 2), ("stopped", 143)])
def test_spark_that_is_not_needed_any_more_leaves_nothing(
    tmp_path: Path, what: str, status: int
) -> None:
    done = beside(what, tmp_path)
    assert done.returncode == status
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_java_home_is_taken_where_it_is_set(tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.touch()
    assert find_java(JAVA_HOME=str(tmp_path), PATH="").stdout.strip() == str(java)


def test_where_there_is_no_java_that_of_pip_runs() -> None:
    java = find_java(PATH="").stdout.strip()
    assert Path(java).is_relative_to(sys.prefix)
    said = subprocess.run([java, "-version"], capture_output=True, text=True, check=True)
    assert 'version "17.' in said.stderr


def test_a_java_home_without_java_is_passed_over() -> None:
    assert find_java(JAVA_HOME="/nowhere", PATH="").stdout.strip().startswith(sys.prefix)
