"""The tracking server's URI is found here, and a first request checks that the server answers."""

import importlib
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.credentials import HIDDEN, before_host, hide
from sparkgen.datasets.disks import on_disk
from sparkgen.datasets.remote import KINDS, check_scheme
from sparkgen.datasets.storage import absolute, as_uri, is_remote
from sparkgen.errors import RequestError
from sparkgen.tracking.database import SQLITE, damage, database_file, make_database
from sparkgen.tracking.quiet import quieten

DATABASE_PORTS = {"postgresql": 5432, "mysql": 3306, "mssql": 1433}
# The module that MLflow needs for artifacts, and the extra that has it, by the scheme of their place.
NEEDED = {
    "s3": ("boto3", "s3"),
    "gs": ("google.cloud.storage", "gcs"),
    "abfss": ("azure.storage.filedatalake", "azure"),
}
REFUSED = ("UNAUTHENTICATED", "PERMISSION_DENIED")  # MLflow's words for 401 and 403
UNREACHABLE = ("TEMPORARILY_UNAVAILABLE", "DEADLINE_EXCEEDED", "ENDPOINT_NOT_FOUND", *REFUSED)
UNREACHABLE_STATUS = (401, 403, 502, 503, 504)
LET_IN = (
    "set MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or MLFLOW_TRACKING_TOKEN, "
    "in the environment of this process and of the workers"
)
# MLflow alone would try a dead server for minutes.
IMPATIENCE = {"MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1", "MLFLOW_HTTP_REQUEST_TIMEOUT": "5"}


def tracking_uri(environment: EnvironmentConfig) -> str:
    """The URI of the tracking server, the same from every working directory.

    Raises:
        RequestError: a database file on a root that is no disk of this machine.
    """
    return _server_uri(environment, environment.tracking_uri)


def _server_uri(environment: EnvironmentConfig, uri: str) -> str:
    if not uri.startswith(SQLITE):
        return environment.path(uri)
    # A question mark in the root is a letter of its name, one after the file begins a query.
    file, question, query = uri.removeprefix(SQLITE).partition("?")
    path = absolute(environment.path(file))
    if is_remote(path):
        check_scheme(path)
    if is_remote(path) or not on_disk(path):
        raise RequestError(
            f"a tracking server for {environment.root}, where no database file can be",
            found=uri,
            mend="set environment.tracking_uri, e.g. to http://HOST:5000",
        )
    return sqlite_uri(path) + question + query


def sqlite_uri(path: str) -> str:
    """The URI of a database file, quoted in the way that SQLAlchemy reads it."""
    if quote(path) == path:
        return SQLITE + path
    from sqlalchemy.engine import URL, make_url

    uri = URL.create("sqlite", database=path).render_as_string(hide_password=False)
    if make_url(uri).database != path:
        raise RequestError(
            "a root of letters that SQLAlchemy reads in the URI of a database",
            found=path,
            mend="choose another root, or set environment.tracking_uri",
        )
    return uri


def connect(environment: EnvironmentConfig) -> Any:
    """A client of the tracking server, which from then on is also the server that `mlflow` itself uses.

    Returns:
        `mlflow.MlflowClient`.

    Raises:
        RequestError: the server or its registry does not answer within seconds, or its database is
            damaged.
    """
    registry = environment.registry_uri
    return connect_uri(tracking_uri(environment), registry and _server_uri(environment, registry))


def connect_uri(uri: str, registry_uri: str | None = None) -> Any:
    """A client of the tracking server at an absolute URI; see `connect`."""
    quieten()
    with _answering(uri, "tracking server", key="environment.tracking_uri"):
        client = _client(uri, registry_uri)
        client.search_experiments(max_results=1)
    if registry_uri is not None:
        with _answering(registry_uri, "registry of models", key="environment.registry_uri"):
            client.search_registered_models(max_results=1)
    return client


@contextmanager
def _answering(uri: str, server: str, *, key: str) -> Iterator[None]:
    """Around the first request to a server: within seconds it answers or is refused."""
    from alembic.util import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        _prepare(uri)
        with impatience():
            yield
        _remove_misread(uri)
    except CommandError as error:  # MLflow's migrations do not know the form of the tables
        raise RequestError(
            f"a database of the release of MLflow that is installed here, or an older one, at {uri}",
            found=_without_user(short(error), uri),
            mend=f"install the release that made it, or set {key}",
        ) from error
    except (ImportError, MlflowException, SQLAlchemyError, OSError, ValueError) as error:
        _refuse_damaged(uri, key)
        refused = getattr(error, "error_code", None) in REFUSED
        raise RequestError(
            f"a {server} that {'lets us in' if refused else 'answers'} at {uri}",
            found=_without_user(short(error), uri) or type(error).__name__,
            mend=LET_IN if refused else f"start it, or set {key}",
        ) from error


