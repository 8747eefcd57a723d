"""Tables of pictures: every row is a record or is in quarantine, whatever its columns are called."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from archive_files import FILES, made, png
from table_files import CELL, bad_of, blocks_of, cells, config, levels, rows_of, work_of, write

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import IngestError, RequestError, SparkgenError
from sparkgen.ingest.ingest import ingest
from sparkgen.ingest.tables import classes as table_classes
from sparkgen.ingest.tables import parquet
from sparkgen.ingest.tables import shares as table_shares


def refusal(dataset: DatasetConfig) -> str:
    with pytest.raises(RequestError) as error:
        work_of(dataset)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize(
    ("kind", "cell"),
    [
        (CELL, lambda data: {"bytes": data, "path": "a.png"}),
        (pa.struct([("bytes", pa.binary())]), lambda data: {"bytes": data}),
        (pa.struct([("path", pa.string()), ("bytes", pa.large_binary())]), lambda d: {"bytes": d}),
        (pa.binary(), bytes),
        (pa.large_binary(), bytes),
    ],
    ids=["struct", "bytes alone", "path first", "binary", "large binary"],
)
@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (pa.array([2, 0, 1], pa.int64()), [2, 0, 1]),
        (pa.array([2, 0, 1], pa.uint8()), [2, 0, 1]),
        (pa.array(["owl", "cat", "dog"]), [2, 0, 1]),
        (pa.array(["owl", "cat", "dog"], pa.large_string()), [2, 0, 1]),
        (pa.array(["owl", "cat", "dog"]).dictionary_encode(), [2, 0, 1]),
    ],
    ids=["int64", "uint8", "text", "large text", "dictionary"],
)
def test_pictures_and_labels_of_every_type_are_read(
    tmp_path: Path, kind: pa.DataType, cell: Any, labels: pa.Array, expected: list[int]
) -> None:
    path = write(tmp_path / "a.parquet", [cell(png(i)) for i in range(3)], labels, kind=kind)
    work = work_of(config(path, class_names=["cat", "dog", "owl"]))
    assert rows_of(work) == list(zip(range(3), expected, strict=True))
    assert work.unused == {}


@pytest.mark.parametrize(
    ("labels", "names", "stated", "found"),
    [
        (["owl", "cat", "owl"], None, None, ("cat", "owl")),
        ([1, 2, 0], None, None, ("0", "1", "2")),
        ([1, 3, 0], None, None, ("0", "1", "3")),
        (["-1", "-10", "2"], None, None, ("-10", "-1", "2")),
        ([5, 2, 7], None, None, ("2", "5", "7")),
        ([-1, 1, 1], None, None, ("-1", "1")),
        ([1, 0, 1], ["cat", "dog", "owl"], None, ("cat", "dog", "owl")),
        ([1, 0, 1], ["cat", "dog"], ["felis", "canis"], ("felis", "canis")),
        (None, None, None, ("all",)),
        (None, None, ["pets"], ("pets",)),
    ],
)
def test_classes_are_the_stated_ones_or_those_of_the_table(
    tmp_path: Path, labels: list | None, names: list | None, stated: list | None, found: tuple
) -> None:
    path = write(tmp_path / "a.parquet", cells([1, 2, 3]), labels, names=names)
    work = work_of(config(path, class_names=stated))
    assert work.class_names == found
    labelled = [label for _, label in rows_of(work)]
    shown = labels and [names[n] if names else str(n) for n in labels]
    if stated is None and labels:
        assert [found[label] for label in labelled] == shown
    else:
        assert labelled == (labels or [0, 0, 0])


@pytest.mark.parametrize(
    ("labels", "names", "stated", "meant"),
    [
        (range(1, 11), None, "abcdefghij", range(10)),
        ([1, -1, 1], None, "ab", [1, 0, 1]),
        (["2", "1", "3"], None, "abc", [1, 0, 2]),
        (["1", "0", "1"], None, "ab", [1, 0, 1]),
        ([1, 2, 1], None, "abc", [1, 2, 1]),
        ([1, 2, 1], "wxyz", None, [1, 2, 1]),  # numbers of Hugging Face's classes
        ([1, 2, 3], "wxyz", "abcd", [1, 2, 3]),
        ([" b", "a ", "b"], None, None, [1, 0, 1]),
    ],
)
def test_labels_mean_the_classes_as_in_every_format(
    tmp_path: Path, labels: Any, names: str | None, stated: str | None, meant: Any
) -> None:
    path = write(tmp_path / "a.parquet", cells(range(len(labels))), list(labels), names=names)
    work = work_of(config(path, class_names=list(stated) if stated else None))
    assert rows_of(work) == list(enumerate(meant))
    assert bad_of(work) == []


@pytest.mark.parametrize("name", ["Label", "LABELS", "Class Name", "category", "Fine_Label"])
def test_a_column_of_labels_is_known_in_any_case(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "a.parquet", cells([1, 2]), more={name: ["b", "a"]})
    assert rows_of(work_of(config(path))) == [(1, 1), (2, 0)]


def test_a_column_that_may_be_of_labels_and_is_not_used_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more: dict = {"kind": ["b"] * 3 + ["a"] * 3, "id": range(6), "size": [0.5] * 6}
    path = write(tmp_path / "a.parquet", cells(range(6)), more=more, group=2)
    for changes, count in (({}, 1), ({"label": "kind"}, 0), ({"class_names": ["pets"]}, 0)):
        caplog.clear()
        work_of(config(path, **changes))
        told = [r.message for r in caplog.records if r.levelname == "WARNING"]
        assert len(told) == count
        assert all(
            "the unused column kind has few different values, such as a, b" in t for t in told
        )


def test_too_many_labels_are_no_classes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_classes, "MOST_CLASSES", 2)
    path = write(tmp_path / "a.parquet", cells([1, 2, 3]), [7, 8, 9])
    assert "at most 2 classes in column label" in refusal(config(path))


def test_labels_of_both_splits_count_together(tmp_path: Path) -> None:
    train = write(tmp_path / "a.parquet", cells([1, 2]), ["dog", "owl"])
    test = write(tmp_path / "b.parquet", cells([3, 4]), ["cat", "owl"])
    work = work_of(config(train, test=str(test)))
    assert work.class_names == ("cat", "dog", "owl")
    assert rows_of(work) == [(1, 1), (2, 2)]
    assert rows_of(work, "test") == [(3, 0), (4, 2)]


def test_what_is_no_record_is_named(tmp_path: Path) -> None:
    (tmp_path / "there.png").write_bytes(png(9))
    (tmp_path.parent / "outside.png").write_bytes(png(9))
    rows: list[tuple[Any, Any, str | None]] = [
        ({"bytes": png(1), "path": None}, 0, None),
        (None, 0, "null-image"),
        ({"bytes": None, "path": None}, 0, "null-image"),
        ({"bytes": b"", "path": None}, 0, "empty-image"),
        ({"bytes": b"GIF89a no", "path": None}, 0, "undecodable-image"),
        ({"bytes": None, "path": "there.png"}, 1, None),
        ({"bytes": None, "path": "gone.png"}, 0, "missing-file"),
        ({"bytes": None, "path": "../outside.png"}, 0, "path-escape"),
        ({"bytes": None, "path": f"{tmp_path}/there.png"}, 0, "path-escape"),
        ({"bytes": png(1), "path": None}, None, "null-label"),
        ({"bytes": png(1), "path": None}, 2, "unknown-label"),
        ({"bytes": png(1), "path": None}, -1, "unknown-label"),
    ]
    images, labels, reasons = zip(*rows, strict=True)
    path = write(tmp_path / "a.parquet", images, labels)
    work = work_of(config(path, class_names=["cat", "dog"]))
    assert bad_of(work) == [(n, reason) for n, reason in enumerate(reasons) if reason]
    assert rows_of(work) == [(1, 0), (9, 1)]
    (block,) = blocks_of(work)
    assert block.records.length == len(rows)
    assert block.records.bad[-1].record == png(1)


@pytest.mark.parametrize("group", [7, 30, 1000])
def test_no_number_of_tasks_changes_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, group: int
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 10)
    found = levels(95)
    write(tmp_path / "set" / "a.parquet", cells(found[:50]), found[:50], group=group)
    write(tmp_path / "set" / "b.parquet", cells(found[50:]), found[50:], group=group)
    names = [str(n) for n in range(256)]

    def cut(tasks: int) -> list[tuple[int, int, bytes]]:
        work = work_of(config(tmp_path / "set", class_names=names), tasks)
        assert len(work.shares) <= 2 * tasks
        assert rows_of(work) == [(level, level) for level in found]
        return [(b.file, b.number, b.records.data.tobytes()) for b in blocks_of(work)]

    assert cut(1) == cut(2) == cut(50)
    first = [number for file, number, _ in cut(1) if file == 0]
    assert first == list(range(8 if group == 7 else 5))


def test_one_row_group_is_read_by_several_tasks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "BLOCK_ROWS", 10)
    monkeypatch.setattr(table_shares, "MOST_READERS", 8)
    path = write(tmp_path / "a.parquet", cells(levels(200)), group=200)
    for tasks, shares in ((1, 2), (2, 4), (3, 6), (64, 8)):
        work = work_of(config(path), tasks)
        assert len(work.shares) in (shares - 1, shares)
        sizes = [sum(b.records.length for b in share.blocks()) for share in work.shares]
        assert sum(sizes) == 200
        assert max(sizes) <= -(-200 // (shares - 1)) + 10


def test_blocks_of_large_cells_are_small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "BATCH_BYTES", 1000)
    padded = [png(n) + b"\0" * 300 for n in range(12)]
    path = write(tmp_path / "a.parquet", padded, kind=pa.binary())
    assert {block.records.length for block in blocks_of(work_of(config(path)))} <= {1, 2, 3}
    assert [level for level, _ in rows_of(work_of(config(path)))] == list(range(12))


@pytest.mark.parametrize(
    ("columns", "changes", "line"),
    [
        ({"a": [b"x"], "b": [b"x"]}, {}, "one column of encoded pictures in .* found a, b: set"),
        ({"a": [1]}, {}, "found none among a: set source.image"),
        ({"a": [b"x"]}, {"image": "b"}, "one column b, source.image, in .* found a: correct"),
        ({"a": [b"x"], "n": [1]}, {"image": "n"}, "encoded pictures in column n .* found int64"),
        ({"a": [b"x"]}, {"label": "y"}, "one column y, source.label, in .* found a: correct"),
        ({"a": [b"x"], "label": [0.5]}, {}, "integers or text, found double: set source.label"),
        ({"a": [b"x"]}, {"class_names": ["u", "v"]}, "a column of labels in .* found none named"),
    ],
)
def test_columns_that_are_not_plain_are_refused(
    tmp_path: Path, columns: dict, changes: dict, line: str
) -> None:
    pq.write_table(pa.table(columns), tmp_path / "a.parquet")
    with pytest.raises(RequestError, match=line):
        work_of(config(tmp_path / "a.parquet", **changes))


def test_stated_names_in_another_order_than_those_of_the_table_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", cells([1]), [0], names=["cat", "dog"])
    assert "in the order of" in refusal(config(path, class_names=["dog", "cat"]))


def test_files_that_differ_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", cells([1]), [0])
    write(tmp_path / "b.parquet", cells([1]), ["cat"])
    assert "labels of one kind in all files" in refusal(config(tmp_path))


def test_a_folder_of_several_splits_is_refused_with_what_to_set(tmp_path: Path) -> None:
    """As Hugging Face lays them out: `data/train-00000-of-00001.parquet`, or `train/0000.parquet`."""
    for split, level in (("train", 1), ("test", 2), ("validation", 3)):
        write(tmp_path / "data" / f"{split}-00000-of-00001.parquet", cells([level]), [0])
        write(tmp_path / "default" / split / "0000.parquet", cells([level]), [0])
    data, default = f"{tmp_path}/data", f"{tmp_path}/default"
    assert (
        f"set source.train to {data}/train-00000-of-00001.parquet and "
        f"source.test to {data}/test-00000-of-00001.parquet"
    ) in refusal(config(data))
    assert (
        f"source.train to {default}/train/0000.parquet and "
        f"source.test to {default}/test/0000.parquet"
    ) in refusal(config(default))
    write(tmp_path / "hf" / "data" / "train-0.parquet", cells([1]), [0])
    write(tmp_path / "hf" / "data" / "test-0.parquet", cells([2]), [0])
    assert f"source.train to {tmp_path}/hf/data/train-0.parquet and" in refusal(
        config(tmp_path / "hf")
    )
    for train, test in (("data/train-*", "data/test-*"), ("default/train", "default/test")):
        work = work_of(config(tmp_path / train, test=str(tmp_path / test)))
        assert (rows_of(work), rows_of(work, "test")) == ([(1, 0)], [(2, 0)])


def test_other_files_in_a_folder_are_counted(tmp_path: Path) -> None:
    write(tmp_path / "a.parquet", cells([1]))
    for name in ("README.md", ".gitattributes", "_SUCCESS"):
        (tmp_path / name).write_text("")
    work = work_of(config(tmp_path))
    assert work.unused == {"hidden": 2, "not-parquet": 1}
    assert rows_of(work) == [(1, 0)]


def test_files_without_an_ending_are_read_where_the_reader_is_stated(tmp_path: Path) -> None:
    path = write(tmp_path / "rows", cells([1]))
    assert "a table at" in refusal(config(path))
    assert rows_of(work_of(config(path, reader="parquet"))) == [(1, 0)]


@pytest.mark.parametrize("keep", [0, 3, 50, -9])
def test_a_file_cut_short_is_named(tmp_path: Path, keep: int) -> None:
    path = write(tmp_path / "a.parquet", cells([1]))
    path.write_bytes(path.read_bytes()[:keep])
    assert f"a whole Parquet file that is not encrypted at {path}" in refusal(config(path))


def test_damaged_pages_are_named(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", cells(levels(500)))
    data = path.read_bytes()
    path.write_bytes(data[:4] + b"\xff" * 3000 + data[3004:])
    with pytest.raises(IngestError, match=rf"^{path} cannot be read: "):
        rows_of(work_of(config(path)))


def test_a_damaged_footer_is_refused_in_one_line_or_costs_pictures(tmp_path: Path) -> None:
    path = write(tmp_path / "a.parquet", cells(levels(30)), levels(30), group=11)
    data = path.read_bytes()
    footer = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    for at in np.random.default_rng(0).integers(footer, len(data), 150).tolist():
        path.write_bytes(data[:at] + bytes([data[at] ^ 255]) + data[at + 1 :])
        try:
            rows_of(work_of(config(path)))
        except SparkgenError as error:
            assert "\n" not in str(error)  # noqa: PT017


def test_a_label_that_is_no_text_is_no_class(tmp_path: Path) -> None:
    labels = pa.array([b"cat", b"\xff\xfe", b"dog"]).cast(pa.string(), safe=False)
    work = work_of(config(write(tmp_path / "a.parquet", cells([1, 2, 3]), labels)))
    assert work.class_names == ("cat", "dog")
    assert rows_of(work) == [(1, 0), (3, 1)]
    assert bad_of(work) == [(1, "unknown-label")]


def test_six_lines_make_a_version_of_a_table_as_hugging_face_stores_it(
    spark: Any, tmp_path: Path
) -> None:
    for split, count in (("train", 20), ("test", 5)):
        path = tmp_path / "data" / f"{split}-00000-of-00001.parquet"
        write(path, cells(levels(count)), [n % 2 for n in range(count)], names=["cat", "dog"])
    text = f"""name: pets
