"""Takes what lets the driver into remote storage to the executors: variables of its environment.

They travel with each task, not as properties of Spark, which its pages and event logs show.
"""

import os
from collections.abc import Callable, Mapping
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

GROUPS = (
    ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
    ("AWS_REGION", "AWS_DEFAULT_REGION"),
    ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"),
    (
        "AZURE_STORAGE_CONNECTION_STRING",
        "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_ACCOUNT_KEY",
        "AZURE_STORAGE_SAS_TOKEN",
        "AZURE_STORAGE_TENANT_ID",
        "AZURE_STORAGE_CLIENT_ID",
        "AZURE_STORAGE_CLIENT_SECRET",
    ),
)
"""Names of variables that say something only together."""

Access = dict[str, str]

_taken: Access = {}  # by this process, as the executors of a Spark session are used again


def own_access() -> Access:
    """The variables of this process that say how remote storage is reached, and as whom."""
    return {name: os.environ[name] for group in GROUPS for name in group if name in os.environ}


def with_access(function: Callable[P, T]) -> Callable[P, T]:
    """A function for the executors, which there takes what lets this process in before it begins."""
    access = own_access()

    def run(*arguments: P.args, **named: P.kwargs) -> T:
        take_access(access)
        return function(*arguments, **named)

    return run


def take_access(given: Mapping[str, str]) -> None:
    """Sets the variables that a driver gives, but for groups of which this machine has its own."""
    for group in GROUPS:
        if any(os.environ.get(name) != _taken.get(name) for name in group):
            continue
        for name in group:
            for variables in (os.environ, _taken):
                variables.pop(name, None)
                if name in given:
                    variables[name] = given[name]
