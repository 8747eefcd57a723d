"""A SQLite file can serve as tracking server; its tables are made completely or not at all.

MLflow makes its tables in some fifty steps. Two processes that do so in one file at once, or one that
is stopped in between, leave a file that no process can use or mend.
"""

import os
import shutil
import sqlite3
import tempfile
import uuid
from pathlib import Path

SQLITE = "sqlite:///"
UNFINISHED = "_alembic_tmp_%"  # a table that a step of MLflow's copies, and drops at its end


def database_file(uri: str) -> Path | None:
    """The path of the file of a SQLite URI; None for any other server, and for a database in memory."""
    if not uri.startswith(SQLITE):
        return None
    from sqlalchemy.engine import make_url

    path = make_url(uri).database
    return Path(path) if path and path != ":memory:" else None


def make_database(file: Path) -> None:
    """Makes the database file if it does not exist; of several processes at once, one makes it.

    Raises:
        OSError: the folder cannot be written to.
    """
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    own = file.with_name(f"{file.name}.{uuid.uuid4().hex}.tmp")
    with tempfile.TemporaryDirectory(prefix="sparkgen-database-") as folder:
        made = Path(folder, "tables.db")
        _make_tables(f"{SQLITE}{made}")
        try:
            shutil.copyfile(made, own)
            os.link(own, file)  # fails where another process was first, whose database stays
        except FileExistsError:
            pass
        finally:
            own.unlink(missing_ok=True)


def _make_tables(uri: str) -> None:
    import mlflow

    mlflow.MlflowClient(tracking_uri=uri).search_experiments(max_results=1)


def damage(file: Path) -> str | None:
    """Says in a few words how a database file is damaged; None if no damage is seen."""
    try:
        connection = sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=0)
        try:
            query = "SELECT count(*) FROM sqlite_master WHERE name LIKE ?"
            ((count,),) = connection.execute(query, (UNFINISHED,)).fetchall()
        finally:
            connection.close()
    except sqlite3.DatabaseError as error:
        # Another process that writes to it just now is no damage.
        return None if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY else str(error)
    return "its tables are only half made" if count else None
