"""Lists of pictures: what they name is read, what they do not name or what is missing is counted."""

import gzip
import json
import logging
from pathlib import Path
from typing import Any

import pytest
from archive_files import PACKED, made, png
from as_rows import Made, dataset_of, made_of

from sparkgen.errors import RequestError
from sparkgen.ingest.source import ManyBad
from sparkgen.ingest.sources import source_of

PICTURES = {f"pics/{i}.png": png(i) for i in range(6)}
CSV = "image,label,split\n" + "".join(
    f"pics/{i}.png,{'cat' if i % 2 else 'dog'},{'test' if i > 3 else 'train'}\n" for i in range(6)
)


def listed(path: Path, text: str | bytes, name: str = "list.csv", **source: Any) -> Made:
    (path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    changes = {k: source.pop(k) for k in ("class_names", "max_bad_fraction") if k in source}
    return made_of({"format": "list", "path": f"{path}/{name}", **source}, **changes)


def refusal(path: Path, text: str | bytes, name: str = "list.csv", **source: Any) -> str:
    with pytest.raises(RequestError) as error:
        listed(path, text, name, **source)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made("folder", tmp_path, PICTURES)
    return tmp_path


def json_lines() -> str:
    rows = [line.split(",") for line in CSV.splitlines()[1:]]
    return "\n".join(
        json.dumps({"file_name": p, "label": c, "split": s, "other": [1]}) for p, c, s in rows
    )


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (CSV, "list.csv"),
        (CSV.replace(",", ";"), "list.csv"),
        (CSV.replace(",", "\t"), "list.tsv"),
        (b"\xef\xbb\xbf" + CSV.replace("\n", "\r\n").encode(), "list.CSV"),
        (
            "\n" + CSV.replace("pics/0.png", '"./pics/0.png"').replace("label", " Class Name "),
            "l.txt",
        ),
        (gzip.compress(CSV.encode(), mtime=0), "list.csv.gz"),
        (json_lines(), "metadata.jsonl"),
        (json_lines(), "metadata.ndjson"),
    ],
)
def test_every_kind_of_list_gives_the_same_records(folder: Path, text: Any, name: str) -> None:
    found = listed(folder, text, name)
    assert found.class_names == ("cat", "dog")
    assert found.labels == {"train": [1, 0, 1, 0], "test": [1, 0]}
    assert found.data["train"][:, 0].tolist() == [0, 1, 2, 3]
    assert found.data["test"][:, 0].tolist() == [4, 5]
    assert (found.bad, found.unused) == ([], {})


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("prefix", ["pics/", ""])
def test_the_root_may_be_an_archive_of_one_folder(tmp_path: Path, kind: str, prefix: str) -> None:
    root = made(kind, tmp_path, PICTURES)
    reversed_list = "\n".join([CSV.splitlines()[0], *CSV.splitlines()[:0:-1]])
    found = listed(tmp_path, reversed_list.replace("pics/", prefix), root=root)
    assert found.labels == {"train": [1, 0, 1, 0], "test": [1, 0]}  # in the order of the archive
    assert found.data["train"][:, 0].tolist() == [0, 1, 2, 3]
    assert found.unused == {}


def test_names_without_endings_are_found_where_one_picture_has_the_name(tmp_path: Path) -> None:
    files = {"a.png": png(1), "b.jpg": png(2), "c.png": png(3), "c.gif": png(4), "d.txt": b""}
    made("folder", tmp_path, files)
    found = listed(tmp_path, "image_id,target\na,0\nb,1\nc,0\nd,0\n")
    assert found.data["train"][:, 0].tolist() == [1, 2]
    assert found.bad == [("c", "listed-and-missing"), ("d", "listed-and-missing")]
    assert found.unused == {"not-an-image": 1, "not-listed": 2}


def test_a_text_beside_a_picture_is_not_taken_for_it(tmp_path: Path) -> None:
    there = {f"{i}.jpg": png(i) for i in range(3)} | {f"{i}.txt": b"note" for i in range(3)}
    made("folder", tmp_path, there)
    found = listed(tmp_path, "id,label\n0,a\n1,b\n2,a\n")
    assert found.data["train"][:, 0].tolist() == [0, 1, 2]
    assert (found.bad, found.unused) == ([], {"not-an-image": 3})


