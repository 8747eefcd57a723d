"""Which files and folders a path, a glob or a URI stands for, and when they have changed."""

from pathlib import Path

import pytest
from archive_files import FILES, NAMES, made, png

from sparkgen.errors import RequestError
from sparkgen.ingest.files.find import find_files, find_trees, passed_over


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


def test_a_new_picture_changes_a_folder_and_a_new_hidden_file_does_not(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, FILES | {"train/.owl/0.png": png(1)})
    classes = (*NAMES, ".owl")
    before = find_trees(uri, classes)
    made("folder", tmp_path, {"train/.cache/0.png": png(2), ".DS_Store": b"0"})
    assert find_trees(uri, classes) == before
    for number, name in enumerate(classes):
        made("folder", tmp_path, {f"train/{name}/new.png": png(3)})
        assert find_trees(uri, classes)[0].size == before[0].size + (number + 1) * len(png(3))


def test_hidden_files_of_a_folder_of_rows_are_counted_and_are_no_source(tmp_path: Path) -> None:
    made(
        "folder", tmp_path, dict.fromkeys(["a.txt", "b/c.txt", "_SUCCESS", ".a.crc", "b/_d"], b"0")
    )
    assert [Path(f.uri).name for f in find_files(str(tmp_path))] == ["a.txt", "c.txt"]
    assert passed_over(str(tmp_path)) == {"hidden": 3}
    assert passed_over(f"{tmp_path}/*.txt") == {}


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("nowhere://bucket/set.tar", "a path, or a URI of s3, .* found nowhere://"),
        (
            "s3://:x@/a",
            "a storage that this machine can reach at s3://\\*\\*\\*@/a, found a URI without",
        ),
        ("/dev/null/*.tar", "source files that are there, found none at /dev/null/"),
    ],
)
def test_a_place_that_storage_does_not_know_is_a_wrong_request(uri: str, expected: str) -> None:
    with pytest.raises(RequestError, match=f"^expected {expected}"):
        find_trees(uri)
