import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import ring_functions

from sparkgen.distribution.backends import horovod
from sparkgen.distribution.joining import join_ring
from sparkgen.distribution.launcher import launch, run_again
from sparkgen.distribution.outcome import lost_stage
from sparkgen.errors import Interrupted, ManifestError, RequestError, WorkerError, WorkersFailed


def run_local(fn, request, *, workers=2, **options):
    return launch(fn, request, workers=workers, where="local", threads_per_worker=1, **options)


def test_one_worker_in_process_needs_no_horovod():
    result = launch(ring_functions.places, {"a": 1}, workers=1, where="in-process")
    assert result["echo"] == {"a": 1}
    assert result["ranks"] == [[0, 0]]


def test_in_process_refuses_a_second_worker():
    with pytest.raises(RequestError, match="workers 1"):
        launch(ring_functions.places, {}, workers=2, where="in-process")


def test_spark_needs_a_session():
    with pytest.raises(ValueError, match="Spark session"):
        launch(ring_functions.places, {}, workers=2, where="spark")


def test_an_error_in_a_barrier_task_itself_is_told_once(spark):
    request = {"a": {1}}  # a set is no JSON
    with pytest.raises(WorkerError, match="failed: TypeError: Object of type set is not JSON"):
        launch(ring_functions.places, request, workers=2, where="spark", spark=spark)


def test_a_single_local_worker_runs_in_a_process_without_horovod(monkeypatch):
    monkeypatch.setattr(horovod, "missing", lambda: "no Horovod")
    result = run_local(ring_functions.places, {}, workers=1, backend="horovod")
    assert result["size"] == 1
    assert not result["horovod"]


def test_local_workers_form_a_ring(ring_of_two, backend):
    result = ring_of_two["places"]
    assert result["size"] == 2
    assert result["sum"] == [2.0, 1.0]
    assert result["ranks"] == [[0, 0], [1, 1]]
    assert result["bytes"] == "from rank 0"
    assert result["empty"] == ""
    assert result["echo"] == {"a": [1]}
    assert result["horovod"] == (backend == "horovod")


def test_workers_import_keras_without_what_it_wants_for_nothing(ring_of_two):
    with_keras, asked_for = ring_of_two["imported"]
    assert with_keras == []
    assert asked_for == ["sklearn.base", "matplotlib.pyplot"]


def test_the_token_of_the_board_shows_neither_in_arguments_nor_to_what_workers_start(ring_of_two):
    result = ring_of_two["places"]
    assert result["arguments"][1:3] == ["-m", "sparkgen.distribution.process"]
    assert len(result["arguments"]) == 4  # the last one is the worker's folder
    names = ["BACKEND", "LOCAL_RANK", "PARENT", "RANK", "SIZE"]
    assert result["told"] == [f"SPARKGEN_{name}" for name in names]


def test_a_wrong_request_found_by_a_worker_is_not_tried_again(capfd):
    with pytest.raises(RequestError, match="expected a seven, found a six: add one"):
        run_local(ring_functions.refuse, {}, workers=1, max_restarts=3)
    assert "Traceback" not in capfd.readouterr().err


def test_an_error_of_a_worker_is_told_once_with_its_place_and_never_tried_again(tmp_path, capfd):
    options = {"max_restarts": 3, "log_folder": str(tmp_path / "logs")}
    with pytest.raises(WorkerError) as raised:
        run_local(ring_functions.stumble, {"folder": str(tmp_path)}, **options)
    log = tmp_path / "logs" / "worker-1-traceback.txt"
    line = stumbling_line()
    assert str(raised.value) == (
        "JSONDecodeError: Unterminated string starting at: line 1 column 2 (char 1) "
        f"({ring_functions.__file__}:{line}, in stumble); the traceback is in {log}"
    )
    assert "json/decoder.py" in log.read_text()
    assert (tmp_path / "starts-1").read_text() == "x"
    assert "Traceback" not in capfd.readouterr().err


def test_an_error_of_our_own_is_no_lost_worker_whatever_it_quotes(backend):
    with pytest.raises(ManifestError, match=r"whole file gloo/.*, found Connection reset by peer"):
        run_local(ring_functions.find_damage, {}, backend=backend)


def test_a_worker_that_ends_because_another_is_gone_says_so_in_one_line():
    line = "worker 0 ends, as another one is gone: UnavailableError: Socket closed of a peer ("
    with pytest.raises(WorkersFailed, match=r"worker 0 of 2 died \(exit status 75\)") as failed:
        run_local(ring_functions.be_left, {}, backend="tensorflow")
    assert line in str(failed.value).splitlines()[-1]


