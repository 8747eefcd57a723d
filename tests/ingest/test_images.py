"""Folders and archives of images: the same records, whatever they lie in; nothing climbs out."""

import io
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from archive_files import KINDS, TRAIN, made, png, records_of
from PIL import Image

from sparkgen.ingest.files.archives import list_members, read_members
from sparkgen.ingest.images import decode, pictures


@pytest.mark.parametrize("kind", KINDS)
def test_every_container_gives_the_same_records(tmp_path: Path, kind: str) -> None:
    uri = made(kind, tmp_path)
    for (records,) in records_of(uri, tasks=2).values():
        assert records.labels.tolist() == [0] * 30 + [1] * 30
        assert records.data[:, 0].tolist() == [*range(30), *range(30)]
        assert not records.bad


@pytest.mark.parametrize("kind", KINDS)
def test_a_task_reads_its_own_members_only(tmp_path: Path, kind: str) -> None:
    uri = made(kind, tmp_path)
    members = [m for m in list_members(uri) if m.name.endswith(("007.png", "019.png"))]
    assert [np.asarray(Image.open(io.BytesIO(d)))[0, 0] for d in read_members(uri, members)] == [
        7, 19, 7, 19, 7, 19, 7, 19,
    ]  # fmt: skip


def test_links_and_members_that_climb_out_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "hostile.tar"
    with tarfile.open(path, "w") as archive:
        for name in ("../train/cat/a.png", "/train/cat/b.png", "x/../../train/dog/c.png"):
            info = tarfile.TarInfo(name)
            info.size = 4
            archive.addfile(info, io.BytesIO(b"evil"))
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE):
            info = tarfile.TarInfo("train/cat/link.png")
            info.type, info.linkname = kind, "/etc/passwd"
            archive.addfile(info)
        info = tarfile.TarInfo("train/cat/good.png")
        info.size = len(png(9))
        archive.addfile(info, io.BytesIO(png(9)))
    (records,) = records_of(str(path), splits=TRAIN)["train"]
    assert [b.reason for b in records.bad] == ["path-escape"] * 3 + ["link-member"] * 3
    assert records.data.tolist() == [[9] * 4]


def test_what_is_no_image_of_a_class_is_named(tmp_path: Path) -> None:
    files = {
        "cat/note.txt": (b"hello", "unknown-type"),
        "cat/empty.png": (b"", "empty-image"),
        "fish/a.png": (png(1), "unknown-label"),
        "dog/broken.png": (b"\x89PNG....".ljust(9_999, b"."), "undecodable-image"),
    }
    for name, (data, _) in files.items():
        (tmp_path / "train" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "train" / name).write_bytes(data)
    (records,) = records_of(str(tmp_path), splits=TRAIN)["train"]
    found = {str(b.position): b.reason for b in records.bad}
    assert found == {f"train/{name}": reason for name, (_, reason) in files.items()}
    assert sorted(len(b.record) for b in records.bad) == [0, 0, 0, 4096]  # its beginning only


def test_a_class_folder_may_bear_the_number_of_its_class(tmp_path: Path) -> None:
    for name in ("0", "dog"):
        (tmp_path / "train" / name).mkdir(parents=True)
        (tmp_path / "train" / name / "a.png").write_bytes(png(3))
    (records,) = records_of(str(tmp_path), splits=TRAIN)["train"]
    assert records.labels.tolist() == [0, 1]


def test_a_damaged_member_of_a_zip_goes_to_quarantine_and_the_others_stay(tmp_path: Path) -> None:
    archive = Path(made("zip", tmp_path))
    data, picture = archive.read_bytes(), png(7)
    at = data.index(picture)  # of the test split's first class; members are stored as they are
    archive.write_bytes(data[: at + 40] + b"\xff" + data[at + 41 :])
    records = [r for found in records_of(str(archive)).values() for r in found]
    assert [(b.position, b.reason) for r in records for b in r.bad] == [
        ("set/test/cat/007.png", "unreadable-member")
    ]
    assert sum(len(r.labels) for r in records) == 119


@pytest.mark.parametrize("error", [ZeroDivisionError, struct.error, StopIteration, RecursionError])
def test_whatever_a_decoder_raises_over_one_picture_costs_that_picture_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """Decoders raise of every kind over damage; the list of those that are known cannot be whole."""
    good = decode.decode_image

    def fragile(data: bytes, rule: decode.ImageRule) -> np.ndarray:
        if data.endswith(b"odd"):
            raise error
        return good(data, rule)

    monkeypatch.setattr(pictures, "decode_image", fragile)
    files = {f"train/cat/{n}.png": png(n) for n in range(3)} | {"train/cat/x.png": png(9) + b"odd"}
    (records,) = records_of(made("folder", tmp_path, files), splits=TRAIN)["train"]
    assert len(records.labels) == 3
    assert [(bad.position, bad.reason) for bad in records.bad] == [
        ("train/cat/x.png", f"undecodable-image-{error.__name__}")
    ]