def test_json_lines_have_the_keys_of_all_of_them(folder: Path) -> None:
    """As where a key without a value is left out."""
    rows: list[dict[str, Any]] = [{"path": f"pics/{i}.png"} for i in range(6)]
    for i in range(1, 6):
        rows[i] |= {"label": "ab"[i % 2], "split": "test" if i > 3 else "train"}
    del rows[1]["label"]
    found = listed(folder, "\n".join(map(json.dumps, rows)), "l.jsonl")
    assert (found.class_names, found.labels) == (("a", "b"), {"train": [0, 1], "test": [0, 1]})
    assert found.data["train"][:, 0].tolist() == [2, 3]
    assert found.bad == [("pics/1.png", "no-label"), ("pics/0.png", "no-split")]


def test_columns_are_found_by_name_or_stated(folder: Path) -> None:
    text = "n,where,kind,label\n" + "".join(f"{i},pics/{i}.png,{i % 3},x\n" for i in range(6))
    found = listed(folder, text, image="where", label="kind")
    assert (found.class_names, found.labels["train"]) == (("0", "1", "2"), [0, 1, 2] * 2)
    assert listed(folder, text.replace("where", "filepath")).class_names == ("x",)
    line = refusal(folder, text, image="wher")
    assert "source.image, the name of a column" in line
    assert "found wher, where there are n, where, kind, label" in line
    assert "found n, where, kind, label: add such a line" in refusal(folder, text)
    assert "such as image,label, found pics/0.png, dog" in refusal(folder, "pics/0.png,dog\n")


