"""Waits until Spark has a task slot for each worker, because executors may come late.

A barrier stage starts all of its tasks at once. Without enough slots Spark tries for some minutes and
then fails, and with dynamic allocation it refuses a barrier stage at once.
"""

import logging
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from sparkgen.errors import RequestError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

LOOK_SECONDS = 0.5
LINE_SECONDS = 30.0
DYNAMIC = "spark.dynamicAllocation.enabled"
LIMITS = (
    "spark.executor.instances",
    "spark.executor.cores",
    "spark.cores.max",
    "spark.task.cpus",
    "spark.task.resource.gpu.amount",
)
"""The properties that limit the number of slots."""

log = logging.getLogger(__name__)


def await_slots(spark: "SparkSession", workers: int, *, seconds: float) -> None:
    """Waits until the cluster has as many task slots as there are workers.

    Args:
        spark: the session.
        workers: how many there are.
        seconds: how long to wait at most; a master of this machine is not waited for.

    Raises:
        RequestError: there are fewer slots, or executors come and go by dynamic allocation.
    """
    context = spark.sparkContext
    scala, conf = context._jsc.sc(), dict(context.getConf().getAll())
    refuse_dynamic_allocation(conf, local=scala.isLocal())
    patience = 0.0 if scala.isLocal() else seconds
    begun, told, told_at = time.monotonic(), "", 0.0
    while (slots := _slots(scala)) < workers:
        there, waited = _there(scala, slots), time.monotonic() - begun
        if waited >= patience:
            raise _too_few(workers, there, conf, patience)
        if there != told or waited - told_at >= LINE_SECONDS:
            told, told_at = there, waited
            line = "waiting for %d task slots of Spark, for %.0f s more at most: found %s"
            log.info(line, workers, patience - waited, there)
        time.sleep(LOOK_SECONDS)


def refuse_dynamic_allocation(conf: Mapping[str, str], *, local: bool) -> None:
    """Refuses dynamic allocation, with which Spark starts no barrier stage (SPARK-24954).

    Args:
        conf: the properties of Spark.
        local: whether the master is this machine, where Spark ignores the property.

    Raises:
        RequestError: it names the property.
    """
    if not local and conf.get(DYNAMIC, "").lower() == "true":
        raise RequestError(
            f"{DYNAMIC} false for environment.launcher spark, as Spark starts no barrier stage with "
            "dynamic allocation",
            found="true",
            mend=f"set {DYNAMIC}=false, and spark.executor.instances to the executors that are needed",
        )


def _slots(scala: Any) -> int:
    return int(scala.maxNumConcurrentTasks(scala.resourceProfileManager().defaultResourceProfile()))


def _there(scala: Any, slots: int) -> str:
    executors = len(scala.statusTracker().getExecutorInfos()) - 1  # the driver is among them
    return f"{slots} slots" + ("" if scala.isLocal() else f" on {executors} executors")


def _too_few(workers: int, there: str, conf: dict[str, str], waited: float) -> RequestError:
    limits = [f"{key} {conf[key]}" for key in LIMITS if key in conf]
    after = f" after {waited:.0f} s (environment.slots_seconds)" if waited else ""
    return RequestError(
        f"a Spark cluster with a task slot for each of the {workers} workers",
        found=f"{there}{after}, master {conf['spark.master']}{''.join(f', {x}' for x in limits)}",
        mend="set environment.workers to as many, or give Spark more cores",
    )
