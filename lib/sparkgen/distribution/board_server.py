"""The server of the board: it keeps bytes by key, for whoever knows its token.

GET reads a key, PUT writes it, and POST writes it only where nothing else is written yet, of two at
the same time one. DELETE forgets a key. Nothing is written to disk or to a log.
"""

import hmac
import socketserver
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any

TOKEN_HEADER = "X-Sparkgen-Token"
MOST_BYTES = 64 << 10
"""Of one message; a piece of what rank 0 says has 4 KiB at most."""
IDLE_SECONDS = 30.0
"""How long a connection may stay without a request."""


class _Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    server: "_Server"
    timeout = IDLE_SECONDS

    def do_GET(self) -> None:
        if self._is_known():
            found = self.server.kept.get(self.path)
            self._answer(HTTPStatus.NOT_FOUND if found is None else HTTPStatus.OK, found or b"")

    def do_PUT(self) -> None:
        if (value := self._value()) is not None:
            self.server.kept[self.path] = value
            self._answer(HTTPStatus.OK)

    def do_POST(self) -> None:
        if (value := self._value()) is not None:
            first = self.server.kept.setdefault(self.path, value) == value  # atomic
            self._answer(HTTPStatus.OK if first else HTTPStatus.CONFLICT)

    def do_DELETE(self) -> None:
        if self._is_known():
            self.server.kept.pop(self.path, None)
            self._answer(HTTPStatus.OK)

    def _is_known(self) -> bool:
        """Whether the request bears the token; refuses it where it does not."""
        token = self.headers.get(TOKEN_HEADER, "")
        known = hmac.compare_digest(token.encode(), self.server.token.encode())
        if not known:
            self._answer(HTTPStatus.FORBIDDEN)
        return known

    def _value(self) -> bytes | None:
        """The body of a request; refuses one without the token, or that is too long."""
        if not self._is_known():
            return None
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self._answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return None
        value = self.rfile.read(int(length))
        return value if len(value) == int(length) else None  # a worker was killed in mid-sentence

    def _answer(self, status: HTTPStatus, value: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(value)))
        self.end_headers()
        self.wfile.write(value)

    def log_message(self, *_: Any) -> None:
        """Says nothing: requests are no news to the user."""


class _Server(socketserver.ThreadingTCPServer):
    # Not http.server's own, which looks up the name of the machine: without a name server that is slow.
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # as many workers may ask at the same time

    def __init__(self, bind: str, token: str) -> None:
        super().__init__((bind, 0), _Handler)
        self.token = token
        self.kept: dict[str, bytes] = {}

    def handle_error(self, *_: Any) -> None:
        """Says nothing: a worker that is killed breaks off, and who was lost is told elsewhere."""


def serving(bind: str, token: str) -> AbstractContextManager[int]:
    """Runs a server while the context lasts, and gives its port.

    Args:
        bind: the interface to listen on; empty for all.
        token: that every request must bear.
    """
    return running(_Server(bind, token))


@contextmanager
def running(server: socketserver.TCPServer) -> Iterator[int]:
    """Has a server answer in a thread of its own while the context lasts, and gives its port."""
    with server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()
