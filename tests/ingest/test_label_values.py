"""Labels as they come: mapped where that is plain, and names themselves where none are stated."""

import gzip
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from as_rows import dataset_of, made_of
from small_rows import config, source

from sparkgen.errors import RequestError
from sparkgen.ingest.ingest import ingest
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.parse import label_values, parse_block
from sparkgen.ingest.sources import source_of
from sparkgen.ingest.version import IngestRequest

TEN = tuple("abcdefghij")


def lines(labels: list, suffix: str = "") -> str:
    return "".join(f"{label} 1:{row % 200 + 55}{suffix}\n" for row, label in enumerate(labels))


def rows_of(spark: Any, folder: Path, train: str, **changes: Any) -> tuple[list[int], Any]:
    """The labels of a version in the order of its source, and its manifest."""
    (folder / "train-a.txt").write_text(train)
    (folder / "test.txt").write_text(train)
    keys = changes.pop("keys", {})
    changes["source"] = source(f"{folder}/train-a.txt", f"{folder}/test.txt", **keys)
    manifest = ingest(spark, config(folder, **changes), datasets_uri=f"{folder}/out")
    version = folder / "out" / "tiny" / manifest.version
    tables = [pq.read_table(version / f.path) for f in manifest.splits["test"].files]
    return [label for table in tables for label in table["label"].to_pylist()], manifest


@pytest.mark.parametrize(
    ("values", "names", "order"),
    [
        (range(1, 11), TEN, range(10)),
        ((-1, "+1"), ("no", "yes"), (0, 1)),
        ((255, "0.0"), ("no", "yes"), (1, 0)),
        ((20, 10), ("10", "20"), (1, 0)),
    ],
)
def test_labels_that_plainly_mean_the_classes_are_mapped(
    spark: Any,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    values: Any,
    names: Any,
    order: Any,
) -> None:
    with caplog.at_level(logging.INFO):
        labels, manifest = rows_of(spark, tmp_path, lines(list(values) * 8), class_names=names)
    assert labels == list(order) * 8
    assert manifest.class_names == names
    assert manifest.quarantined == {}
    assert ("are taken for the classes in rising order" in caplog.text) == (names[0] != "10")


def test_labels_that_may_be_errors_are_not_mapped(spark: Any, tmp_path: Path) -> None:
    wrong = lines([0, 1, 7] * 8)
    with pytest.raises(RequestError) as error:
        rows_of(spark, tmp_path, wrong, class_names=("a", "b", "c"))
    assert "found 0 to 7, unknown in 16 of 48 records: say what they stand for as" in str(
        error.value
    )
    keys = {"label_values": [7, 0, 1]}
    labels, _ = rows_of(spark, tmp_path, wrong, class_names=("a", "b", "c"), keys=keys)
    assert labels == [1, 2, 0] * 8
    with pytest.raises(RequestError, match=r"labels 5, 0, 1, as source\.label_values has them"):
        rows_of(
            spark, tmp_path, wrong, class_names=("a", "b", "c"), keys={"label_values": [5, 0, 1]}
        )


@pytest.mark.parametrize(
    ("values", "keys", "names", "order"),
    [
        ([2, 0, 1], {}, ("0", "1", "2"), [2, 0, 1]),
        ([3, "1.0", 10], {}, ("1", "3", "10"), [1, 0, 2]),
        ([-1, 1], {"label_values": [1, -1]}, ("1", "-1"), [1, 0]),
    ],
)
def test_labels_are_the_names_where_none_are_stated(
    tmp_path: Path, values: list, keys: dict, names: tuple, order: list
) -> None:
    (tmp_path / "a.txt").write_text(lines(values * 8))
    found = made_of({"format": "libsvm", "train": f"{tmp_path}/a.txt", **keys}, tasks=2)
    assert (found.labels["train"], found.class_names, found.bad) == (order * 8, names, [])


def test_a_version_has_the_names_that_its_executors_found(spark: Any, tmp_path: Path) -> None:
    labels, manifest = rows_of(spark, tmp_path, lines([3, 1] * 8), class_names=None, labels=("3",))
    assert (labels, manifest.class_names) == ([1] * 8, ("1", "3"))


