"""Files of several splits: they are told apart by their names, and never taken as those of one."""

from pathlib import Path

import pytest
from as_rows import dataset_of

from sparkgen.errors import RequestError
from sparkgen.ingest.arrays.pairs import WORDS
from sparkgen.ingest.files.split_words import SPLITS, refuse_splits, split_of
from sparkgen.ingest.looking.look import Look
from sparkgen.ingest.looking.split_files import split_files
from sparkgen.ingest.sources import source_of
from sparkgen.ingest.trees.layout import OTHER_SPLITS


def refusal(names: list[str], *, alike: bool = False) -> str:
    """What is said against the files of a folder as those of the training split."""
    with pytest.raises(RequestError) as error:
        refuse_splits("/x", "train", [f"/x/{name}" for name in names], alike=alike)
    assert "\n" not in str(error.value)
    return str(error.value).partition(", source.train, found ")[2]


@pytest.mark.parametrize(
    ("names", "mend"),
    [
        (["train.parquet", "test.parquet"], "/x/train.parquet and source.test to /x/test.parquet"),
        (
            [f"data/{s}-{n}-of-2.pq" for s in ("test", "train", "validation") for n in (0, 1)],
            "/x/data/train-*.pq and source.test to /x/data/test-*.pq",
        ),
        (
            [f"default/{s}/{n}" for s in ("test", "train") for n in (0, 1)],
            "/x/default/train and source.test to /x/default/test",
        ),
        (["mnist.csv", "mnist_test.csv"], "/x/mnist.csv and source.test to /x/mnist_test.csv"),
        (["a-TRAIN.csv", "a-val.csv"], "/x/a-TRAIN.csv and source.test to /x/a-val.csv"),
        (["split=train/0", "split=test/0"], "/x/split=train/0 and source.test to /x/split=test/0"),
    ],
)
def test_files_of_another_split_are_refused_with_the_keys_to_set(
    names: list[str], mend: str
) -> None:
    assert refusal(names).endswith(f": set source.train to {mend}")


@pytest.mark.parametrize(
    ("names", "key"),
    [
        (["a.csv", "b.csv"], "train"),
        (["a.csv", "train.csv"], "train"),
        (["test-0.csv", "test-1.csv"], "train"),  # stated so
        (["test/a.csv", "test/b.csv"], "test"),
        (["latest.csv", "contest.csv", "trainers.csv"], "train"),
        ([], "train"),
    ],
)
def test_files_of_one_split_are_taken(names: list[str], key: str) -> None:
    refuse_splits("/x", key, [f"/x/{name}" for name in names])


def test_splits_that_no_path_tells_apart_are_refused_with_what_to_do() -> None:
    assert refusal(["a/train.csv", "a/test.csv", "b/train.csv", "b/test.csv", "c.csv"]) == (
        "those of none (c.csv), test (a/test.csv, b/test.csv), train (a/train.csv, b/train.csv): put "
        "the files of each split into a folder of its own, or rename those of one split"
    )


def test_texts_are_of_splits_where_they_are_called_alike_but_for_the_word() -> None:
    assert refusal(["wiki.train.tokens", "wiki.test.tokens"], alike=True).endswith(
        ": set source.train to /x/wiki.train.tokens and source.test to /x/wiki.test.tokens"
    )
    assert refusal(["train/00.txt", "test/17.txt"], alike=True)
    for names in (
        ["model/train.py", "tests/test_model.py", "a.py"],
        ["a-train.txt", "the-test.txt"],
    ):
        refuse_splits("/x", "train", [f"/x/{name}" for name in names], alike=True)


@pytest.mark.parametrize(
    ("source", "end"),
    [
        ({"format": "table"}, ".parquet"),
        ({"format": "table"}, ".orc"),
        ({"format": "table", "reader": "binaryFile"}, ".png"),
        ({"format": "numpy"}, ".npz"),
        ({"format": "csv"}, ".csv.gz"),
        ({"format": "libsvm"}, ".txt"),
        ({"format": "webdataset"}, ".tar"),
        ({"format": "text"}, ".txt"),
    ],
)
@pytest.mark.parametrize("glob", ["", "/*"])
def test_no_format_takes_the_files_of_two_splits_as_one(
    tmp_path: Path, source: dict, end: str, glob: str
) -> None:
    for split in ("train", "test"):
        (tmp_path / f"{split}{end}").write_bytes(b"")
    tokens: dict = {"record": "tokens", "values": 256, "shape": [3]}
    changes = tokens if source["format"] == "text" else {}
    dataset = dataset_of({**source, "train": f"{tmp_path}{glob}"}, **changes)
    with pytest.raises(RequestError) as error:
        source_of(dataset).files(dataset)
    assert (
        f"set source.train to {tmp_path}/train{end} and source.test to {tmp_path}/test{end}"
    ) in str(error.value)


def test_files_that_are_not_read_say_no_split(tmp_path: Path) -> None:
    for name in ("train-0.tar", "train-1.tar", "test-notes.md"):
        (tmp_path / name).write_bytes(b"")
    dataset = dataset_of({"format": "webdataset", "train": str(tmp_path)})
    assert [f.uri for f in source_of(dataset).files(dataset)["train"]] == [
        f"{tmp_path}/train-0.tar",
        f"{tmp_path}/train-1.tar",
    ]


def test_files_without_a_word_are_the_training_split_beside_those_of_another(
    tmp_path: Path,
) -> None:
    for name in ("digits.csv", "digits_test.csv"):
        (tmp_path / name).write_text("")
    look = Look(str(tmp_path))
    assert split_files(look, look.files).keys == {
        "train": f"{tmp_path}/digits.csv",
        "test": f"{tmp_path}/digits_test.csv",
    }


def test_all_parts_know_the_same_words() -> None:
    assert {word: split for split, words in WORDS.items() for word in words} == SPLITS
    assert {word for word, split in SPLITS.items() if split != "train"} < OTHER_SPLITS
    assert {word: split_of(f"a/{word}-1.csv") for word in SPLITS} == SPLITS
