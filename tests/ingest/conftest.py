from pathlib import Path

import pytest
from small_rows import ROWS, lines


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    (tmp_path / "train-b.txt").write_text(lines(300, ROWS))
    (tmp_path / "train-a.txt").write_text(lines(0, 300))
    (tmp_path / "test.txt").write_text(lines(0, 50))
    return tmp_path
