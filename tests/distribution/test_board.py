"""The board, whose answers may be late or never come."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from urllib.error import HTTPError

import psutil
import pytest
import ring_functions

from sparkgen.distribution import attendance, board
from sparkgen.distribution.attendance import attend
from sparkgen.distribution.board import Board, open_board
from sparkgen.distribution.board_server import MOST_BYTES
from sparkgen.distribution.heartbeat import Beat
from sparkgen.distribution.outcome import Ended, success
from sparkgen.distribution.signals import StopRequests
from sparkgen.distribution.supervisor import Call, Size, supervise
from sparkgen.distribution.voice import Aloud

LOOPBACK = "127.0.0.1"
ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nkill"


@contextmanager
def listening(receive: Callable[[int, socket.socket], None]) -> Iterator[Board]:
    """A board in whose place `receive(n, connection)` gets the n-th connection, counted from 1."""
    with socket.create_server((LOOPBACK, 0)) as server:
        connections: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connections.append(server.accept()[0])
                except OSError:  # the server is closed
                    return
                receive(len(connections), connections[-1])

        threading.Thread(target=serve, daemon=True).start()
        yield Board(LOOPBACK, server.getsockname()[1], "token")
        server.shutdown(socket.SHUT_RDWR)
        for connection in connections:
            connection.close()


def test_notices_claims_and_beats_are_read_as_they_were_hung_up() -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as there:
        assert there.read() is None
        there.post("stop")
        assert there.read() == "stop"
        there.post("kill")
        there.post("stop")
        assert there.read() == "kill"
        assert [there.claim("task"), there.claim("task")] == [True, False]
        there.report(1, Beat(ticks=3))
        assert there.beats(3) == {1: Beat(ticks=3)}


def test_of_many_who_claim_a_name_at_the_same_time_one_has_it() -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as there, ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(there.claim, ["task"] * 64)) == 1


def test_who_does_not_know_the_token_neither_reads_nor_writes() -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as there:
        there.post("stop")
        for token in ("", there.token[:-1], "é"):
            stranger = there._replace(token=token)
            for use in (
                stranger.read,
                partial(stranger.post, "kill"),
                partial(stranger.claim, "x"),
                partial(stranger.forget, 0),
            ):
                with pytest.raises(HTTPError, match="403"):
                    use()
        assert there.read() == "stop"
        assert there.claim("x")
        assert there.token not in f"{there!r} {there}"


def test_a_message_that_is_too_long_is_refused() -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as there:
        there.say(0, bytes(MOST_BYTES))
        with pytest.raises(HTTPError, match="413"):
            there.say(1, bytes(MOST_BYTES + 1))
        assert there.said(1) is None


def test_a_board_that_gives_no_answer_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "TIMEOUT_SECONDS", 0.1)

    def answer_the_third(number: int, connection: socket.socket) -> None:
        if number == 3:
            connection.sendall(ANSWER)

    with listening(answer_the_third) as late:
        assert late.read() == "kill"


def test_a_board_that_never_answers_is_an_error_after_three_tries(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board, "TIMEOUT_SECONDS", 0.1)
    asked: list[int] = []
    with listening(lambda number, _: asked.append(number)) as silent:
        with pytest.raises(OSError, match="timed out"):
            silent.read()
        assert asked == [1, 2, 3]


def test_a_driver_whose_board_does_not_answer_waits_for_its_workers_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(board, "TIMEOUT_SECONDS", 0.05)
    monkeypatch.setattr(attendance, "LOOK_SECONDS", 0.0)
    worker: Future[Ended] = Future()
    ended = Ended(0, success({}), 0, killed=False, tail="", at=time.time())

    def end_at_the_fourth_request(number: int, _: socket.socket) -> None:
        if number == 4:
            worker.set_result(ended)

    with listening(end_at_the_fourth_request) as silent:
        size = Size(1, threads=None, hang_seconds=60.0)
        assert attend([worker], silent, size, StopRequests()) == [ended]


def test_no_worker_goes_on_without_a_board(tmp_path: Path) -> None:
    with listening(lambda *_: None) as gone:
        pass
    before = psutil.Process().children()
    call = Call(f"{ring_functions.__name__}:sleep", {"folder": str(tmp_path)})
    with pytest.raises(OSError, match="refused"):
        supervise(call, 0, {}, gone, hear=Aloud())
    assert psutil.Process().children() == before
