"""What rank 0 says on its way to the driver; tests/test_cluster.py has it come from an executor."""

import pytest

from sparkgen.distribution.board import open_board
from sparkgen.distribution.voice import Listener, Sender

LOOPBACK = "127.0.0.1"


def test_a_piece_is_kept_until_it_is_heard_and_no_longer(capfd: pytest.CaptureFixture[str]) -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as board:
        send, listener = Sender(board), Listener(board)
        for piece in (b"epoch 1\n", b"epoch 2\n"):
            send(piece)
        assert [board.said(0), board.said(0)] == [b"epoch 1\n"] * 2  # an answer may be lost
        listener.listen()
        assert [board.said(0), board.said(1)] == [None, None]
        send(b"epoch 3\n")
        listener.listen()
    assert capfd.readouterr().err == "epoch 1\nepoch 2\nepoch 3\n"


def test_what_is_sent_is_heard_once_in_its_order_and_with_letters_that_a_piece_cuts(
    capfd: pytest.CaptureFixture[str],
) -> None:
    with open_board(LOOPBACK, address=LOOPBACK) as board:
        send, listener = Sender(board), Listener(board)
        listener.listen()
        for piece in (b"epoch 1\n", "größer\n".encode()[:3], "größer\n".encode()[3:]):
            send(piece)
        listener.listen()
        assert capfd.readouterr().err == "epoch 1\ngrößer\n"
        send(b"epoch 2\n")
        listener.listen()
        listener.listen()
    assert capfd.readouterr().err == "epoch 2\n"
