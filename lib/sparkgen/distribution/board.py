"""The board is a small HTTP server on the driver, where driver and workers leave short messages.

It holds `stop` (write a checkpoint and end) or `kill` (a worker is lost, so the others cannot go on),
the workers' heartbeats, what rank 0 says in an executor, and the addresses under which workers reach each
other. It lives as long as one launch, and answers only requests that bear its token.
"""

import http.client
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from sparkgen.distribution.board_server import TOKEN_HEADER, serving
from sparkgen.distribution.heartbeat import Beat, decode

Notice = Literal["stop", "kill"]
TOKEN_BYTES = 32
TIMEOUT_SECONDS = 10.0
TRIES = 3


class Board(NamedTuple):
    """The address of the board and its token, by which driver and workers exchange short messages.

    It is sent to the workers' machines.
    """

    address: str
    port: int
    token: str

    def __repr__(self) -> str:
        """Without the token, which no log is to hold."""
        return f"Board({self.address}:{self.port})"

    def read(self) -> Notice | None:
        """The message to all workers, `stop` or `kill`; None if there is no message yet.

        Raises:
            OSError: the driver cannot be reached.
        """
        found = self._get("notice")
        return None if found is None else "kill" if found == b"kill" else "stop"

    def post(self, notice: Notice) -> None:
        """Writes the message to all workers; once it is `kill`, it is never replaced."""
        self._put("notice", notice.encode(), method="PUT" if notice == "kill" else "POST")

    def claim(self, name: str) -> bool:
        """Claims a name on this server; True if nobody had claimed it before."""
        # A value of its own, so that a claim that is sent again knows itself.
        return self._put(name, secrets.token_bytes(), method="POST")

    def report(self, rank: int, beat: Beat) -> None:
        """Writes a worker's newest heartbeat to the server."""
        self._put(f"beat-{rank}", beat.encode())

    def beats(self, size: int) -> dict[int, Beat]:
        """The newest heartbeats of the workers that have begun, by rank."""
        found = {rank: self._get(f"beat-{rank}") for rank in range(size)}
        return {rank: decode(data) for rank, data in found.items() if data is not None}

    def say(self, number: int, piece: bytes) -> None:
        """Writes a piece of what rank 0 says; pieces are numbered from 0."""
        self._put(f"said-{number}", piece)

    def said(self, number: int) -> bytes | None:
        """A piece of what rank 0 says; None where it has not come yet."""
        return self._get(f"said-{number}")

    def forget(self, number: int) -> None:
        """Drops a piece of what rank 0 says, as soon as it is read for good."""
        _answer(self._request(f"said-{number}", method="DELETE"))

    def announce(self, rank: int, address: str) -> None:
        """Writes the address under which the other workers reach one."""
        self._put(f"address-{rank}", address.encode())

    def address_of(self, rank: int) -> str | None:
        """The address that a worker announced; None where it has not yet."""
        found = self._get(f"address-{rank}")
        return None if found is None else found.decode()

    def _get(self, key: str) -> bytes | None:
        """What is written under a key; None where nothing is."""
        try:
            return _answer(self._request(key))
        except HTTPError as error:
            if error.code != http.client.NOT_FOUND:
                raise
            return None

    def _put(self, key: str, value: bytes, *, method: str = "PUT") -> bool:
        """Writes under a key; by POST only where nothing else is written yet. Whether it is written."""
        try:
            _answer(self._request(key, value, method))
        except HTTPError as error:
            if error.code != http.client.CONFLICT:
                raise
            return False
        return True

    def _request(self, key: str, value: bytes | None = None, method: str = "GET") -> Request:
        url = f"http://{self.address}:{self.port}/{key}"
        return Request(url, data=value, headers={TOKEN_HEADER: self.token}, method=method)


@contextmanager
def open_board(bind: str, *, address: str) -> Iterator[Board]:
    """Runs the board's server while the context lasts.

    Args:
        bind: the interface to listen on; empty for all.
        address: under which workers reach it.
    """
    token = secrets.token_hex(TOKEN_BYTES)
    with serving(bind, token) as port:
        yield Board(address, port, token)


def _answer(request: Request, tries: int = TRIES) -> bytes:
    """The answer to a request, sent again where none comes: a machine may be busy or paused."""
    # A proxy of the environment is for the world outside the cluster.
    opener = build_opener(ProxyHandler({}))
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS) as answer:
            return bytes(answer.read())
    except HTTPError:  # this is an answer
        raise
    except OSError:
        if tries == 1:
            raise
    return _answer(request, tries - 1)
