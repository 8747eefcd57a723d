"""Checks whether the folders that a request names can be written to."""

import os
import tempfile
from collections.abc import Collection
from pathlib import Path

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.datasets.storage import absolute, check_answers, is_remote
from sparkgen.errors import RequestError

TRIAL_BYTES = 2**20
ARTIFACTS = "artifacts"  # remote ones are reached through MLflow, which knows other schemes
KEYS = ("root", "datasets", "checkpoints", "samples", ARTIFACTS)


def check_places(environment: EnvironmentConfig, written: Collection[str] = KEYS) -> None:
    """Refuses a folder that cannot be written to, and a storage that does not answer.

    Args:
        environment: names the places.
        written: the keys of those that are written to; the others may be for reading only.

    Raises:
        RequestError: it names the key.
    """
    tried: dict[str, bool] = {}  # whether it was for writing, by the place
    for key in KEYS:
        value = getattr(environment, key)
        if value is None or (key == ARTIFACTS and is_remote(environment.path(value))):
            continue
        uri = absolute(environment.path(value))
        place = uri if is_remote(uri) else str(first_existing(uri))
        writes = key in written
        known = any(
            place == one or (is_remote(one) and place.startswith(f"{one}/"))
            for one, for_writing in tried.items()
            if for_writing or not writes
        )
        if known or not (is_remote(uri) or writes):
            continue
        tried[place] = writes
        if is_remote(uri):
            _refuse_query(uri, key)
            check_answers(uri, writes=writes)
        elif problem := unwritable(place):
            raise RequestError(
                f"a folder that can be written as environment.{key}",
                found=f"{uri}: {problem}",
                mend="choose another, e.g. with --root",
            )


def _refuse_query(uri: str, key: str) -> None:
    """Refuses a place with a query, into which the names below the place would go."""
    if "?" in uri:
        raise RequestError(
            f"a URI without a query as environment.{key}",
            found=uri,
            mend="name the endpoint and the region in AWS_ENDPOINT_URL and AWS_REGION",
        )


def unwritable(folder: str) -> str | None:
    """The reason why an existing folder cannot be written to; None where it can."""
    try:
        handle, name = tempfile.mkstemp(prefix=".sparkgen-", dir=folder)
        try:
            with open(handle, "wb") as file:
                file.write(bytes(TRIAL_BYTES))
                file.flush()
                os.fsync(handle)
        finally:
            os.remove(name)
    except OSError as error:
        return error.strerror
    return None


def first_existing(path: str) -> Path:
    """The path itself, or the nearest folder above it that exists."""
    folder = Path(path)
    while not os.path.lexists(folder):
        folder = folder.parent
    return folder