def test_a_rule_with_values_reads_fast_and_slow_lines_alike() -> None:
    rule = LineRule(4, 2, label_values=(-1.0, 1.0))
    for suffix in ("", "  2:1\t3:1"):
        (records,) = parse_block(lines([1, -1, 0, "+1.0", 2, 1.5], suffix).encode(), rule)
        assert records.labels.tolist() == [1, 0, 1]
        assert [(b.position, b.reason, b.found) for b in records.bad] == [
            (2, "unknown-label", 0.0), (4, "unknown-label", 2.0), (5, "unknown-label", 1.5),
        ]  # fmt: skip


def test_the_pass_over_labels_sees_whole_numbers_alone() -> None:
    text = b"1 1:1\n\n +1.0 2:2\n# 9 1:1\n-3#c\n1:5\n2.5 1:1\n1e1\nnan 1:1\n1e999\n7"
    assert label_values(text) == {"1": 2, "-3": 1, "10": 1, "7": 1}


def test_fractions_alone_are_no_classes(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("0.5 1:1\n1.5 1:2\n")
    with pytest.raises(RequestError, match=r"whole numbers as the labels of .*, found none"):
        made_of({"format": "libsvm", "train": f"{tmp_path}/a.txt"})


def test_values_that_contradict_the_names_are_refused_and_a_null_is_not_written() -> None:
    asked = {"format": "libsvm", "train": "x"}
    for values, line in (([1, 1], "label_values must differ"), ([1, 2, 3], "found 3: correct one")):
        with pytest.raises(RequestError) as error:
            source_of(dataset_of({**asked, "label_values": values}, class_names=["a", "b"]))
        assert line in str(error.value)
    for values in (None, [1, 2]):
        dataset = dataset_of({**asked, "label_values": values})
        written = IngestRequest(dataset, source_of(dataset), {}).config["source"]
        assert written.get("label_values") == values


def idx_files(folder: Path, labels: list[int]) -> dict[str, str]:
    """A pair of idx files, whose picture n is of the grey n."""
    for name, array in (
        ("y", np.array(labels, np.uint8)),
        ("x", np.arange(len(labels), dtype=np.uint8).repeat(4).reshape(-1, 2, 2)),
    ):
        header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">u4").tobytes()
        (folder / f"{name}.gz").write_bytes(gzip.compress(header + array.tobytes()))
    paths = {"train_images": f"{folder}/x.gz", "train_labels": f"{folder}/y.gz"}
    return {"format": "idx", **paths}


@pytest.mark.parametrize(
    ("labels", "stated", "meant", "bad"),
    [
        ([3, 0, 1, 2], None, [3, 0, 1, 2], []),
        ([4, 2, 9], None, [1, 0, 2], []),
        ([3, 1, 2], ["a", "b", "c"], [2, 0, 1], []),  # as EMNIST's letters, 1 to 26
        ([1, 2, 1], ["a", "b", "c"], [1, 2, 1], []),
        ([0, 1, 7], ["a", "b", "c"], [0, 1], [("3", "unknown-label")]),
    ],
)
def test_labels_of_idx_files_are_numbers_or_plainly_in_order(
    tmp_path: Path, labels: list, stated: Any, meant: list, bad: list
) -> None:
    found = made_of(idx_files(tmp_path, labels), class_names=stated)
    assert (found.labels["train"], found.bad) == (meant, bad)
    assert found.data["train"][:, 0].tolist() == list(range(len(meant)))
    assert found.class_names == tuple(stated or map(str, sorted(labels)))


def test_the_built_in_digits_have_numbers_as_names(tmp_path: Path) -> None:
    dataset = dataset_of({"format": "builtin"}, shape=[8, 8, 1])
    digits = source_of(dataset)
    work = digits.shares(dataset, digits.files(dataset), tasks=1, scratch=str(tmp_path))
    assert work.class_names == tuple("0123456789")
    assert sum(len(b.records.labels) for s in work.shares for b in s.blocks()) == 1797
