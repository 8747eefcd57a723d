"""The manifest: what is no version is refused, and an id says what the content is."""

from pathlib import Path

import pytest

from sparkgen.datasets.manifest import (
    Manifest,
    SourceEntry,
    SplitEntry,
    content_version,
    list_versions,
    read_manifest,
    write_manifest,
)
from sparkgen.errors import ManifestError

MANIFEST = Manifest(
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


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    write_manifest(f"{tmp_path}/tiny/0", MANIFEST)
    assert read_manifest(f"{tmp_path}/tiny/0") == MANIFEST
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


def test_a_folder_without_a_manifest_is_no_version(tmp_path: Path) -> None:
    (tmp_path / "tiny" / "half").mkdir(parents=True)
    assert list_versions(str(tmp_path), "tiny") == []
    with pytest.raises(ManifestError, match=r"no manifest\.json"):
        read_manifest(f"{tmp_path}/tiny/half")


@pytest.mark.parametrize("name", ["_common_metadata", "_metadata", "train/_common_metadata"])
def test_a_pickled_schema_is_refused(tmp_path: Path, name: str) -> None:
    write_manifest(f"{tmp_path}/tiny/0", MANIFEST)
    (tmp_path / "tiny" / "0" / name).parent.mkdir(exist_ok=True)
    (tmp_path / "tiny" / "0" / name).write_bytes(b"pickle")
    with pytest.raises(ManifestError, match="pickled Petastorm schema"):
        read_manifest(f"{tmp_path}/tiny/0")
