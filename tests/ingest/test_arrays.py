"""NumPy's files: the same records in every form, read a block at a time, and nothing unpickled."""

import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from as_rows import Made, dataset_of, made_of
from numpy.lib import format as npy

from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.arrays import pairs as array_pairs
from sparkgen.ingest.sources import source_of

X = np.random.default_rng(0).integers(0, 256, (50, 2, 3, 3), np.uint8)
Y = np.arange(50) % 3
KERAS = {"x_train": X[:40], "y_train": Y[:40], "x_test": X[40:], "y_test": Y[40:]}


def read(path: Path, tasks: int = 1, **arrays: Any) -> Made:
    """What the source makes of arrays in an .npz; other arguments are keys."""
    source = {
        key: arrays.pop(key)
        for key in ("images", "labels", "value_max")
        if isinstance(arrays.get(key), str | float)
    }
    changes = {key: arrays.pop(key) for key in ("class_names", "shape") if key in arrays}
    np.savez(path / "a.npz", **arrays)
    return made_of(
        {"format": "numpy", "train": f"{path}/a.npz", **source},
        tasks=tasks,
        **{"shape": [2, 3, 3], **changes},
    )


def refusal(path: Path, **arrays: Any) -> str:
    with pytest.raises(RequestError) as error:
        read(path, **arrays)
    assert "\n" not in str(error.value)
    return str(error.value)


def same(found: Made, test: bool = True) -> None:
    rows = 40 if test else 50
    assert found.labels["train"] == Y[:rows].tolist()
    assert (found.data["train"] == X[:rows].reshape(rows, -1)).all()
    assert found.bad == []
    if test:
        assert found.labels["test"] == Y[40:].tolist()
        assert (found.data["test"] == X[40:].reshape(10, -1)).all()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("tasks", [1, 3, 7])
def test_keras_files_give_both_splits_in_any_number_of_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, save: Any, tasks: int
) -> None:
    monkeypatch.setattr(array_pairs, "BLOCK_ROWS", 6)
    save(tmp_path / "a.npz", **KERAS)
    source = {"format": "numpy", "train": f"{tmp_path}/a.npz"}
    found = made_of(source, tasks=tasks, shape=[2, 3, 3])
    same(found)
    assert (found.class_names, found.unused) == (("0", "1", "2"), {})
    assert source_of(dataset_of(source, shape=[2, 3, 3])).splits == ("train", "test")


@pytest.mark.parametrize(
    "names",
    [
        ("train_images", "train_labels"),
        ("images", "labels"),
        ("arr_0", "arr_1"),
        ("X", "y"),
        ("Data", "Target"),
    ],
)
def test_arrays_are_found_by_usual_names(tmp_path: Path, names: tuple[str, str]) -> None:
    same(read(tmp_path, **dict(zip(names, (X, Y), strict=True))), test=False)


def test_one_array_alone_is_the_pictures(tmp_path: Path) -> None:
    found = read(tmp_path, anything=X)
    assert (found.labels["train"], found.class_names) == ([0] * 50, ("all",))


def test_the_order_that_flat_rows_of_colours_are_read_in_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read(tmp_path, x=X, y=Y)
    assert "order of height, width, channels" not in caplog.text
    read(tmp_path, x=X.reshape(50, -1), y=Y)
    assert "is taken for a picture in order of height, width, channels" in caplog.text


def test_arrays_may_be_named(tmp_path: Path) -> None:
    arrays = {"a": X, "b": Y, "x_train": X[:1], "y_train": Y[:1]}
    same(read(tmp_path, images="a", labels="b", **arrays), test=False)
    assert (
        "source.images, the name of an array, found c, where there are a [50, 2, 3, 3]"
        in refusal(tmp_path, images="c", **arrays)
    )
    assert "with names such as x_train and y_train" in refusal(tmp_path, a=X, b=Y)


def test_validation_arrays_are_the_test_split_where_there_is_none(tmp_path: Path) -> None:
    three = {
        "train_images": X[:40],
        "train_labels": Y[:40],
        "val_images": X[40:],
        "val_labels": Y[40:],
    }
    same(read(tmp_path, **three))
    found = read(tmp_path, **three, test_images=X[:3], test_labels=Y[:3])
    assert found.labels["test"] == Y[:3].tolist()
    assert found.unused == {"other-split": 10}


def test_plain_arrays_come_with_files_of_labels(tmp_path: Path) -> None:
    for name, array in KERAS.items():
        np.save(tmp_path / f"{name}.npy", array)
    keys = {
        "train": "x_train",
        "train_labels": "y_train",
        "test": "x_test",
        "test_labels": "y_test",
    }
    paths = {key: f"{tmp_path}/{name}.npy" for key, name in keys.items()}
    same(made_of({"format": "numpy", **paths}, shape=[2, 3, 3]))
    found = made_of({"format": "numpy", "train": paths["train"]}, shape=[2, 3, 3])
    assert (found.labels["train"], found.class_names) == ([0] * 40, ("all",))
    with pytest.raises(RequestError, match=r"labels of .*x_test\.npy, as of the other pictures"):
        made_of(
            {"format": "numpy", **{k: v for k, v in paths.items() if k != "test_labels"}},
            shape=[2, 3, 3],
        )


