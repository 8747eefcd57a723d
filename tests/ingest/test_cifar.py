"""CIFAR's binary files: planes become pictures, names come from the archive, damage is told."""

from pathlib import Path

import numpy as np
import pytest
from archive_files import made
from as_rows import Made, made_of

from sparkgen.errors import RequestError

X = np.random.default_rng(0).integers(0, 256, (12, 32, 32, 3), np.uint8)
NAMES = [f"class{n}" for n in range(10)]


def batch(rows: slice, *labels: np.ndarray) -> bytes:
    planes = X[rows].transpose(0, 3, 1, 2).reshape(-1, 3072)
    return np.concatenate([*(k[rows, None].astype(np.uint8) for k in labels), planes], 1).tobytes()


Y = np.arange(12) % 10
TEN = {
    "c/batches.meta.txt": "\n".join(NAMES).encode() + b"\n\n",
    "c/data_batch_10.bin": batch(slice(6, 8), Y),
    "c/data_batch_2.bin": batch(slice(3, 6), Y),
    "c/data_batch_1.bin": batch(slice(3), Y),
    "c/readme.html": b"read me",
    "c/test_batch.bin": batch(slice(8, 12), Y),
}
FINE, COARSE = Y * 9, Y * 2
HUNDRED = {
    "train.bin": batch(slice(8), COARSE, FINE),
    "test.bin": batch(slice(8, 12), COARSE, FINE),
    "fine_label_names.txt": "\n".join(f"f{n}" for n in range(100)).encode(),
    "coarse_label_names.txt": "\n".join(f"c{n}" for n in range(20)).encode(),
}


def read(path: Path, files: dict[str, bytes], kind: str = "folder", **source: str) -> Made:
    stated = source.pop("class_names", None)
    uri = made(kind, path, files)
    return made_of(
        {"format": "cifar", "path": uri, **source}, shape=[32, 32, 3], class_names=stated
    )


def refusal(path: Path, files: dict[str, bytes], **source: str) -> str:
    with pytest.raises(RequestError) as error:
        read(path, files, **source)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("kind", ["folder", "tar", "tar.gz", "zip"])
def test_planes_become_pictures_in_the_order_of_the_batches(tmp_path: Path, kind: str) -> None:
    found = read(tmp_path, TEN, kind)
    assert (found.data["train"] == X[:8].reshape(8, -1)).all()
    assert (found.data["test"] == X[8:].reshape(4, -1)).all()
    assert found.labels == {"train": Y[:8].tolist(), "test": Y[8:].tolist()}
    assert found.class_names == tuple(NAMES)
    assert (found.bad, found.unused) == ([], {"not-a-batch": 1})


@pytest.mark.parametrize(("labels", "values"), [("fine", FINE), ("coarse", COARSE)])
def test_cifar_100_has_two_kinds_of_labels(tmp_path: Path, labels: str, values: np.ndarray) -> None:
    found = read(tmp_path, HUNDRED, labels=labels)
    assert found.labels == {"train": values[:8].tolist(), "test": values[8:].tolist()}
    assert (found.data["train"] == X[:8].reshape(8, -1)).all()
    assert found.class_names is not None
    assert found.class_names[:2] == (f"{labels[0]}0", f"{labels[0]}1")
    assert found.unused == {}


def test_without_a_file_of_names_the_numbers_are_names(tmp_path: Path) -> None:
    files = {"data_batch_1.bin": batch(slice(12), Y)}
    found = read(tmp_path, files)
    assert found.class_names == tuple("0123456789")
    assert set(found.labels) == {"train"}


def test_a_label_that_no_class_has_goes_to_quarantine(tmp_path: Path) -> None:
    found = read(tmp_path, {"data_batch_1.bin": batch(slice(12), Y + 1)})
    assert found.bad == [("data_batch_1.bin record 10", "unknown-label")]
    assert len(found.data["train"]) == 11


@pytest.mark.parametrize(
    ("files", "source", "line"),
    [
        (
            {"data_batch_1.bin": batch(slice(3), Y)[:-1]},
            {},
            "found 9218 bytes: download the file again",
        ),
        ({"data_batch_1.bin": b""}, {}, "whole records of 3073 bytes in data_batch_1.bin"),
        ({"data_batch_1": b"x", "batches.meta": b"x"}, {}, "pickles of Python are not read"),
        ({"a.png": b"x"}, {}, "found a.png: correct source.path"),
        ({**TEN, **HUNDRED}, {}, "found those of both"),
        (TEN, {"labels": "coarse"}, "source.labels fine for CIFAR-10, found coarse"),
        (TEN, {"class_names": ["a", "b"]}, "10 dataset.class_names for CIFAR-10, found 2"),
        ({**TEN, "c/batches.meta.txt": b"a b"}, {}, "10 names of classes in c/batches.meta.txt"),
    ],
)
def test_what_is_no_whole_set_is_refused(
    tmp_path: Path, files: dict, source: dict, line: str
) -> None:
    assert line in refusal(tmp_path, files, **source)


def test_another_shape_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"found \[28, 28, 1\]: correct it"):
        made_of({"format": "cifar", "path": str(tmp_path)}, shape=[28, 28, 1])
