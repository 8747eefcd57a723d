"""Takes user names, passwords and keys out of URIs, before a text is shown or kept.

Whoever needs them keeps the URI itself: a client of a server, a storage.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "***"
# These three characters close one quoted text and open the next, so no URI goes on there.
_ON = r"(?!['\"][,:]['\"])"
_ANY = rf"(?:{_ON}\S)*"
_USER = rf"(?:{_ON}[^\s/?#:@\[\"<>|])*"
# A password with a slash in it is told from a port, which is digits before a path.
_PASSWORD = rf":(?:(?:{_ON}[^\s/?#])*@|(?!\d*[/?#])(?:{_ON}[^\s@])*@(?:[^\s/?#@]*@)*)"
_BEFORE_HOST = re.compile(
    # A database's password may have any letter, those that divide a URI among them.
    rf"((?:postgres|mysql|mariadb|mssql|oracle)[a-z0-9+_]*://){_ANY}@"
    # A bucket has no port, and secret keys of S3 have slashes.
    rf"|(s3[an]?://){_USER}:(?:{_ON}[^\s@])*@(?:[^\s/?#@]*@)*"
    # abfss://CONTAINER@ACCOUNT: what stands there is no user.
    rf"|((?:abfs|wasb)s?://){_USER}{_PASSWORD}"
    rf"|(?<!abfs)(?<!abfss)(?<!wasb)(?<!wasbs)(://)(?:{_USER}{_PASSWORD}|(?:{_ON}[^\s/?#\"<>|])*@)",
    re.IGNORECASE,
)
# A comma or an apostrophe is a part of a URI if a letter follows that begins no further URI.
_URI = re.compile(
    rf"[A-Za-z][A-Za-z0-9+.-]*://(?:{_ON}(?:[^\s\"'<>|,]|[',]+(?=\w)(?!\w[\w+.-]*://)))+"
)
_PARAMETER = re.compile(r"([?&;#])([^=&;?#]+)=[^&;#]+")
_CAPITAL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_ALWAYS = (
    "passw|passphrase|pass(?![a-z])|pwd|secret|credential|jwt"
    "|(?:access|account|api|private)[._-]?key|(?:auth|access|session|sas)[._-]?token"
)
_SETTING = re.compile(
    rf"(?i){_ALWAYS}|[.]sas(?![a-z])|[.]token(?![a-z])|^(?:hf_)?token$|(?-i:_TOKEN$)"
)
"""Names of settings whose texts nobody is shown; `token` anywhere would hide tokenizers."""
_IN_URI = re.compile(
    rf"(?i){_ALWAYS}|token(?![a-z])|signature|oauth|odbc_connect"
    "|(?<![a-z])(?:auth|authorization|key|sas|sig|user)(?![a-z])"
)


def hide(text: str) -> str:
    """A text whose URIs have no credentials: neither before the host, nor in parameters named so."""
    if "://" not in text:
        return text
    text = _BEFORE_HOST.sub(lambda found: f"{found[found.lastindex or 0]}{HIDDEN}@", text)
    return _URI.sub(lambda uri: _PARAMETER.sub(_parameter, uri.group()), text)


def _parameter(found: re.Match[str]) -> str:
    mark, name = found.groups()
    secret = _IN_URI.search(_CAPITAL.sub("_", name))
    return f"{mark}{name}={HIDDEN}" if secret else found.group()


def before_host(uri: str) -> str:
    """The user name and the password that stand in a URI; empty: there are none."""
    found = _BEFORE_HOST.search(uri)
    return "" if found is None else found[0].removeprefix(found[found.lastindex or 0])[:-1]


def hide_in(values: Any) -> Any:
    """Plain values, nested in any way, whose texts are those that `hide` gives.

    A text is hidden as a whole if its key in a mapping is that of a secret, as Spark's properties have.
    """
    if isinstance(values, str):
        return hide(values)
    if isinstance(values, Mapping):
        return {hide_in(key): _under(key, value) for key, value in values.items()}
    if isinstance(values, list | tuple):
        plain = list if isinstance(values, list) else tuple
        return plain(map(hide_in, values))
    return values


def _under(key: Any, value: Any) -> Any:
    secret = isinstance(key, str) and isinstance(value, str) and value and _SETTING.search(key)
    return HIDDEN if secret else hide_in(value)


class Formatter(logging.Formatter):
    """Formats lines of a log, tracebacks among them, without credentials."""

    def format(self, record: logging.LogRecord) -> str:
        return hide(super().format(record))


def log_to_stderr() -> None:
    """Sends logs to standard error, with the time before each line, without credentials."""
    handler = logging.StreamHandler()
    handler.setFormatter(Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    logging.basicConfig(handlers=[handler])
