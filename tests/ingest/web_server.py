"""A web server on this machine that serves files well, badly, slowly or not at all."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple

Reply = Callable[[BaseHTTPRequestHandler], None]


class Asked(NamedTuple):
    """A request that the server got."""

    path: str
    headers: Message

    @property
    def offset(self) -> int:
        """The first byte that was asked for."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "bytes=0-"))
        assert found
        return int(found[1])


class Server:
    """What the server is to do, and what it was asked."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked: list[Asked] = []
        self.replies: dict[str, list[Reply]] = {}

    def serve(self, path: str, *replies: Reply) -> str:
        """Answers the requests for a path in turn, the last reply for all that follow; its URL."""
        self.replies[path] = list(replies)
        return self.url + path

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        self.asked.append(Asked(handler.path, handler.headers))
        replies = self.replies.get(handler.path, [status(404)])
        (replies.pop(0) if len(replies) > 1 else replies[0])(handler)


@contextmanager
def running() -> Iterator[Server]:
    """A server during a `with` block."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            server.answer(self)

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:  # a client that leaves is no fault
            pass

    with Quiet(("127.0.0.1", 0), Handler) as web:
        server = Server(web.server_port)
        threading.Thread(target=web.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield server
        finally:
            web.shutdown()


def _begin(handler: BaseHTTPRequestHandler, status: int, headers: dict[str, str | None]) -> None:
    """Sends the status and those headers that have a value."""
    handler.send_response(status)
    for name, value in headers.items():
        if value:
            handler.send_header(name, value)
    handler.end_headers()


def _write(handler: BaseHTTPRequestHandler, sent: bytes, *, pieces: int, pause: float) -> None:
    step = -(-len(sent) // pieces) or 1
    for at in range(0, len(sent), step):
        handler.wfile.write(sent[at : at + step])
        time.sleep(pause)


def content(
    data: bytes,
    *,
    tag: str | None = '"1"',
    ranges: bool = True,
    cut: int | None = None,
    length: int | None = None,
    says_length: bool = True,
    encoding: str | None = None,
    pieces: int = 1,
    pause: float = 0.0,
    then: Callable[[], object] | None = None,
) -> Reply:
    """Serves a file.

    Args:
        data: its bytes.
        tag: its ETag.
        ranges: whether parts of it are served.
        cut: after this byte of the file the server breaks off.
        length: the Content-Length, where it lies.
        says_length: whether it says one at all; then the end of the connection is that of the file.
        encoding: the Content-Encoding that it says.
        pieces: how many it sends the bytes in.
        pause: the seconds after each piece.
        then: is called after the last piece, before the connection is closed.
    """

    def reply(handler: BaseHTTPRequestHandler) -> None:
        asked = Asked(handler.path, handler.headers)
        same = handler.headers.get("If-Range") in (None, tag)
        begin = asked.offset if ranges and same else 0
        if begin and begin >= len(data):
            _begin(handler, 416, {"Content-Range": f"bytes */{len(data)}", "Content-Length": "0"})
            return
        body = data[begin:]
        told = str(len(body) if length is None else length) if says_length else None
        part = f"bytes {begin}-{len(data) - 1}/{len(data)}" if begin else None
        headers = {"Content-Range": part, "ETag": tag, "Content-Encoding": encoding}
        _begin(handler, 206 if begin else 200, {**headers, "Content-Length": told})
        sent = body[: max(0, (len(data) if cut is None else cut) - begin)]
        _write(handler, sent, pieces=pieces, pause=pause)
        if then is not None:
            then()
        if cut is not None or not says_length or length is not None:
            handler.close_connection = True
            handler.connection.shutdown(socket.SHUT_RDWR)

    return reply


def raw(data: bytes) -> Reply:
    """Sends bytes that need be no answer at all."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True
        handler.connection.shutdown(socket.SHUT_RDWR)

    return reply


def status(number: int) -> Reply:
    """Answers with a status alone."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(number)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


def moved(location: str) -> Reply:
    """Redirects to another place."""

    def reply(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return reply


def silent(until: threading.Event) -> Reply:
    """Answers nothing until an event."""
    return lambda handler: (until.wait(), None)[1]