@pytest.mark.parametrize(
    ("pixels", "shape"),
    [
        (X.reshape(50, 18), [2, 3, 3]),
        (X[..., 0], [2, 3, 1]),
        (X[..., :1], [2, 3, 1]),
        (X[..., 0][:, None], [2, 3, 1]),
        (X.astype(">i4"), [2, 3, 3]),
        (X.astype(np.float32), [2, 3, 3]),
        (X.astype(np.float64) / 255, [2, 3, 3]),
        (X > 127, [2, 3, 3]),
    ],
)
def test_pictures_of_every_form_are_the_same(
    tmp_path: Path, pixels: np.ndarray, shape: list[int]
) -> None:
    white = {"value_max": 1.0 if pixels.max() <= 1 else 255.0} if pixels.dtype.kind == "f" else {}
    found = read(tmp_path, x=pixels, y=Y, shape=shape, **white)
    wanted = X[..., : shape[2]].reshape(50, -1)
    wanted = np.where(wanted > 127, 255, 0) if pixels.dtype.kind == "b" else wanted
    assert (found.data["train"] == wanted).all()


@pytest.mark.parametrize(
    ("labels", "stated", "names"),
    [
        (Y + 1, ["a", "b", "c"], ("a", "b", "c")),
        (Y.astype(np.float32), None, ("0", "1", "2")),
        (np.array(["c", "d", "e"])[Y], None, ("c", "d", "e")),
        (np.array([b"c", b"d", b"e"])[Y], None, ("c", "d", "e")),
        (Y[:, None].astype(np.uint8), None, ("0", "1", "2")),
    ],
)
def test_labels_are_numbers_or_texts(
    tmp_path: Path, labels: np.ndarray, stated: Any, names: tuple
) -> None:
    found = read(tmp_path, x=X, y=labels, class_names=stated)
    assert (found.labels["train"], found.class_names) == (Y.tolist(), names)


def test_bad_rows_go_to_quarantine_alone(tmp_path: Path) -> None:
    pixels = X.astype(np.float32)
    pixels[3, 0, 0, 0], pixels[4, 0, 0, 0], pixels[5, 0, 0, 0] = 256, np.nan, -1
    labels = Y.copy()
    labels[6] = 9
    found = read(tmp_path, x=pixels, y=labels, value_max=255.0, class_names=["a", "b", "c"])
    outside = [(str(row), "value-out-of-range") for row in (4, 5, 6)]
    assert found.bad == [*outside, ("7", "unknown-label")]
    assert found.labels["train"] == [*Y[:3], *Y[7:]]


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        (
            {"x": X.transpose(0, 3, 1, 2), "y": Y},
            "found [3, 2, 3], channels first: save array.transpose",
        ),
        (
            {"x": X[:, :1], "y": Y},
            "found an array of the shape [50, 1, 3, 3]: set the dataset's shape",
        ),
        ({"x": np.asfortranarray(X), "y": Y}, "found an array in Fortran order: save numpy.ascont"),
        ({"x": X / 255, "y": Y}, "which has fractions, found none: set it to 1.0, or to 255.0"),
        ({"x": X.astype(complex), "y": Y}, "found complex128: convert them"),
        ({"x": X, "y": Y[:9]}, "found int64 of the shape [9]: give the labels of these pictures"),
        ({"x": X, "y": np.eye(3)[Y]}, "found float64 of the shape [50, 3]: give the labels"),
        ({"x": X[:0], "y": Y[:0]}, "found none: correct the dataset's source"),
        ({"x": X, "class_names": ["a", "b"]}, "for the 2 dataset.class_names, found none"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(tmp_path: Path, arrays: dict, line: str) -> None:
    assert line in refusal(tmp_path, **arrays)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "evil"),)

    line = refusal(tmp_path, x=X, y=np.array([Evil()] * 50, object))
    assert "found objects of Python, which are not read, since that could run code" in line
    assert not (tmp_path / "evil").exists()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=Y)
    whole = (tmp_path / "a.npz").read_bytes()
    source = {"format": "numpy", "train": f"{tmp_path}/a.npz"}
    for data in (whole[:-30], whole[:100], b"PK\x03\x04", b"", b"no array", whole + b"more"):
        (tmp_path / "a.npz").write_bytes(data)
        with pytest.raises(RequestError) as error:
            made_of(source, shape=[2, 3, 3])
        assert f"{tmp_path}/a.npz" in str(error.value)
    np.save(tmp_path / "a.npy", X)
    (tmp_path / "a.npy").write_bytes((tmp_path / "a.npy").read_bytes()[:-1])
    with pytest.raises(RequestError, match=r"1027 bytes of .*a\.npy, whose header declares 1028"):
        made_of({**source, "train": f"{tmp_path}/a.npy"}, shape=[2, 3, 3])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_file_that_shrinks_while_it_is_read_is_named(tmp_path: Path, save: Any) -> None:
    save(tmp_path / "a.npz", x=X)
    dataset = dataset_of({"format": "numpy", "train": f"{tmp_path}/a.npz"}, shape=[2, 3, 3])
    source = source_of(dataset)
    (share,) = source.shares(dataset, source.files(dataset), tasks=1, scratch="").shares
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:300])
    with pytest.raises(
        IngestError, match=r"x of \S*/a\.npz (ends before its last row|cannot be read)"
    ):
        list(share.blocks())


def test_headers_of_later_versions_are_read(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with open(tmp_path / "a.npy", "wb") as file:
        npy.write_array(file, X, version=(2, 0))
    with caplog.at_level(logging.INFO):
        found = made_of({"format": "numpy", "train": f"{tmp_path}/a.npy"}, shape=[2, 3, 3])
    assert len(found.data["train"]) == 50
    assert f"pictures: {tmp_path}/a.npy; labels: none" in caplog.text
