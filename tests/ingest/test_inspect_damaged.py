"""`sparkgen inspect` on damaged sources and impossible paths: one line, never a way to read past it."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest
from archive_files import made, png
from inspecting import inspected

from sparkgen.errors import RequestError
from sparkgen.ingest.files.find import find_files, find_trees

WORDS = b"hello world, this is a text\n" * 9


def cut(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)[:-9]


@pytest.mark.parametrize(
    ("name", "data", "line"),
    [
        ("a.parquet", WORDS, "a whole Parquet file that is not encrypted at "),
        ("a.npz", WORDS, "a NumPy file, .npy or .npz, at "),
        ("a.npy", WORDS, "a NumPy file, .npy or .npz, at "),
        ("a.zip", WORDS, "a zip archive at "),
        ("a.tar", WORDS * 99, "a tar archive at "),
        ("data_batch_1.bin", WORDS, "whole records of 3073 bytes in data_batch_1.bin"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03", "an idx file of pictures and one of labels"),
        ("train-labels-idx1-ubyte", b"\0\0\x08", "for training in "),
        ("a.txt.gz", cut(WORDS), "a.txt.gz cannot be read: "),
        ("1.png", WORDS, "pictures that can be decoded, of which 1 were looked at, found undec"),
    ],
)
def test_a_damaged_source_is_not_taken_for_text(
    tmp_path: Path, name: str, data: bytes, line: str
) -> None:
    """Whether it is all that is there, as far as a format takes one file, or text lies beside it."""
    folder = Path(made("folder", tmp_path / "a", {name: data, "readme.txt": WORDS}))
    for path in (folder, folder / name) if not name.startswith(("1", "data")) else (folder,):
        with pytest.raises(RequestError) as error:
            inspected(path, tmp_path, file=None)
        assert line in str(error.value)


def test_a_list_of_damaged_pictures_is_not_taken_for_text(tmp_path: Path) -> None:
    files = {
        "im/1.png": png(1)[:20],
        "im/2.png": b"",
        "l.csv": b"path,label\nim/1.png,a\nim/2.png,b\n",
    }
    folder = Path(made("folder", tmp_path / "a", files))
    for path in (folder, folder / "l.csv"):
        with pytest.raises(RequestError, match="pictures that can be decoded"):
            inspected(path, tmp_path, file=None)


def test_pictures_beside_a_damaged_file_are_read_and_it_is_told(tmp_path: Path) -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": png(n) for n in range(20)} | {"notes.txt.gz": cut(WORDS)}
    found = inspected(made("folder", tmp_path / "a", files), tmp_path)
    assert found.result["rows"] == {"train": 20}
    (told,) = [line for line in found.lines if line.startswith("not read in another way: ")]
    assert "notes.txt.gz cannot be read: " in told


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("", "expected a path, found an empty one: give . for the working directory"),
        ("a" * 5000, "[Errno 36]"),
        (f"/tmp/{'a*' * 300}", "[Errno 36]"),
        ("/tmp/a\0b", "expected a path without the character NUL, found '/tmp/a\\x00b'"),
        ("/tmp/*\0", "expected a path without the character NUL, found '/tmp/*\\x00'"),
    ],
    ids=["empty", "long", "long glob", "nul", "nul in a glob"],
)
def test_a_path_that_none_can_be_is_refused(tmp_path: Path, path: str, line: str) -> None:
    with pytest.raises(RequestError) as error:
        inspected(path, tmp_path)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("find", [find_files, find_trees])
def test_an_empty_path_of_a_source_is_not_the_working_directory(
    find: Callable[[str], object],
) -> None:
    with pytest.raises(RequestError, match="the path of source files, found an empty one"):
        find("")
