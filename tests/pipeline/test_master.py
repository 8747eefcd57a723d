import socket

import pytest

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError
from sparkgen.pipeline.master import check_master, check_memory, machine_bytes, memory_bytes


@pytest.mark.parametrize("master", ["local", "local[*]", "local[4]", "local[4,2]", "yarn", None])
def test_masters_of_spark_are_taken(master: str | None) -> None:
    check_master(EnvironmentConfig(spark_master=master))


@pytest.mark.parametrize("master", ["locall", "local[0]", "local[x]", "http://h:1", "spark://"])
def test_a_master_that_spark_cannot_read_is_refused(master: str) -> None:
    with pytest.raises(RequestError, match=r"environment\.spark_master"):
        check_master(EnvironmentConfig(spark_master=master))


def test_one_master_of_several_has_to_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        master = f"spark://nowhere.invalid:7077,127.0.0.1:{port}"
        check_master(EnvironmentConfig(spark_master=master))
    with pytest.raises(RequestError, match="a Spark master that answers at spark://"):
        check_master(EnvironmentConfig(spark_master=master))


def test_sizes_are_read_as_spark_writes_them() -> None:
    assert [memory_bytes(t) for t in ("3g", "512m", "1G", "2gb", "700")] == [
        3 << 30,
        512 << 20,
        1 << 30,
        2 << 30,
        700 << 20,
    ]
    assert [memory_bytes(t) for t in ("3gg", "", "-1g", "1.5g", "3 g")] == [None] * 5


@pytest.mark.parametrize("key", ["spark.driver.memory", "spark.executor.memory"])
@pytest.mark.parametrize("size", ["3gg", "100m", "0g"])
def test_memory_that_no_jvm_takes_is_refused(key: str, size: str) -> None:
    with pytest.raises(RequestError, match=key):
        check_memory(EnvironmentConfig(spark={key: size}))


@pytest.mark.parametrize("size", ["2gb", "2000"])
def test_a_size_that_spark_reads_and_the_jvm_does_not_is_one_of_executors_only(size: str) -> None:
    check_memory(EnvironmentConfig(spark={"spark.executor.memory": size}))
    with pytest.raises(RequestError, match=r"spark\.driver\.memory"):
        check_memory(EnvironmentConfig(spark={"spark.driver.memory": size}))


def test_a_driver_larger_than_the_machine_is_refused() -> None:
    most = machine_bytes() >> 20
    check_memory(EnvironmentConfig(spark={"spark.driver.memory": f"{most}m"}))
    check_memory(EnvironmentConfig(spark={"spark.executor.memory": f"{most + 1}m"}))
    with pytest.raises(RequestError, match=r"of at most the .* GiB here"):
        check_memory(EnvironmentConfig(spark={"spark.driver.memory": f"{most + 1}m"}))