def test_columns_that_may_be_meant_are_told(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    text = "path,kind,phase\n" + "".join(
        f"pics/{i}.png,{'ab'[i % 2]},{'Val' if i > 3 else 'train'}\n" for i in range(6)
    )
    found = listed(folder, text)
    assert (found.class_names, found.labels) == (("all",), {"train": [0] * 6})
    assert "no column of a usual name for classes; source.label may name one of kind, phase" in (
        caplog.text
    )
    assert "list.csv has words for splits in phase: source.split names it" in caplog.text
    caplog.clear()
    found = listed(folder, text, label="kind", split="phase")
    assert found.labels == {"train": [0, 1, 0, 1], "test": [0, 1]}
    assert "WARNING" not in caplog.text


def test_a_list_without_classes_or_splits_is_one_class_for_training(folder: Path) -> None:
    found = listed(folder, "path\n" + "".join(f"pics/{i}.png\n" for i in range(6)))
    assert (found.class_names, found.labels) == (("all",), {"train": [0] * 6})
    line = refusal(folder, "path\npics/0.png\n", class_names=["a", "b"])
    assert "labels in " in line
    assert "for the 2 dataset.class_names, found none" in line


@pytest.mark.parametrize(
    ("splits", "labels", "unused"),
    [
        (["Train", "TEST", "val", "extra", "training", "testing"], {"train": 2, "test": 2}, 2),
        (["train", "train", "valid", "extra", "train", "dev"], {"train": 3, "test": 2}, 1),
    ],
)
def test_validation_rows_are_the_test_split_where_there_is_none(
    folder: Path, splits: list[str], labels: dict[str, int], unused: int
) -> None:
    text = "file,set\n" + "".join(f"pics/{i}.png,{s}\n" for i, s in enumerate(splits))
    found = listed(folder, text)
    assert {split: len(rows) for split, rows in found.labels.items()} == labels
    assert found.unused == {"other-split": unused}


def test_the_test_split_may_have_a_list_of_its_own(tmp_path: Path) -> None:
    """As Hugging Face's folders: each split with its metadata beside its pictures."""
    for split, number in (("train", 1), ("test", 2)):
        made("folder", tmp_path, {f"{split}/0.png": png(number), f"{split}/more.png": png(9)})
        text = json.dumps({"file_name": "0.png", "label": split, "split": "?"})
        (tmp_path / split / "metadata.jsonl").write_text(text)
    paths = {"path": f"{tmp_path}/train/metadata.jsonl", "test": f"{tmp_path}/test/metadata.jsonl"}
    found = made_of({"format": "list", **paths})
    assert (found.class_names, found.labels) == (("test", "train"), {"train": [1], "test": [0]})
    assert [found.data[split][0, 0] for split in ("train", "test")] == [1, 2]
    assert found.unused == {"not-listed": 2}
    both = made_of({"format": "list", **paths, "root": str(tmp_path)}, max_bad_fraction=1.0)
    assert both.bad == [("0.png", "listed-and-missing")] * 2
    assert both.unused == {"not-listed": 4}


def test_rows_of_another_split_are_not_used_beside_a_list_of_the_test_split(folder: Path) -> None:
    """Neither are they missed, where their pictures lie elsewhere."""
    splits = ["train", "train", "TEST", "val", "extra", "train"]
    rows = "".join(f"pics/{i}.png,{s}\n" for i, s in enumerate(splits)) + "gone/9.png,test\n"
    (folder / "held.csv").write_text("path,split\npics/4.png,val\npics/5.png,train\n")
    found = listed(folder, "path,split\n" + rows, test=f"{folder}/held.csv", max_bad_fraction=0.0)
    assert {split: data[:, 0].tolist() for split, data in found.data.items()} == {
        "train": [0, 1, 5],
        "test": [4],
    }
    assert (found.bad, found.unused) == ([], {"other-split": 5})
    (folder / "held.csv").write_text("path,split\npics/4.png,train\n")
    line = refusal(folder, CSV, test=f"{folder}/held.csv")
    assert f"rows of the test split in {folder}/held.csv, found train in the column split" in line
    same = listed(folder, CSV, test=f"{folder}/list.csv")
    assert same.labels == {"train": [1, 0, 1, 0], "test": [1, 0]}


def test_a_source_has_the_splits_of_its_list(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        listed(folder, CSV)
    assert "columns of " in caplog.text
    assert (
        "image: image, label: label, split: split; splits: {'train': 'train', 'test'" in caplog.text
    )
    for text, splits in ((CSV, ("train", "test")), ("path\npics/0.png\n", ("train",))):
        (folder / "list.csv").write_text(text)
        source = source_of(dataset_of({"format": "list", "path": f"{folder}/list.csv"}))
        assert source.splits == splits


def test_what_is_missing_bad_or_not_named_is_counted(folder: Path) -> None:
    (folder / "pics" / "empty.png").write_bytes(b"")
    (folder / "pics" / ".hidden.png").write_bytes(png(0))
    rows = [
        "pics/0.png,0",
        "pics/0.png,0",
        "pics/1.png,0",
        "pics/1.png,1",
        "pics/2.png,",
        "pics/gone.png,0",
        "../pics/3.png,0",
        "/etc/passwd,0",
        "C:/x.png,0",
        "pics/../../x.png,0",
        f"{folder}/pics/4.png,1",
        "pics/../pics/empty.png,1",
        ",1",
        "pics/5.png,1,2",
    ]
    found = listed(folder, "path,label\n" + "\n".join(rows))
    assert found.labels["train"] == [0, 1]
    assert found.data["train"][:, 0].tolist() == [0, 4]
    assert found.bad == [
        ("pics/1.png", "two-labels"),
        ("pics/2.png", "no-label"),
        ("pics/empty.png", "empty-image"),
        ("pics/gone.png", "listed-and-missing"),
        ("../pics/3.png", "path-escape"),
        ("/etc/passwd", "path-escape"),
        ("C:/x.png", "path-escape"),
        ("pics/../../x.png", "path-escape"),
        ("line 14", "no-path"),
        ("line 15", "unreadable-row"),
    ]
    assert found.unused == {"hidden": 1, "listed-twice": 2, "not-listed": 2}


@pytest.mark.parametrize(
    ("text", "name", "line"),
    [
        (b"path,label\npics/\xff.png,1\n", "l.csv", "text in UTF-8"),
        (
            b"path,label\npics/0.png,'1'\n\"pics/1.png,1\n",
            "l.csv",
            "found unexpected end of data in",
        ),
        (b"", "l.csv", "rows in "),
        (b'{"path": "pics/0.png"\n', "l.jsonl", "JSON lines in "),
        (b"[1]\n", "l.jsonl", "found no object in line 1"),
        (
            b"path\nother/0.png\n",
            "l.csv",
            "found 1 of 1 missing, such as other/0.png: set source.root",
        ),
    ],
)
def test_what_is_no_list_is_refused(folder: Path, text: bytes, name: str, line: str) -> None:
    assert line in refusal(folder, text, name, max_bad_fraction=0.5)


def test_a_list_whose_paths_lead_out_of_its_folder_says_where_they_begin(folder: Path) -> None:
    dataset = dataset_of({"format": "list", "path": f"{folder}/list.csv"})
    source = source_of(dataset)
    bad = ManyBad([], "path-escape", "9 of 9 records", "the first: /x/1.png")
    error = source.contradiction(dataset, bad)
    assert error is not None
    assert "set source.root to the folder or archive that they begin with" in str(error)
    assert source.contradiction(dataset, bad._replace(reason="empty-image")) is None
