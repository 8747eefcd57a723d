"""Logs the load of a machine to a run: processors, memory, disk, network, and GPUs if there are some."""

from collections.abc import Iterator
from contextlib import contextmanager

from sparkgen.tracking.run_logger import RunLogger


@contextmanager
def machine_logged(run: RunLogger) -> Iterator[None]:
    """Logs metrics `system/...` of this machine to a run, every ten seconds, in the `with` block.

    Args:
        run: made by this process, so that MLflow's server is known here.
    """
    from mlflow.system_metrics.system_metrics_monitor import SystemMetricsMonitor

    monitor = SystemMetricsMonitor(run.run_id, resume_logging=True)
    monitor.start()
    try:
        yield
    finally:
        monitor.finish()
