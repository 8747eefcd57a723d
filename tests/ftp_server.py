"""A small FTP server on loopback, whose files lie in a folder: storage whose clients keep listings."""

import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any


class _Handler(socketserver.StreamRequestHandler):
    """One client, who may list, read and delete."""

    server: "_Server"

    def handle(self) -> None:
        self.first = 0
        self.say("220 here")
        for line in self.rfile:
            command, _, name = line.decode().strip().partition(" ")
            answer = getattr(self, f"do_{command.lower()}", None)
            try:
                self.say("502 unknown") if answer is None else answer(name)
            except OSError:
                self.say("550 no such file")
            if command == "QUIT":
                return

    def say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def path(self, name: str) -> Path:
        return self.server.folder / name.strip("/")

    def do_user(self, _: str) -> None:
        self.say("230 come in")

    def do_type(self, _: str) -> None:
        self.say("200 as bytes")

    def do_quit(self, _: str) -> None:
        self.say("221 good-bye")

    def do_pasv(self, _: str) -> None:
        self.data = socket.create_server((self.server.server_address[0], 0))
        high, low = divmod(self.data.getsockname()[1], 256)
        self.say(f"227 at (127,0,0,1,{high},{low})")

    def do_rest(self, first: str) -> None:
        self.first = int(first)
        self.say("350 from there")

    def do_mlsd(self, name: str) -> None:
        kinds = (
            (entry, "dir" if entry.is_dir() else "file") for entry in self.path(name).iterdir()
        )
        lines = [f"type={kind};size={e.stat().st_size}; {e.name}\r\n" for e, kind in kinds]
        self.send("".join(lines).encode())

    def do_retr(self, name: str) -> None:
        first, self.first = self.first, 0
        self.send(self.path(name).read_bytes()[first:])

    def do_dele(self, name: str) -> None:
        os.remove(self.path(name))
        self.say("250 gone")

    def do_rmd(self, name: str) -> None:
        os.rmdir(self.path(name))
        self.say("250 gone")

    def send(self, data: bytes) -> None:
        self.say("150 it comes")
        with self.data, self.data.accept()[0] as connection, suppress(ConnectionError):
            connection.sendall(data)
        self.say("226 that was it")


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.folder = folder

    def handle_error(self, *_: Any) -> None:
        """Says nothing of a client that breaks off."""


@contextmanager
def ftp_server(folder: Path) -> Iterator[int]:
    """Serves a folder during a `with` block; gives the port."""
    with _Server(folder) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield server.server_address[1]
        server.shutdown()
