"""No file is too long to be read in one go. What may import what, import-linter says."""

from pathlib import Path

import sparkgen

LINES = 300


def test_no_file_has_more_than_300_lines() -> None:
    files = Path(sparkgen.__file__).parent.rglob("*.py")
    lengths = {str(path): len(path.read_text().splitlines()) for path in files}
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > LINES} == {}
