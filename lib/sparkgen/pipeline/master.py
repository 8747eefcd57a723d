"""Checks whether Spark can start, by its master and its memory settings."""

import os
import re
import socket
from pathlib import Path

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.errors import RequestError

MASTERS = re.compile(
    r"local|local\[(\*|[1-9]\d*)(,\s*[1-9]\d*)?\]|local-cluster\[.+\]|spark://.+|mesos://.+"
    r"|k8s://.+|yarn"
)
ANSWER_SECONDS = 5  # of a master; Spark itself asks for a minute and more
STANDALONE_PORT = 7077
DRIVER_MEMORY = "spark.driver.memory"
MEMORY_KEYS = (DRIVER_MEMORY, "spark.executor.memory")
LEAST_MEMORY = 450 * 2**20  # Spark refuses less: one and a half times what it reserves
JVM_SIZE = re.compile(r"\d+[kmgt]")  # the driver's goes to the JVM as it is
UNITS = {"": 20, "b": 0, "k": 10, "m": 20, "g": 30, "t": 40, "p": 50}  # Spark counts in MiB
CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def check_master(environment: EnvironmentConfig) -> None:
    """Refuses a master that Spark cannot read, and a standalone one that does not answer.

    Raises:
        RequestError: it says what is wrong with `environment.spark_master`.
    """
    master = environment.spark_master
    if master is None:
        return
    if not MASTERS.fullmatch(master):
        raise RequestError(
            "environment.spark_master local[*], local[N], spark://HOST:PORT, yarn or k8s://URL",
            found=master,
            mend="correct it",
        )
    if master.startswith("spark://"):
        hosts = master.removeprefix("spark://").split(",")
        failures = [failure for host in hosts if (failure := _silence(host))]
        if len(failures) == len(hosts):
            raise RequestError(
                f"a Spark master that answers at {master}",
                found="; ".join(failures),
                mend="start it, or correct environment.spark_master",
            )


def check_memory(environment: EnvironmentConfig) -> None:
    """Refuses a memory setting that is unreadable, too small, or more than this machine has.

    Raises:
        RequestError: it names the property of `environment.spark`.
    """
    for key in MEMORY_KEYS:
        text = environment.spark.get(key)
        if text is None:
            continue
        size, driver = memory_bytes(text), key == DRIVER_MEMORY
        readable = JVM_SIZE.fullmatch(text.lower()) or not driver
        if size is None or not readable or size < LEAST_MEMORY:
            raise RequestError(
                f"environment.spark.{key} of {LEAST_MEMORY >> 20}m or more, such as 3g",
                found=text,
                mend="correct it",
            )
        if driver and size > machine_bytes():
            raise RequestError(
                f"environment.spark.{key} of at most the {machine_bytes() / 2**30:.1f} GiB here",
                found=text,
                mend="set it lower",
            )


def memory_bytes(text: str) -> int | None:
    """The number of bytes of a size such as 3g or 512m; None for text that is no size."""
    found = re.fullmatch(r"(\d+)([bkmgtp]?)b?", text.strip().lower())
    return int(found[1]) << UNITS[found[2]] if found else None


def machine_bytes() -> int:
    """The memory of this machine, or of its container if that has a lower limit, in bytes."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        limit = CGROUP_LIMIT.read_text().strip()
    except OSError:
        return physical
    return min(physical, int(limit)) if limit.isdigit() else physical


def _silence(host: str) -> str | None:
    """The reason why a host does not answer; None where it answers."""
    name, _, port = host.partition(":")
    if port and not port.isdigit():
        return f"{host} has no port"
    try:
        socket.create_connection((name, int(port or STANDALONE_PORT)), ANSWER_SECONDS).close()
    except (OSError, OverflowError, UnicodeError) as error:
        return f"{host}: {getattr(error, 'strerror', None) or error}"
    return None
