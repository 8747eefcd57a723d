"""WebDataset archives: samples by the name up to the first dot, labels of three kinds."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from archive_files import png, tar
from as_rows import Made, made_of

from sparkgen.errors import RequestError

SHARDS = [
    {
        name: data
        for i in numbers
        for name, data in {
            f"{stem}/{i:03d}{png_}": png(i),
            f"{stem}/{i:03d}.cls": b"%d\n" % (i % 3),
        }.items()
    }
    for stem, numbers, png_ in (("a", range(5), ".png"), ("b.x", range(5, 9), ".PNG"))
]


def made(path: Path, files: dict[str, bytes], **source: Any) -> Made:
    names = source.pop("class_names", None)
    (path / "a.tar").write_bytes(tar(files))
    return made_of({"format": "webdataset", "train": f"{path}/a.tar", **source}, class_names=names)


def refusal(path: Path, files: dict[str, bytes], **source: Any) -> str:
    with pytest.raises(RequestError) as error:
        made(path, files, **source)
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
@pytest.mark.parametrize("tasks", [1, 3])
def test_shards_are_read_in_order_with_their_labels(
    tmp_path: Path, suffix: str, tasks: int
) -> None:
    pack = gzip.compress if suffix.endswith("gz") else bytes
    for number, files in enumerate(SHARDS):
        (tmp_path / f"shard-{number}.{suffix}").write_bytes(pack(tar(files)))
    found = made_of({"format": "webdataset", "train": f"{tmp_path}/shard-*.{suffix}"}, tasks=tasks)
    assert found.labels == {"train": [i % 3 for i in range(9)]}
    assert found.data["train"][:, 0].tolist() == list(range(9))
    assert (found.class_names, found.bad, found.unused) == (("0", "1", "2"), [], {})


def test_labels_and_pictures_may_lie_far_apart(tmp_path: Path) -> None:
    files = {f"{i}.png": png(i) for i in range(4)} | {f"{i}.txt": b"dog" for i in (3, 1)}
    files |= {f"{i}.txt": b" cat\n" for i in (0, 2)}
    found = made(tmp_path, files)
    assert (found.class_names, found.labels["train"]) == (("cat", "dog"), [0, 1, 0, 1])


@pytest.mark.parametrize(
    ("json_of", "key"),
    [
        (lambda i: {"label": i % 2 + 1, "x": 0}, None),
        (lambda i: {"class": f"{i % 2 + 1}"}, None),
        (lambda i: {"kind": float(i % 2 + 1), "label": i}, "kind"),
    ],
)
def test_a_key_of_json_says_the_class(tmp_path: Path, json_of: Any, key: str | None) -> None:
    files: dict[str, bytes] = {}
    for i in range(4):
        files |= {f"{i}.png": png(i), f"{i}.json": json.dumps(json_of(i)).encode()}
    found = made(tmp_path, files, label_key=key)
    assert (found.class_names, found.labels["train"]) == (("1", "2"), [0, 1, 0, 1])
    found = made(tmp_path, files, label_key=key, class_names=["odd", "even"])
    assert found.labels["train"] == [0, 1, 0, 1]


def test_one_key_of_json_says_the_class_of_all_samples(tmp_path: Path) -> None:
    classes = [{"class": "cat"}, {"class": "dog", "label": 3}, {"label": 4}, {"label": [5]}]
    files = {f"{i}.png": png(i) for i in range(4)}
    files |= {f"{i}.json": json.dumps(found).encode() for i, found in enumerate(classes)}
    found = made(tmp_path, files)
    assert (found.class_names, found.labels["train"]) == (("3", "4"), [0, 1])
    assert found.bad == [("0.png", "no-label"), ("3.png", "no-label")]


def test_members_that_say_no_class_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = made(tmp_path, {"0.png": png(0), "0.json": b'{"width": 2}', "0.txt": b"cat"})
    assert (found.class_names, found.labels["train"]) == (("all",), [0])
    assert "the .json members of the samples say no class: no key label, cls, class" in caplog.text


def test_splits_share_one_numbering_of_their_classes(tmp_path: Path) -> None:
    (tmp_path / "train.tar").write_bytes(tar({"0.png": png(0), "0.txt": b"b"}))
    (tmp_path / "test.tar").write_bytes(tar({"0.png": png(1), "0.txt": b"a"}))
    source = {"train": f"{tmp_path}/train.tar", "test": f"{tmp_path}/test.tar"}
    found = made_of({"format": "webdataset", **source})
    assert (found.class_names, found.labels) == (("a", "b"), {"train": [1], "test": [0]})


def test_without_labels_all_are_of_one_class(tmp_path: Path) -> None:
    found = made(tmp_path, {"0.png": png(0), "1.jpg": png(1)})
    assert (found.class_names, found.labels["train"]) == (("all",), [0, 0])
    line = refusal(tmp_path, {"0.png": png(0)}, class_names=["a", "b"])
    assert (
        "expected labels in the samples, for the 2 dataset.class_names, found none: name the"
        in line
    )


def test_what_is_not_used_is_counted_and_what_is_bad_is_named(tmp_path: Path) -> None:
    files = {f"{i}.png": png(i) for i in range(6)} | {f"{i}.cls": b"0" for i in range(3)}
    files |= {"3.cls": b"7", "5.cls": b"", "0.seg.png": png(9), "1.txt": b"a cat", "2.jpg": png(9)}
    files |= {"7.cls": b"1", "7.json": b"{}", "._0.png": b"", "8.png": b"", "8.cls": b"0"}
    found = made(tmp_path, files, class_names=["a", "b"])
    assert found.labels["train"] == [0, 0, 0]
    assert found.data["train"][:, 0].tolist() == [0, 1, 2]
    assert found.bad == [
        ("3.png", "unknown-label"),
        ("4.png", "no-label"),
        ("5.png", "no-label"),
        ("8.png", "empty-image"),
    ]
    assert found.unused == {"hidden": 1, "no-picture": 2, "other-member": 2, "second-picture": 1}


def test_a_folder_of_archives_may_hold_other_files(tmp_path: Path) -> None:
    (tmp_path / "0.tar").write_bytes(tar({"0.png": png(0)}))
    (tmp_path / "index.json").write_text("{}")
    found = made_of({"format": "webdataset", "train": str(tmp_path)})
    assert (found.labels["train"], found.unused) == ([0], {"not-an-archive": 1})


def test_what_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    assert "samples with a picture, such as 0001.jpg" in refusal(tmp_path, {"a.mp3": b"x"})
    line = refusal(tmp_path, {"0.png": png(0), "0.json": b'{"label": 1}'}, label_key="kind")
    assert "the key kind in .json members of samples, found none" in line
    captions = {f"{i}.png": png(0) for i in range(150)} | {
        f"{i}.txt": b"caption %d" % i for i in range(150)
    }
    line = refusal(tmp_path, captions)
    assert "found 150 different ones of 150 records, such as 'caption 0'" in line
