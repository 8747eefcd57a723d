"""What holds of all rooms: no file is too long, and every map is true.

What may import what, import-linter says.
"""

import re
from pathlib import Path

import sparkgen

LIBRARY = Path(sparkgen.__file__).parent
LINES = 300


def test_no_file_has_more_than_300_lines() -> None:
    lengths = {str(path): len(path.read_text().splitlines()) for path in LIBRARY.rglob("*.py")}
    assert len(lengths) > 100
    assert {path: lines for path, lines in lengths.items() if lines > LINES} == {}


def test_every_room_opens_with_a_map_that_names_files_that_there_are() -> None:
    places = ("*/__init__.py", "ingest/*/__init__.py")
    rooms = [path.parent for place in places for path in LIBRARY.glob(place)]
    assert len(rooms) > 20
    for room in rooms:
        text = (room / "__init__.py").read_text()
        assert len(text.splitlines()) > 3, room
        named = set(re.findall(r"(?<![\w<>/])[\w/]+\.py\b", text))
        above = (LIBRARY, room.parent)
        missing = [n for n in named if not any((folder / n).exists() for folder in above)]
        missing = [n for n in missing if not any(room.rglob(n))]
        assert missing == [], room


def test_the_way_of_a_batch_names_files_that_there_are() -> None:
    guide = Path(__file__).parents[1] / "CONTRIBUTING.md"
    named = set(re.findall(r"`((?:[a-z_]+/)+[a-z_]+\.py)`", guide.read_text()))
    assert len(named) > 15
    places = (LIBRARY, guide.parent)
    assert [name for name in named if not any((p / name).exists() for p in places)] == []
