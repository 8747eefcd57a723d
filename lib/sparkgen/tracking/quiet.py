"""Keeps MLflow from logging what is of no use to a reader, and from changing the form of the log."""

import logging
import logging.config
import os
from typing import Any

MIGRATIONS = os.path.join("mlflow", "store", "db_migrations", "alembic.ini")
_set_up = logging.config.fileConfig


def quieten() -> None:
    """Has MLflow and what it uses log warnings and errors only."""
    import mlflow  # noqa: F401 - it sets the levels of its loggers when it is imported

    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It logs the traceback of every error that it raises as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    # It says every time that it tries again.
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    logging.config.fileConfig = _set_up_by_others  # type: ignore[assignment]


def _set_up_by_others(file: Any, *args: Any, **options: Any) -> None:
    """Sets up the log from a file, but not from the one of MLflow's migrations.

    MLflow 3.0 does that for the whole process each time that it opens a database of runs.
    """
    if not str(file).endswith(MIGRATIONS):
        _set_up(file, *args, **options)
