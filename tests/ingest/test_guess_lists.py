"""Lists that lie beside pictures: which one is taken, and which folder its paths start from."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from archive_files import made, png, zipped

from sparkgen.errors import RequestError
from sparkgen.ingest.files.split_words import split_of
from sparkgen.ingest.lists.guess import Lists, guess_lists
from sparkgen.ingest.looking.look import Look


def pictures(folder: str, numbers: Iterable[int]) -> dict[str, bytes]:
    return {f"{folder}/{n}.png": png(n) for n in numbers}


def rows(numbers: Iterable[int], header: str = "id,label", value: str = ",a") -> bytes:
    return "\n".join([header, *(f"{n}{value}" for n in numbers)]).encode()


def guess(path: Path, files: dict[str, bytes], name: str = "") -> Lists | None:
    made("folder", path, files)
    return guess_lists(Look(f"{path}/{name}"))


def keys(path: Path, files: dict[str, bytes], name: str = "") -> dict[str, str]:
    """The keys that are found, with paths from the folder on."""
    found = guess(path, files, name)
    assert found is not None
    return {key: value.removeprefix(f"{path}/") for key, value in found.keys.items()}


KAGGLE = pictures("train", range(1, 13)) | pictures("test", range(1, 31))


@pytest.mark.parametrize("name", ["trainLabels.csv", "train.csv", "labels.csv"])
@pytest.mark.parametrize("whole", [True, False])
def test_labels_of_the_training_split_are_not_given_to_pictures_of_the_test_split(
    tmp_path: Path, name: str, whole: bool
) -> None:
    """As on Kaggle: both folders have pictures of the same names, and the test split no labels."""
    files = KAGGLE | {name: rows(range(1, 13)), "sampleSubmission.csv": rows(range(1, 31))}
    found = keys(tmp_path, files, "" if whole else name)
    assert found == {"path": name, "root": "train"}


def test_a_list_is_not_of_a_folder_of_another_split(tmp_path: Path) -> None:
    test = pictures("test", range(1, 13))
    assert guess(tmp_path / "a", test | {"train.csv": rows(range(1, 13))}) is None
    both = test | pictures("train", range(50, 62)) | {"labels.csv": rows(range(1, 13))}
    assert guess(tmp_path / "b", both) is None
    alone = test | {"labels.csv": rows(range(1, 13))}
    assert keys(tmp_path / "c", alone) == {"path": "labels.csv", "root": "test"}


def test_a_list_whose_pictures_may_lie_in_two_folders_is_refused(tmp_path: Path) -> None:
    files = pictures("images", range(9)) | pictures("thumbs", range(9))
    with pytest.raises(RequestError, match="pictures of these names in images, thumbs: write the"):
        guess(tmp_path / "a", files | {"train.csv": rows(range(9))})
    beside = {"labels.csv": rows([f"images/{n}.png" for n in range(9)], "path,label")}
    told: Any = guess(tmp_path / "c", files | {"train.csv": rows(range(9))} | beside)
    assert told.told == "pictures are named by labels.csv; not used: train.csv"
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "train.zip").write_bytes(zipped(pictures("x", range(9))))
    found = keys(tmp_path / "b", files | {"train.csv": rows(range(9))})
    assert found == {"path": "train.csv", "root": "train.zip"}


def test_the_folder_of_a_list_is_found_by_rows_of_its_whole(tmp_path: Path) -> None:
    """All rows of a long list are in one folder, and its first ones in another as well."""
    files = pictures("images", range(300)) | pictures("few", range(140))
    found = keys(tmp_path, files | {"labels.csv": rows(range(300))})
    assert found["root"] == "images"


def test_a_list_of_the_test_split_is_taken_where_it_goes_with_the_other(tmp_path: Path) -> None:
    files = pictures("images", range(20)) | {"train.csv": rows(range(12))}
    test = {"test.csv": rows(range(12, 20))}
    found = {"path": "train.csv", "root": "images"}
    assert keys(tmp_path / "a", files | test) == found | {"test": "test.csv"}
    without_labels = {"test.csv": rows(range(12, 20), "id", "")}
    alone = guess(tmp_path / "b", files | without_labels)
    assert alone is not None
    assert alone.keys.keys() == found.keys()
    assert alone.told == "pictures are named by train.csv; not used: test.csv"
    marked = {"train.csv": rows(range(12), "id,label,split", ",a,train")}
    assert keys(tmp_path / "c", files | test | marked) == found | {"test": "test.csv"}
    own = {"train.csv": rows(range(12), "id,label,split", ",a,test")}
    assert keys(tmp_path / "d", files | test | own) == found


TREE = pictures("a", range(20)) | pictures("b", range(20, 40))


@pytest.mark.parametrize(
    ("files", "covers"),
    [
        (TREE | {"one.csv": rows(["a/0.png", "b/20.png"], "path,label")}, False),
        (TREE | {"all.csv": rows([*TREE][:25], "path,label")}, True),
        (KAGGLE | {"train.csv": rows(range(1, 13))}, True),
        (
            {f"{split}/{name}": data for split in ("train", "test") for name, data in TREE.items()}
            | {"train.csv": rows([f"train/a/{n}.png" for n in range(20)], "path,label")},
            False,
        ),
    ],
    ids=["a few", "most", "all but a flat test folder", "not the classes of the test folder"],
)
def test_a_list_covers_the_pictures_that_it_names(
    tmp_path: Path, files: dict[str, bytes], covers: bool
) -> None:
    found: Any = guess(tmp_path, files)
    assert found.covers is covers


def test_words_for_splits_are_read_in_camel_case_too() -> None:
    names = ("trainLabels", "labelsTest", "TRAINING", "x_val", "TRAINS", "latest", "evaluation")
    found = ["train", "test", "train", "validation", None, None, None]
    assert [split_of(name) for name in names] == found
