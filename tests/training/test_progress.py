import os
import pty
import subprocess
import sys
import termios

from sparkgen.training.progress import Lines, Progress, make_progress


def test_ranks_other_than_0_are_silent(capsys):
    progress = make_progress(1, epochs=2, total=20, done=0)
    progress.update(1, 5, 0.5)
    progress.epoch(1, {"loss": 0.5})
    progress.close()
    assert type(progress) is Progress
    assert capsys.readouterr() == ("", "")


def test_a_log_gets_a_line_an_epoch(capsys):
    progress = make_progress(0, epochs=2, total=20, done=0)
    progress.update(1, 5, 0.5)
    progress.epoch(1, {"loss": 0.25, "val_loss": 0.5})
    assert capsys.readouterr().err == "epoch 1/2 loss 0.25 val_loss 0.5\n"


def test_a_long_epoch_tells_rate_and_time_left(capsys):
    progress = Lines(epochs=2, total=140, done=100)
    progress.start -= 40.0
    progress.last -= 40.0
    progress.update(2, 120, 0.5)
    progress.update(2, 121, 0.5)
    assert capsys.readouterr().err == "epoch 2/2 step 120/140 loss 0.5 0.5 steps/s 40 s left\n"


def all_of(terminal):
    """What was written to a terminal whose other end is closed."""
    try:
        while data := os.read(terminal, 10000):
            yield data.decode()
    except OSError:  # the end, in a terminal's words
        pass


def test_a_terminal_gets_a_bar():
    code = (
        "from sparkgen.training.progress import make_progress\n"
        "p = make_progress(0, epochs=1, total=10, done=0)\n"
        "p.update(1, 10, 0.125); p.epoch(1, {'loss': 0.125}); p.close()"
    )
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    subprocess.run([sys.executable, "-c", code], stderr=theirs, check=True)
    os.close(theirs)
    shown = "".join(all_of(ours))
    assert "10/10" in shown
    assert "epoch 1/1 loss 0.125" in shown