source:
  format: table
  train: "{tmp_path}/data/train-*.parquet"
  test: "{tmp_path}/data/test-*.parquet"
shape: [2, 2, 1]
"""
    dataset = DatasetConfig.model_validate(yaml.safe_load(text))
    manifest = ingest(spark, dataset, datasets_uri=f"{tmp_path}/out")
    assert len(text.splitlines()) == 6
    assert manifest.class_names == ("cat", "dog")
    assert manifest.unused == manifest.quarantined == {}
    rows = {name: split.rows for name, split in manifest.splits.items()}
    assert rows == {"train": 18, "validation": 2, "test": 5}


def test_labels_that_no_class_has_are_shown(spark: Any, tmp_path: Path) -> None:
    for values, line in (
        (
            [1, 2, 3] * 4,
            "labels 0 to 1 in column label .* found 1, 2, 3, unknown in 8 of 12 records",
        ),
        (["owl"] * 12, "labels of dataset.class_names in column label .* found owl, unknown in 12"),
    ):
        path = write(tmp_path / "a.parquet", cells(range(12)), values)
        dataset = config(path, class_names=["cat", "dog"])
        with pytest.raises(RequestError, match=line):
            ingest(spark, dataset, datasets_uri=f"{tmp_path}/out")


def test_a_table_makes_the_version_of_the_same_pictures_in_folders(
    spark: Any, tmp_path: Path
) -> None:
    for split in ("train", "test"):
        names = [name for name in sorted(FILES) if f"/{split}/" in name and "/." not in name]
        images = [{"bytes": FILES[name], "path": name} for name in names]
        labels = [name.split("/")[2] for name in names]
        write(tmp_path / "data" / f"{split}-0.parquet", images, labels, group=17)
    table = config(tmp_path / "data/train-*", test=f"{tmp_path}/data/test-*")
    pictures = json.loads(table.model_dump_json())
    pictures |= {
        "source": {"format": "images", "path": made("folder", tmp_path / "folders")},
        "class_names": ["cat", "dog"],
    }
    out = f"{tmp_path}/out"
    ours = ingest(spark, table, datasets_uri=out)
    theirs = ingest(spark, DatasetConfig.model_validate(pictures), datasets_uri=out)
    assert ours.class_names == theirs.class_names == ("cat", "dog")
    assert ours.splits == theirs.splits
    assert ours.splits["train"].rows == 60
    assert ingest(spark, table, datasets_uri=out) == ours
