"""Workers of TensorFlow meet, without an end to their wait where they cannot."""

import re
import socket
from collections.abc import Iterator

import pytest

from sparkgen.distribution.backends import _tensorflow_server as server
from sparkgen.distribution.backends._tensorflow_server import Absent, meet
from sparkgen.distribution.board import Board, open_board
from sparkgen.distribution.slots import Place
from sparkgen.errors import RequestError

LOOPBACK = "127.0.0.1"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What servers were started with; this process starts none, and waits for others for 0.3 s only."""
    given: list[list[str]] = []
    monkeypatch.setattr(server, "RENDEZVOUS_SECONDS", 0.3)
    monkeypatch.setattr(server, "CONNECT_SECONDS", 0.1)
    monkeypatch.setattr(server, "_start_server", lambda addresses, rank: given.append(addresses))
    return given


@pytest.fixture
def board() -> Iterator[Board]:
    with open_board(LOOPBACK, address=LOOPBACK) as there:
        yield there


def test_who_does_not_come_is_absent(started: list[list[str]], board: Board) -> None:
    with pytest.raises(Absent, match=r"worker 1 did not come within 0\.3 s"):
        meet(board, Place(0, 2, 0))
    assert started == []


def test_who_came_and_does_not_answer_is_absent(started: list[list[str]], board: Board) -> None:
    with socket.socket() as silent:
        silent.bind((LOOPBACK, 0))  # and does not listen
        address = f"{LOOPBACK}:{silent.getsockname()[1]}"
        board.announce(0, address)
        line = f"expected worker 0 to answer at {re.escape(address)}, found nothing for 0.3 s: let"
        with pytest.raises(Absent, match=line):
            meet(board, Place(1, 2, 1))
    assert len(started) == 1


def test_all_who_listen_are_reached(started: list[list[str]]) -> None:
    with socket.create_server((LOOPBACK, 0)) as one, socket.create_server((LOOPBACK, 0)) as two:
        server._reach([f"{LOOPBACK}:{peer.getsockname()[1]}" for peer in (one, two)])


def test_a_loopback_address_beside_others_is_refused(
    started: list[list[str]], board: Board
) -> None:
    board.announce(1, "192.0.2.7:4000")
    with pytest.raises(RequestError, match=r"worker 0 at 127.* beside one at 192.*driver\.host"):
        meet(board, Place(0, 2, 0))
    assert started == []
