"""Asks a web server for a file, from some byte on, and gives the answer as chunks of bytes.

Proxies, certificates and passwords are taken from where `requests` looks for them: the variables
`HTTPS_PROXY`, `NO_PROXY`, `REQUESTS_CA_BUNDLE`, the file `.netrc`, the URL itself.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

from sparkgen.config.download import shown

CHUNK_BYTES = 1 << 14
REDIRECTS = 10
SAID_CHARACTERS = 300
NUMBER = r"[0-9]{1,18}"
NOT_NOW = (408, 425, 429, 500, 502, 503, 504)


class Patience(NamedTuple):
    """How long a server is waited for, and how often it is asked again."""

    connect_seconds: float = 20.0
    silent_seconds: float = 30.0
    """Between two bytes. A slow server is not silent."""
    tries: int = 5
    """In a row that bring no further byte."""
    pause_seconds: float = 1.0
    """Before the second try; twice as long before each further one."""


class NotFetched(Exception):
    """A server does not give a file; the message says what it did instead, in one line."""

    def __init__(self, said: str) -> None:
        super().__init__(one_line(said))


class Broken(NotFetched):
    """As `NotFetched`, but it may be better when it is asked again."""


class Unreachable(Broken):
    """As `Broken`: there was no connection at all."""


class Answer(NamedTuple):
    """What a server gives: a file from byte `begins` on."""

    begins: int | None
    """None: the file has no byte where it was asked to begin."""
    total: int | None
    """The bytes of the whole file as the server says, who may lie."""
    validator: str | None
    """What the server can tell a changed file by; None: nothing that holds for single bytes."""
    encoding: str
    """How the bytes are coded, against what was asked for, such as `gzip`; empty: they are not."""
    chunks: Iterator[bytes]


@contextmanager
def ask(url: str, *, offset: int, validator: str | None, patience: Patience) -> Iterator[Answer]:
    """Asks for a file.

    Args:
        url: where it is; redirects are followed, but never from https to http.
        offset: the first byte that is wanted. The server may begin at 0 all the same.
        validator: of the bytes that are there already: a server whose file is another one by now
            begins at 0. None: the server cannot be told.
        patience: how long to wait.

    Raises:
        NotFetched: there is no such file.
        Broken: the server cannot be reached, does not answer now, or breaks off; the chunks raise it
            too.
    """
    import requests

    headers = {"Accept-Encoding": "identity", "User-Agent": "sparkgen"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
        if validator:
            headers["If-Range"] = validator
    with requests.Session() as session:
        response = _follow(session, url, headers, patience)
        with response:
            yield _answer(response, patience)


def one_line(text: str) -> str:
    """What a server says, as it may be printed."""
    plain = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(plain.split())[:SAID_CHARACTERS]


def _follow(session: Any, url: str, headers: dict[str, str], patience: Patience) -> Any:
    """The response at the end of all redirects."""
    for _ in range(REDIRECTS + 1):
        response = _get(session, url, headers, patience)
        try:
            location = session.get_redirect_target(response)
            if location is None:
                return response
            url = redirected(url, location)
        except ValueError:  # what it says is no URL
            raise NotFetched("it redirects to nowhere") from None
        response.close()
    raise NotFetched(f"it redirects more than {REDIRECTS} times")


def redirected(url: str, location: str) -> str:
    """The URL that a redirect leads to.

    Raises:
        NotFetched: it leads to no web server, or to one whose connection is not secured any more.
        ValueError: it is no URL.
    """
    there = urljoin(url, location)
    before, after = urlsplit(url).scheme, urlsplit(there).scheme
    if after not in ("http", "https") or (before, after) == ("https", "http"):
        raise NotFetched(f"it redirects from {before} to {shown(there)}")
    return there


def _get(session: Any, url: str, headers: dict[str, str], patience: Patience) -> Any:
    import requests
    import urllib3

    timeout = (patience.connect_seconds, patience.silent_seconds)
    try:
        return session.get(
            url, headers=headers, timeout=timeout, stream=True, allow_redirects=False
        )
    except requests.ConnectTimeout:
        raise Unreachable(f"no answer in {patience.connect_seconds:g} seconds") from None
    except requests.Timeout:
        raise _silent(patience) from None
    except ValueError:  # its message may have the URL, with a password
        raise NotFetched("it or the proxy has a URL that is none") from None
    except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
        raise _broken(error) from None


def _answer(response: Any, patience: Patience) -> Answer:
    status, headers = response.status_code, response.headers
    if status in NOT_NOW:
        raise Broken(f"it answers {status} {response.reason}")
    if status not in (200, 206, 416):
        raise NotFetched(f"it answers {status} {response.reason}")
    begins, total = _extent(status, headers)
    encoding = one_line(headers.get("Content-Encoding", "").replace("identity", ""))
    chunks = _chunks(response.raw, patience)
    return Answer(begins, total, _validator(headers), encoding, chunks)


def _extent(status: int, headers: Any) -> tuple[int | None, int | None]:
    """Where an answer begins, and the bytes of the whole file, as far as they are said."""
    if status == 200:
        length = headers.get("Content-Length", "").strip()
        return 0, int(length) if re.fullmatch(NUMBER, length) else None
    form = rf"bytes (?:({NUMBER})-{NUMBER}|\*)/({NUMBER}|\*)"
    found = re.fullmatch(form, headers.get("Content-Range", "").strip())
    if status == 416:
        return None, int(found[2]) if found and found[2] != "*" else None
    if not found or not found[1]:
        raise NotFetched("it gives a part of the file and does not say which")
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _validator(headers: Any) -> str | None:
    """The strong ETag, the only validator that answers for single bytes at any time."""
    tag = str(headers.get("ETag", ""))
    return tag if tag.startswith('"') else None


def _chunks(raw: Any, patience: Patience) -> Iterator[bytes]:
    """The bytes as they were sent, not decoded."""
    import urllib3

    while True:
        try:
            chunk = raw.read(CHUNK_BYTES, decode_content=False)
        except (urllib3.exceptions.TimeoutError, TimeoutError):
            raise _silent(patience) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise Broken(f"it breaks off: {_said(error)}") from None
        if not chunk:
            return
        yield chunk


def _silent(patience: Patience) -> Broken:
    return Broken(f"it was silent for {patience.silent_seconds:g} seconds")


def _broken(error: Exception) -> Broken:
    """The error for a request without an answer."""
    import urllib3

    reason = error.args[0] if error.args else error
    reason = getattr(reason, "reason", None) or reason
    if isinstance(reason, urllib3.exceptions.ProtocolError):  # it did answer the call
        return Broken(_said(reason))
    return Unreachable(_said(reason))


def _said(error: object) -> str:
    """What an error of urllib3 says, without its objects and without the URL."""
    text = str(error)
    if (
        isinstance(error, Exception)
        and len(error.args) > 1
        and isinstance(error.args[1], Exception)
    ):
        text = str(error.args[1])
    return re.sub(r"^.*?(?:object at \w+>|\)): ", "", text)
