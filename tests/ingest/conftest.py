from collections.abc import Iterator
from pathlib import Path

import pytest
from small_rows import ROWS, lines
from web_server import Server, running


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "train-b.txt").write_text(lines(300, ROWS))
    (tmp_path / "train-a.txt").write_text(lines(0, 300))
    (tmp_path / "test.txt").write_text(lines(0, 50))
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A web server on this machine, whatever proxy there is."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with running() as server:
        yield server
