"""The manifest: what is no version is refused, and an id says what the content is."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
import versions

from sparkgen.datasets.files import digest
from sparkgen.datasets.manifest import (
    Manifest,
    SourceEntry,
    SplitEntry,
    content_version,
    read_manifest,
    write_manifest,
)
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.datasets.versions import list_versions
from sparkgen.errors import ManifestError

DRAFT = Manifest(
    name="tiny",
    version="0",
    shape=(2, 2, 1),
    class_names=("a",),
    lanes=1,
    splits={"train": SplitEntry(rows=0, label_counts={}, files=())},
    quarantined={},
    sources=(SourceEntry(uri="/here/a.txt", size=3, modified="1"),),
    config={"source": {"train": "/here/a.txt"}, "seed": 0},
    libraries={"numpy": "1"},
)
MANIFEST = DRAFT.model_copy(update={"version": content_version(DRAFT)})
FILE = {"path": "train/part-00000.parquet", "rows": 1, "bytes": 4, "sha256": digest(b"PAR1")}

OLD = """
{"class_names": ["a", "b"], "config": {"class_names": ["a", "b"], "invert": false, "labels": null,
"lanes": 8, "limit": null, "max_bad_fraction": 0.01, "name": "tiny", "seed": 0, "shape": [2, 2, 1],
"shard_rows": 4096, "shards": null, "source": {"format": "libsvm", "test": null,
"train": "/data/rows.txt", "value_max": 255.0, "value_min": 0.0, "zero_based": false},
"validation_fraction": 0.1}, "dtype": "uint8", "format_version": 1, "lanes": 8, "libraries": {},
"name": "tiny", "quarantine_files": [], "quarantined": {"unknown-label": 2}, "record": "image",
"shape": [2, 2, 1], "sources": [], "splits": {"train": {"files": [{"bytes": 4,
"path": "train/part-00000.parquet", "rows": 1, "sha256":
"0000000000000000000000000000000000000000000000000000000000000000"}], "label_counts": {"1": 1},
"rows": 1}}, "unused": {"hidden": 1}, "version": "8b5e21f45f11b874"}
"""
"""As a release wrote it that knew images only."""


def place(root: Path, manifest: Manifest = MANIFEST) -> Path:
    """The folder of a version with nothing but its manifest."""
    folder = root / manifest.name / manifest.version
    write_manifest(str(folder), manifest)
    return folder


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    assert read_manifest(str(place(tmp_path))) == MANIFEST
    assert list_versions(str(tmp_path), "tiny") == [MANIFEST]


def test_the_id_follows_the_content_and_not_the_sources_of_it() -> None:
    moved = MANIFEST.model_copy(
        update={
            "sources": (SourceEntry(uri="/there/a.txt", size=3, modified="2"),),
            "config": {"source": {"train": "/there/a.txt"}, "seed": 0},
            "libraries": {"numpy": "2"},
            "unused": {"hidden": 3},
        }
    )
    assert content_version(moved) == content_version(MANIFEST)
    seeded = MANIFEST.model_copy(update={"config": {**MANIFEST.config, "seed": 1}})
    assert content_version(seeded) != content_version(MANIFEST)


def test_a_manifest_of_an_older_release_keeps_its_id_and_its_bytes(tmp_path: Path) -> None:
    folder = tmp_path / "tiny" / "8b5e21f45f11b874"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(OLD)
    manifest = read_manifest(str(folder))
    assert content_version(manifest) == manifest.version == "8b5e21f45f11b874"
    assert (manifest.record, manifest.values) == ("image", 256)
    write_manifest(str(folder), manifest)
    written = json.dumps(json.loads(OLD), indent=1, sort_keys=True)
    assert (folder / "manifest.json").read_text() == written + "\n"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("record", "imgae"),
        ("values", 17),
        ("dtype", "uint16"),
        ("format_version", 2),
        ("format_version", 3),
        ("shape", [2, 2]),
        ("shape", [2, 2, 0]),
    ],
)
def test_records_that_a_manifest_cannot_mean_are_refused(tmp_path: Path, key: str, value) -> None:
    folder = place(tmp_path)
    values = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**values, key: value}))
    with pytest.raises(ManifestError, match="a manifest of format 1 or 2"):
        read_manifest(str(folder))


def test_a_manifest_says_what_a_model_must_know() -> None:
    def spec(counts: dict[int, int]) -> DataSpec:
        train = SplitEntry(rows=9, label_counts=counts, files=())
        changes = {"class_names": tuple("abc"), "splits": {"train": train}}
        return MANIFEST.model_copy(update=changes).spec

    assert spec({0: 3, 1: 0, 2: 6}) == DataSpec(ImageRecord((2, 2, 1)), 3, (0, 2))
    assert spec({0: 3, 1: 3, 2: 3}) == DataSpec(ImageRecord((2, 2, 1)), 3)
    assert spec({2: 9}).labels == (2,)
    without = MANIFEST.model_copy(update={"splits": {}})
    assert without.spec == DataSpec(ImageRecord((2, 2, 1)), 1)


@pytest.mark.parametrize(
    ("values", "dtype"), [(2, "uint8"), (256, "uint8"), (257, "uint16"), (70_000, "uint32")]
)
def test_a_manifest_of_tokens_is_of_format_2_and_says_how_many_there_are(
    tmp_path: Path, values: int, dtype: str
) -> None:
    record = TokenRecord((9,), values)
    data = versions.random_data(record, 20)
    train = versions.write_split(
        tmp_path, "train", record, ids=np.arange(20), labels=np.zeros(20), data=data, files=3
    )
    written = versions.write_version(tmp_path, record, {"train": train}, class_names=["all"])
    manifest = read_manifest(str(tmp_path))
    assert manifest == written
    assert (manifest.format_version, manifest.values, manifest.dtype) == (2, values, dtype)
    assert manifest.spec == DataSpec(record, 1)
    files = manifest.split_files(str(tmp_path), "train")
    cells = [cell for f in files for cell in f.table(["tokens"])["tokens"].to_pylist()]
    assert np.array_equal(record.decode(cells), data)
    fewer = written.model_copy(update={"values": values + 1})
    assert content_version(fewer) != written.version


def test_a_folder_without_a_manifest_is_no_version(tmp_path: Path) -> None:
    (tmp_path / "tiny" / "half").mkdir(parents=True)
    assert list_versions(str(tmp_path), "tiny") == []
    with pytest.raises(ManifestError, match=r"no manifest\.json"):
        read_manifest(f"{tmp_path}/tiny/half")


@pytest.mark.parametrize("name", ["_common_metadata", "_metadata", "train/_common_metadata"])
def test_a_pickled_schema_is_refused(tmp_path: Path, name: str) -> None:
    folder = place(tmp_path)
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"pickle")
    with pytest.raises(ManifestError, match="pickled Petastorm schema"):
        read_manifest(str(folder))


def test_a_manifest_with_a_flipped_bit_is_refused_or_says_the_same_of_the_data(
    tmp_path: Path,
) -> None:
    folder = place(tmp_path)
    written = (folder / "manifest.json").read_bytes()
    random, refused = np.random.default_rng(0), 0
    for at, bit in zip(
        random.integers(0, len(written), 300), random.integers(0, 8, 300), strict=True
    ):
        data = bytearray(written)
        data[at] ^= 1 << bit
        (folder / "manifest.json").write_bytes(data)
        try:
            found = read_manifest(str(folder))
        except ManifestError as error:
            refused += str(folder) in str(error)
        else:  # where the sources lay, or what wrote the files
            assert content_version(found) == MANIFEST.version == found.version
    assert refused > 200


@pytest.mark.parametrize(
    "text",
    [b"", b"[]", b"{}", b"null", b"\xff\xfe{", b"[" * 100_000, b"PAR1" * 1000],
    ids=["empty", "list", "no keys", "null", "no UTF-8", "deep", "Parquet"],
)
def test_what_is_no_manifest_is_one_line(tmp_path: Path, text: bytes) -> None:
    folder = place(tmp_path)
    (folder / "manifest.json").write_bytes(text)
    with pytest.raises(ManifestError, match="run sparkgen ingest again") as caught:
        read_manifest(str(folder))
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("path", "../../secret.parquet"),
        ("path", "/etc/passwd"),
        ("path", "train/../../x.parquet"),
        ("path", "train//x.parquet"),
        ("path", ""),
        ("rows", -1),
        ("rows", 1.5),
        ("bytes", -4),
        ("sha256", "0"),
    ],
)
def test_a_file_that_is_none_of_the_version_is_refused(tmp_path: Path, key: str, value) -> None:
    folder = place(tmp_path)
    values = json.loads((folder / "manifest.json").read_text())
    file = {**FILE, key: value}
    values["splits"]["train"] = {"rows": 1, "label_counts": {}, "files": [file]}
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(ManifestError, match=rf"splits\.train\.files\.0\.{key}"):
        read_manifest(str(folder))


def test_a_damaged_version_is_told_and_the_others_go_on(tmp_path: Path, caplog) -> None:
    other = MANIFEST.model_copy(update={"config": {"seed": 1}})
    other = other.model_copy(update={"version": content_version(other)})
    damaged = place(tmp_path)
    place(tmp_path, other)
    moved = tmp_path / "tiny" / "moved"
    (tmp_path / "tiny" / other.version).rename(moved)
    place(tmp_path, other)
    (tmp_path / "tiny" / "loop").symlink_to(tmp_path / "tiny" / "loop")
    (damaged / "manifest.json").write_text("{")
    with caplog.at_level(logging.WARNING):
        assert list_versions(str(tmp_path), "tiny") == [other]
    assert f"{damaged}, found" in caplog.text
    assert f"{moved}, found that of version {other.version}" in caplog.text
