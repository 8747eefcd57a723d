"""`sparkgen ingest` on a dataset whose file says where its sources come from."""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from small_rows import ROWS, lines
from web_server import Server, content

CONF = Path(__file__).parents[2] / "conf"
FILES = {"train.txt": lines(0, 10 * ROWS).encode(), "test.txt": lines(0, 50).encode()}


def request_file(folder: Path, home: str) -> Path:
    """A dataset file whose sources are at `home`."""
    files = [
        {"url": f"{home}/{name}", "sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in FILES.items()
    ]
    config: dict[str, Any] = {
        "name": "rows",
        "source": {"format": "libsvm", "train": "{data}/train.txt", "test": "{data}/test.txt"},
        "download": {"files": files, "licence": "free"},
        "shape": [2, 3, 1],
        "class_names": ["zero", "one", "two"],
    }
    shutil.copytree(CONF / "environments", folder / "conf" / "environments")
    path = folder / "conf" / "datasets" / "rows.yaml"
    path.parent.mkdir()
    path.write_text(yaml.safe_dump(config))
    return path


def test_missing_sources_are_fetched_once_and_leave_no_trace_in_the_version(
    sparkgen,
    spark,
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("SPARKGEN_DATA", str(tmp_path / "data"))
    for name, data in FILES.items():
        server.serve(f"/{name}", content(data))
    arguments = ("ingest", request_file(tmp_path, server.url), "--root", tmp_path / "runs")

    first = sparkgen(*arguments)
    assert first.status == 0, first.err
    made = json.loads(first.out.splitlines()[-1])
    assert made["rows"]["test"] == 50
    assert caplog.text.count(f"fetching {tmp_path}/data/") == len(server.asked) == 2
    assert sorted(os.listdir(tmp_path / "data")) == sorted(FILES)
    manifest = tmp_path / "runs" / "datasets" / "rows" / made["version"] / "manifest.json"
    assert "download" not in manifest.read_text()
    written = manifest.stat().st_mtime_ns

    for change in ("dataset.name=rows", "dataset.download=null"):
        again = sparkgen(*arguments, "--set", change)
        assert json.loads(again.out.splitlines()[-1]) == made
        assert f"version {made['version']} of rows is up to date" in caplog.messages
        caplog.clear()
    assert len(server.asked) == 2
    assert manifest.stat().st_mtime_ns == written


def test_without_a_network_one_line_says_what_is_missing_before_anything_is_started(
    sparkgen, tmp_path: Path
) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        home = f"http://127.0.0.1:{closed.getsockname()[1]}"
    data = tmp_path / "data"
    arguments = ("--root", tmp_path / "runs", "--set", f"environment.data={data}")
    said = sparkgen("ingest", request_file(tmp_path, home), *arguments)
    assert said.status == 2
    line = said.err.splitlines()[-1]
    missing = "; ".join(f"{name} from {home}/{name}" for name in FILES)
    assert f"put into {data} what is missing: {missing}; or" in line
    assert "Traceback" not in said.err
    assert not (tmp_path / "runs" / "datasets").exists()
    assert not data.exists()


def test_a_fetch_that_is_stopped_keeps_what_it_has(server: Server, tmp_path: Path) -> None:
    end = threading.Event()
    some = len(FILES["train.txt"]) // 2
    server.serve("/train.txt", content(FILES["train.txt"], cut=some, then=end.wait))
    path, data = request_file(tmp_path, server.url), tmp_path / "data"
    arguments = ["ingest", str(path), "--root", str(tmp_path / "runs")]
    program = [sys.executable, "-c", "from sparkgen.cli import main; main()", *arguments]
    environment = {**os.environ, "SPARKGEN_DATA": str(data)}
    with subprocess.Popen(program, env=environment, stderr=subprocess.PIPE, text=True) as process:
        part = data / ".train.txt.part"
        while not part.exists() or not part.stat().st_size:
            assert process.poll() is None
            time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        err = process.communicate()[1]
    end.set()
    assert process.returncode == 128 + signal.SIGTERM
    assert err.splitlines()[-1].startswith("sparkgen: stopped; the same command starts it again")
    assert os.listdir(data) == [part.name]
    assert FILES["train.txt"].startswith(part.read_bytes())
