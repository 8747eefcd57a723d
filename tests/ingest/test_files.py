from pathlib import Path

import pytest

from sparkgen.errors import RequestError
from sparkgen.ingest.files import find_files


def names(uri: str) -> list[str]:
    return [Path(entry.uri).name for entry in find_files(uri)]


@pytest.mark.parametrize("name", ["rows [v2].txt", "what?.txt", "a*b.txt", "a b%20c#ü.txt"])
def test_a_name_that_is_there_is_that_file(tmp_path: Path, name: str) -> None:
    for file in (name, "rows v.txt", "whats.txt", "aab.txt"):
        (tmp_path / file).touch()
    assert names(f"{tmp_path}/{name}") == [name]
    assert names((tmp_path / name).as_uri()) == [name]


def test_a_glob_below_a_folder_of_odd_letters_is_one(tmp_path: Path) -> None:
    folder = tmp_path / "data [v2]?"
    folder.mkdir()
    for file in ("a1.txt", "a2.txt", "b1.txt"):
        (folder / file).touch()
    assert names(f"{folder}/a*.txt") == ["a1.txt", "a2.txt"]
    assert names(f"{folder}/[ab]1.txt") == ["a1.txt", "b1.txt"]
    assert names(f"{tmp_path}/data*/b?.txt") == ["b1.txt"]


def test_a_glob_of_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="source files that are there"):
        find_files(f"{tmp_path}/*.txt")