def test_an_error_in_process_is_told_like_that_of_a_worker(tmp_path):
    with pytest.raises(WorkerError, match=f":{stumbling_line()}, in stumble.*worker-0-traceback"):
        launch(
            ring_functions.stumble,
            {"folder": str(tmp_path)},
            workers=1,
            where="in-process",
            log_folder=str(tmp_path),
        )


def stumbling_line():
    lines = Path(ring_functions.__file__).read_text().splitlines()
    return next(n for n, text in enumerate(lines, 1) if "this is no JSON" in text)


def test_a_killed_worker_is_answered_by_a_new_start(tmp_path, caplog):
    request, options = {"folder": str(tmp_path)}, {"max_restarts": 2, "backend": "tensorflow"}
    result = run_local(ring_functions.die_once, request, **options)
    assert caplog.messages == ["worker 1 of 2 died (signal SIGKILL); starting again (1 of 2)"]
    assert result["sum"] == [2.0, 1.0]
    assert (tmp_path / "starts-0").read_text() == "xx"
    assert (tmp_path / "starts-1").read_text() == "xx"


def test_a_stopped_process_counts_as_lost_and_is_answered_by_a_new_start(tmp_path, caplog):
    request, options = {"folder": str(tmp_path)}, {"max_restarts": 3, "hang_seconds": 3.0}
    assert run_local(ring_functions.stop_once, request, workers=1, **options)["size"] == 1
    line = r"worker 0 of 1 hung \(its process has not moved for \d+ s\); starting again \(1 of 3\)"
    assert re.fullmatch(line, caplog.messages[0])


def test_the_worker_that_hangs_is_named_and_not_the_one_that_waits_for_it(backend):
    line = r"worker 1 of 2 hung \(no step for \d+ s, and the others wait for it\) after 0 restarts"
    with pytest.raises(WorkersFailed, match=line):
        run_local(ring_functions.loop_forever, {}, hang_seconds=3.0, backend=backend)


@pytest.mark.parametrize(("workers", "restarts"), [(1, 1), (2, 0)])
def test_workers_that_die_for_good_end_with_the_last_words_of_the_dead(tmp_path, workers, restarts):
    request, last = {"folder": str(tmp_path), "always": True}, workers - 1
    line = rf"worker {last} of {workers} died \(signal SIGKILL\) after {restarts} restarts"
    with pytest.raises(WorkersFailed, match=line) as failed:
        run_local(ring_functions.die_once, request, workers=workers, max_restarts=restarts)
    assert "these are my last words" in str(failed.value)
    assert (tmp_path / f"starts-{last}").read_text() == "x" * (restarts + 1)


def test_workers_whose_python_has_no_horovod_say_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "horovod", None)  # as if it were not there
    monkeypatch.setitem(sys.modules, "horovod.tensorflow", None)
    monkeypatch.setenv("SPARKGEN_SIZE", "2")
    monkeypatch.setenv("SPARKGEN_BACKEND", "horovod")
    line = f"expected Horovod, built for .* {re.escape(sys.executable)}, found .*horovod.*: install"
    with pytest.raises(RequestError, match=line):
        join_ring()


def test_lost_workers_that_cannot_be_replaced_are_a_failure_and_no_wrong_request():
    def refused():
        raise RequestError("2 slots", found="1", mend="add one")

    starts = iter([lambda: [lost_stage("an executor is gone")], refused])
    line = "workers were lost and cannot be replaced: expected 2 slots, found 1: add one"
    with pytest.raises(WorkersFailed, match=line):
        run_again(lambda: next(starts)(), workers=2, max_restarts=3)
    with pytest.raises(RequestError, match="expected 2 slots"):
        run_again(refused, workers=2, max_restarts=3)


def test_a_stop_lets_every_worker_come_to_its_own_end(tmp_path):
    def press_ctrl_c():
        wait_until(lambda: len(list(tmp_path.glob("running-*"))) == 2)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=press_ctrl_c, daemon=True).start()
    with pytest.raises(Interrupted, match="rank 0 stopped"):
        run_local(ring_functions.stop_together, {"folder": str(tmp_path)})


def test_workers_die_with_a_killed_driver(tmp_path):
    code = (
        "import ring_functions; from sparkgen.distribution.launcher import launch;"
        f"launch(ring_functions.sleep, {{'folder': {str(tmp_path)!r}}}, workers=1, where='local')"
    )
    path = os.pathsep.join([str(Path(__file__).parent), *filter(None, sys.path)])
    driver = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    pid_file = tmp_path / "pid-0"
    wait_until(lambda: pid_file.exists() and pid_file.read_text())
    pid = int(pid_file.read_text())
    os.kill(driver.pid, signal.SIGKILL)
    driver.wait()
    wait_until(lambda: not Path(f"/proc/{pid}").exists() or is_zombie(pid))


def wait_until(condition, *, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            pytest.fail(f"still not so after {seconds} s")
        time.sleep(0.1)


def is_zombie(pid):
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
