"""Damaged inputs are read, refused in one line, or go to quarantine; nothing else ever happens.

`make fuzz` goes on with this for as long as it is told, and leaves what it finds in `corpus/`.
"""

from pathlib import Path

import pytest
from damage import damaged
from hypothesis import HealthCheck, given, settings
from targets import TARGETS, read

CORPUS = Path(__file__).parent / "corpus"
FINDS = sorted(path for path in CORPUS.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_input_is_read_or_refused_in_one_line(name: str) -> None:
    target = TARGETS[name]

    @settings(max_examples=25, deadline=None, database=None, derandomize=True,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(damaged(target.seeds))
    def check(data: bytes) -> None:
        read(target, data)

    check()


@pytest.mark.parametrize("name", TARGETS)
def test_whole_input_is_read(name: str, tmp_path: Path) -> None:
    for number, data in enumerate(TARGETS[name].seeds):
        folder = tmp_path / str(number)
        folder.mkdir()
        TARGETS[name].run(data, folder)


@pytest.mark.parametrize("path", FINDS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_what_once_was_a_fault_is_none_any_more(path: Path) -> None:
    read(TARGETS[path.parent.name], path.read_bytes())
