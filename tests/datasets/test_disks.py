"""Folders that are mounts of object storage: a real FUSE mount that refuses renames, links and locks."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from fuse_mount import fuse_mount
from pyspark.sql import SparkSession

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.environment import EnvironmentConfig
from sparkgen.datasets import disks
from sparkgen.datasets.disks import on_disk
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.storage import copy_in, put, read_bytes, write_bytes
from sparkgen.errors import RequestError
from sparkgen.ingest.ingest import ingest
from sparkgen.tracking.server import check_location, tracking_uri

DIGITS = DatasetConfig.model_validate(
    {"name": "digits", "source": {"format": "builtin"}, "shape": [8, 8, 1], "limit": 400}
)


@pytest.fixture(scope="module")
def mount(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with fuse_mount(tmp_path_factory.mktemp("fuse")) as folder:
        if folder is None:
            pytest.skip("this process may not mount, or there is no /dev/fuse")
        yield folder


def test_the_mount_refuses_what_object_storage_cannot(mount: Path) -> None:
    write_bytes(f"{mount}/refused", b"x")
    with pytest.raises(OSError, match="not supported"):
        (mount / "refused").rename(mount / "renamed")
    with pytest.raises(OSError, match="not supported"):
        (mount / "linked").hardlink_to(mount / "refused")
    with pytest.raises(OSError, match="not supported"):
        (mount / "refused").open("ab")


def test_a_folder_is_told_from_a_mount_by_its_nearest_mount_point(
    mount: Path, tmp_path: Path
) -> None:
    assert on_disk(str(tmp_path / "not" / "there"))
    assert not on_disk(str(mount / "not" / "there"))
    assert on_disk(f"{mount}-beside")
    (tmp_path / "link").symlink_to(mount)
    assert not on_disk(str(tmp_path / "link" / "x"))
    assert not on_disk("/Volumes/main/sparkgen/pipeline")
    assert not on_disk("/dbfs/tmp")


def test_of_two_mounts_on_one_folder_the_later_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = "36 1 8:1 / {folder} rw - {kind} /dev/x rw\n"
    mounts = [("/", "ext4"), (tmp_path, "xfs"), (tmp_path, "fuse.goofys")]
    for kinds, expected in ((mounts, False), ([mounts[0], mounts[2], mounts[1]], True)):
        table = tmp_path / "mountinfo"
        table.write_text("".join(line.format(folder=f, kind=kind) for f, kind in kinds))
        monkeypatch.setattr(disks, "MOUNTS", str(table))
        assert on_disk(str(tmp_path / "x")) == expected


def test_files_are_written_again_copied_and_put_into_place_on_a_mount(
    mount: Path, tmp_path: Path
) -> None:
    write_bytes(f"{mount}/files/a", b"longer")
    write_bytes(f"{mount}/files/a", b"x")
    (tmp_path / "local").write_bytes(b"y")
    copy_in(str(tmp_path / "local"), f"{mount}/files/b")
    put(f"{mount}/files/b", f"{mount}/files/deep/c")
    assert read_bytes(f"{mount}/files/a") == b"x"
    assert read_bytes(f"{mount}/files/deep/c") == b"y"
    assert sorted(path.name for path in (mount / "files").iterdir()) == ["a", "b", "deep"]


def test_a_database_file_on_a_mount_is_refused(mount: Path) -> None:
    with pytest.raises(RequestError, match=r"set environment\.tracking_uri"):
        tracking_uri(EnvironmentConfig(root=str(mount)))


def test_artifacts_on_a_mount_are_refused(mount: Path, tmp_path: Path) -> None:
    for location in (str(mount), mount.as_uri()):
        with pytest.raises(RequestError, match="a URI, or a folder of a disk, for artifacts"):
            check_location(location)
    for location in (str(tmp_path), "dbfs:/databricks/mlflow-tracking/1"):
        check_location(location)


def test_a_mount_gets_the_version_of_a_disk_and_it_is_repaired_there(
    mount: Path, tmp_path: Path, spark: SparkSession
) -> None:
    made = ingest(spark, DIGITS, datasets_uri=f"{mount}/datasets")
    assert made.version == ingest(spark, DIGITS, datasets_uri=str(tmp_path)).version
    version = mount / "datasets" / "digits" / made.version
    assert [path.name for path in version.parent.iterdir()] == [made.version]
    file = made.all_files(str(version))[0]
    Path(file.uri).write_bytes(b"damaged")
    (version / "manifest.json").write_bytes(b'{"format_version": 1, "na')
    assert ingest(spark, DIGITS, datasets_uri=f"{mount}/datasets").version == made.version
    for one in read_manifest(str(version)).all_files(str(version)):
        one.read()