def failed(error: BaseException) -> bool:
    """Whether an error says that a tracking server, or its store of files, cannot be reached."""
    from mlflow.exceptions import MlflowException
    from requests import exceptions

    if isinstance(error, MlflowException):
        # MLflow calls whatever its own request raises an internal error.
        cause = error.__cause__ or error.__context__
        internal = error.error_code == "INTERNAL_ERROR"
        return error.error_code in UNREACHABLE or (internal and cause is not None and failed(cause))
    if isinstance(error, exceptions.HTTPError):
        return error.response is not None and error.response.status_code in UNREACHABLE_STATUS
    broken = (exceptions.ConnectionError, exceptions.Timeout, exceptions.RetryError)
    return isinstance(error, (*broken, exceptions.ChunkedEncodingError))


def _client(uri: str, registry_uri: str | None) -> Any:
    import mlflow

    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(registry_uri or uri)
    return mlflow.MlflowClient(tracking_uri=uri, registry_uri=registry_uri)


def _prepare(uri: str) -> None:
    if (file := database_file(uri)) is not None:
        make_database(file)
    scheme = re.split("[+:]", uri, maxsplit=1)[0]
    if scheme in DATABASE_PORTS:
        from sqlalchemy.engine import make_url

        # SQLAlchemy has no common time limit; a closed port shows at once.
        url = make_url(uri)
        address = url.host or "localhost", url.port or DATABASE_PORTS[scheme]
        socket.create_connection(address, timeout=5).close()


def _refuse_damaged(uri: str, key: str) -> None:
    file = database_file(uri)
    if file is not None and file.is_file() and (found := damage(file)) is not None:
        raise RequestError(
            f"a whole database of runs in {file}",
            found=found,
            mend=f"move it away, as by mv {file} {file}.damaged, and the next run makes a new one; "
            f"or set {key}",
        )


def _remove_misread(uri: str) -> None:
    """Removes the empty folder that MLflow makes where a database's quoted path would lead."""
    file = database_file(uri)
    if file is None:
        return
    misread = os.path.dirname(uri.removeprefix(SQLITE))
    if misread != str(file.parent):
        with suppress(OSError):
            os.removedirs(misread)


@contextmanager
def impatience() -> Iterator[None]:
    """Has MLflow give a server up within seconds."""
    before = {name: os.environ.get(name) for name in IMPATIENCE}
    os.environ.update(IMPATIENCE)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def short(error: BaseException) -> str:
    """What an error says, in one line of 200 characters at most."""
    return " ".join(str(error).split())[:200]


def _without_user(text: str, uri: str) -> str:
    """What a client said of a server, without the user name and the password in the server's URI."""
    for word in filter(None, re.split("[:/?#@]", before_host(uri))):
        for written in {word, unquote(word)}:
            text = re.sub(rf"(?<!\w){re.escape(written)}(?!\w)", HIDDEN, text)
    return text


def artifact_location(environment: EnvironmentConfig) -> str | None:
    """The URI where a new MLflow experiment keeps its artifacts; None: the server decides.

    Raises:
        RequestError: it has credentials, which MLflow would show in its pages.
    """
    if environment.artifacts is None:
        return None
    location = as_uri(absolute(environment.path(environment.artifacts)))
    if (shown := hide(location)) != location:
        raise RequestError(
            "environment.artifacts without user, password and key, since MLflow shows it to everyone",
            found=shown,
            mend="give them in the variables of the storage's client, such as AWS_ACCESS_KEY_ID",
        )
    scheme, mark, rest = location.partition("://")
    return f"{KINDS.get(scheme, scheme)}{mark}{rest}"  # MLflow knows one name for each kind


def check_artifacts(environment: EnvironmentConfig) -> None:
    """Refuses a place for artifacts that MLflow cannot use; to be called after `connect`.

    Raises:
        RequestError: MLflow does not know its scheme, or lacks a package for it.
    """
    from mlflow.exceptions import MlflowException
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    if (location := artifact_location(environment)) is None:
        return
    check_location(location)
    try:
        get_artifact_repository(location)
    except (ImportError, MlflowException, OSError) as error:
        raise RequestError(
            "a place that MLflow can write to as environment.artifacts",
            found=f"{location}: {' '.join(str(error).split())[:200]}",
            mend="correct it, or install what MLflow needs for it",
        ) from error


def check_location(location: str) -> None:
    """Refuses a place for artifacts where MLflow would fail in the midst of a training.

    Raises:
        RequestError: object storage that is mounted as a folder, or a package that MLflow lacks.
    """
    if urlsplit(location).scheme in ("", "file") and not on_disk(absolute(location)):
        raise RequestError(
            "a URI, or a folder of a disk, for artifacts: MLflow renames what it writes there",
            found=f"{location}, where object storage is mounted",
            mend="set environment.artifacts for a new environment.experiment, or to null where the "
            "tracking server has a place",
        )
    module, extra = NEEDED.get(location.partition(":")[0], ("", ""))
    try:
        if module:
            importlib.import_module(module)
    except ImportError as error:
        raise RequestError(
            f"the package with which MLflow writes to {location}",
            found=str(error),
            mend=f"pip install 'sparkgen[{extra}]'",
        ) from None
