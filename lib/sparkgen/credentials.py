"""Takes user names, passwords and keys out of URIs, before a text is shown or kept.

Whoever needs them keeps the URI itself: a client of a server, a storage.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^\s\"'<>|,]+")
# A database's password may have any letter, those that divide a URI among them.
_DATABASE = re.compile(r"\b((?:postgres|mysql|mariadb|mssql|oracle)[a-z0-9+_]*://)[^\s\"'<>]*@")
_USER = re.compile(r"(://)[^/?#]*@")
_USER_AND_PASSWORD = re.compile(r"(://)[^/?#@]*:[^/?#]*@")
_NAMES = "passw|pwd|secret|token|sig|credential|key|user"
_KEY = re.compile(rf"(?i)([?&;][^=&;?]*(?:{_NAMES})[^=&;?]*=)[^&;#]+")
# abfss://CONTAINER@ACCOUNT: what stands there is no user.
_CONTAINERS = ("abfs://", "abfss://", "wasb://", "wasbs://")


def hide(text: str) -> str:
    """A text whose URIs have no credentials: neither before the host, nor in parameters named so."""
    if "://" not in text:
        return text
    return _URI.sub(_hidden, _DATABASE.sub(rf"\1{HIDDEN}@", text))


def _hidden(found: re.Match[str]) -> str:
    uri = found.group()
    user = _USER_AND_PASSWORD if uri.lower().startswith(_CONTAINERS) else _USER
    return _KEY.sub(rf"\1{HIDDEN}", user.sub(rf"\1{HIDDEN}@", uri, count=1))


def hide_in(values: Any) -> Any:
    """Plain values, nested in any way, whose texts are those that `hide` gives."""
    if isinstance(values, str):
        return hide(values)
    if isinstance(values, Mapping):
        return {hide_in(key): hide_in(value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        return type(values)(map(hide_in, values))
    return values


class Formatter(logging.Formatter):
    """Formats lines of a log, tracebacks among them, without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record))


def log_to_stderr() -> None:
    """Sends logs to standard error, with the time before each line, without credentials."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
