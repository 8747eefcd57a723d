"""The log stays as the process has set it up."""

import logging
import logging.config
from pathlib import Path

import mlflow.store.db_migrations
import pytest

from sparkgen.tracking.quiet import quieten

INI = """\
[loggers]
keys=root
[handlers]
keys=console
[formatters]
keys=plain
[logger_root]
level=CRITICAL
handlers=console
[handler_console]
class=StreamHandler
args=(sys.stderr,)
formatter=plain
[formatter_plain]
format=%(message)s
"""


@pytest.fixture
def root():
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield root
    root.handlers[:], root.level = handlers, level


def test_mlflows_migrations_do_not_set_up_the_log_of_the_process(root: logging.Logger) -> None:
    quieten()
    before = list(root.handlers), root.level
    folder = Path(mlflow.store.db_migrations.__file__).parent
    logging.config.fileConfig(folder / "alembic.ini", disable_existing_loggers=False)
    assert (list(root.handlers), root.level) == before


def test_others_may_set_up_the_log_from_a_file(root: logging.Logger, tmp_path: Path) -> None:
    quieten()
    (tmp_path / "alembic.ini").write_text(INI)
    logging.config.fileConfig(tmp_path / "alembic.ini", disable_existing_loggers=False)
    assert root.level == logging.CRITICAL
