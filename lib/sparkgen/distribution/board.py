"""The board is Horovod's rendezvous server on the driver, which also holds a message to all workers.

Besides the addresses that Horovod's ranks leave there for each other, it holds `stop` (write a
checkpoint and end) or `kill` (a worker is lost, so the others cannot go on), the workers' heartbeats, and
what rank 0 says in an executor.
Like Horovod's own, it is open to whoever reaches its port, and lives as long as one launch.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal, NamedTuple
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from sparkgen.distribution.heartbeat import Beat, decode

Notice = Literal["stop", "kill"]
SCOPE = "sparkgen"
TIMEOUT_SECONDS = 10.0
TRIES = 3


class Board(NamedTuple):
    """The address of the rendezvous server, through which driver and workers exchange short messages.

    It is sent to the workers' machines.
    """

    address: str
    port: int

    def read(self) -> Notice | None:
        """The message to all workers, `stop` or `kill`; None if there is no message yet.

        Raises:
            OSError: the driver cannot be reached.
        """
        found = self._get("notice")
        return None if found is None else "kill" if found == b"kill" else "stop"

    def post(self, notice: Notice) -> None:
        """Writes the message to all workers; once it is `kill`, it is never replaced."""
        if self.read() != "kill":
            self._put("notice", notice.encode())

    def claim(self, name: str) -> bool:
        """Claims a name on this server; True if nobody had claimed it before."""
        if self._get(name) is not None:
            return False
        self._put(name, b"claimed")
        return True

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

    def _get(self, key: str) -> bytes | None:
        try:
            return _answer(Request(self._url(key)))
        except HTTPError:
            return None

    def _put(self, key: str, value: bytes) -> None:
        _answer(Request(self._url(key), data=value, method="PUT"))

    def _url(self, key: str) -> str:
        return f"http://{self.address}:{self.port}/{SCOPE}/{key}"


@contextmanager
def open_board(bind: str, *, address: str) -> Iterator[Board]:
    """Runs the rendezvous server while the context lasts, and gives its address as a `Board`.

    Args:
        bind: the interface to listen on; empty for all.
        address: under which workers reach it.
    """
    from horovod.runner.http.http_server import RendezvousHandler, RendezvousHTTPServer

    server = RendezvousHTTPServer((bind, 0), RendezvousHandler, 0)
    # A worker that is killed breaks off in mid-sentence; who was lost is told elsewhere.
    server.handle_error = lambda request, address: None
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Board(address, server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


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
