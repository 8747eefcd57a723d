"""Ctrl-C and SIGTERM, received by small programs of their own."""

import subprocess
import sys

PROGRAM = """
import os, signal, sys, time
from sparkgen import stopping
def send(signum=signal.SIGTERM):
    os.kill(os.getpid(), signum)
    time.sleep(0.05)
with stopping.listening():
    try:
{body}
    except stopping.Stopped:
        print("heard")
        stopping.leave()
"""


def run(body: str) -> subprocess.CompletedProcess[str]:
    """Runs some lines in a program that listens."""
    indented = "\n".join(f"        {line}" for line in body.strip().splitlines())
    command = [sys.executable, "-c", PROGRAM.format(body=indented)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stderr == ""
    return done


def test_each_signal_has_its_own_status() -> None:
    ended = {name: run(f"send(signal.{name})").returncode for name in ("SIGINT", "SIGTERM")}
    assert ended == {"SIGINT": 130, "SIGTERM": 143}


def test_a_stop_that_a_destructor_swallows_is_heard_all_the_same() -> None:
    done = run(
        "class Last:\n    def __del__(self): send()\nlast = Last()\ndel last\ntime.sleep(60)"
    )
    assert (done.returncode, done.stdout) == (143, "heard\n")


def test_what_clears_up_is_not_disturbed() -> None:
    body = "try:\n    send()\nfinally:\n    time.sleep(2.5)\n    print('cleared up', flush=True)"
    assert run(body).stdout == "cleared up\nheard\n"


def test_a_program_that_leaves_slowly_is_not_disturbed() -> None:
    body = """
try:
    send()
except stopping.Stopped:
    pass
class Slow:
    def write(self, text): os.write(1, text.encode())
    def flush(self): time.sleep(1.5)
sys.stdout = Slow()
stopping.leave()
"""
    done = run(body)
    assert (done.returncode, done.stdout) == (143, "")


def test_what_must_not_be_done_by_half_is_done_first() -> None:
    done = run("with stopping.held():\n    send()\n    print('whole', flush=True)\ntime.sleep(60)")
    assert done.stdout == "whole\nheard\n"


def test_the_second_signal_ends_the_program_and_its_children_at_once() -> None:
    body = """
import subprocess
child = subprocess.Popen(["sleep", "600"])
print(child.pid, flush=True)
try:
    send()
finally:
    send()
    print("cleared up", flush=True)
"""
    done = run(body)
    assert done.returncode == 143
    pid, *others = done.stdout.split()
    assert others == []
    assert subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True).stdout[:1] in b"Z"


FAILING = """
import os, signal, time
from sparkgen import cli
from sparkgen.distribution.signals import stop_requests
from sparkgen.errors import SparkgenError
@cli.cli.command()
def learn():
    with stop_requests():
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(0.05)
        raise SparkgenError("no checkpoint could be written")
cli.main(["learn"])
"""


def test_what_fails_while_a_training_stops_is_told() -> None:
    done = subprocess.run([sys.executable, "-c", FAILING], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "sparkgen: no checkpoint could be written\n"
