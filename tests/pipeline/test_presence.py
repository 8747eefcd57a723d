"""Who may take a run up again: nobody, while another process trains it."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sparkgen.errors import RequestError
from sparkgen.pipeline import presence as module
from sparkgen.pipeline import train
from sparkgen.pipeline.journal import Journal, checkpoint_uri, write_journal
from sparkgen.pipeline.presence import ALIVE, FRESH_SECONDS, presence
from sparkgen.training.request import identity

TRAINS = """
import sys, time
from sparkgen.pipeline.presence import presence
with presence(sys.argv[1], taken_up=False):
    print("here", flush=True)
    time.sleep(600)
"""


@pytest.fixture
def other(tmp_path: Path):
    """Another process that trains the run of the folder."""
    command = [sys.executable, "-c", TRAINS, str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "here\n"
    yield process
    process.kill()
    process.wait()


def test_a_run_that_another_process_trains_is_refused_until_that_one_is_killed(
    other: subprocess.Popen[str], tmp_path: Path
) -> None:
    with (
        pytest.raises(RequestError, match=f"found process {other.pid} on .*, which trains it"),
        presence(str(tmp_path), taken_up=True),
    ):
        pass
    assert json.loads((tmp_path / ALIVE).read_text())["pid"] == other.pid
    other.send_signal(signal.SIGKILL)
    other.wait()
    with presence(str(tmp_path), taken_up=True):
        assert json.loads((tmp_path / ALIVE).read_text())["pid"] == os.getpid()
    assert not (tmp_path / ALIVE).exists()


@pytest.mark.parametrize("age", [FRESH_SECONDS / 2, 2 * FRESH_SECONDS])
def test_a_claim_from_another_machine_holds_while_it_is_renewed(tmp_path: Path, age: float) -> None:
    claim = {"host": "elsewhere", "pid": 1, "started": 0.0, "at": time.time() - age, "token": ""}
    (tmp_path / ALIVE).write_text(json.dumps(claim))
    if age > FRESH_SECONDS:
        with presence(str(tmp_path), taken_up=True):
            pass
        return
    with (
        pytest.raises(RequestError, match="process 1 on elsewhere"),
        presence(str(tmp_path), taken_up=True),
    ):
        pass


def test_a_run_that_another_machine_took_up_meanwhile_is_told_and_its_claim_left(
    tmp_path: Path, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(module, "RENEWAL_SECONDS", 0.05)
    claim = {"host": "elsewhere", "pid": 1, "started": 0.0, "at": time.time(), "token": ""}
    with presence(str(tmp_path), taken_up=False):
        while not caplog.messages:
            (tmp_path / ALIVE).write_text(json.dumps(claim))
            time.sleep(0.01)
    assert caplog.messages == [
        "process 1 on elsewhere has taken the run up as well: stop one of the two"
    ]
    assert json.loads((tmp_path / ALIVE).read_text()) == claim


def test_a_training_that_another_machine_goes_on_with_is_not_resumed(
    experiment, dataset_version: str, root: Path, tmp_path: Path
) -> None:
    request = experiment(environment={"root": str(tmp_path), "datasets": f"{root}/datasets"})
    write_journal(request, Journal("living", dataset_version, identity(request)))
    claim = {"host": "elsewhere", "pid": 1, "started": 0.0, "at": time.time(), "token": ""}
    Path(checkpoint_uri(request, "living"), ALIVE).write_text(json.dumps(claim))
    with pytest.raises(RequestError, match="process 1 on elsewhere, which trains it"):
        train.run(request, None, resume=True)
