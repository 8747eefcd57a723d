"""Damaged, joined and odd archives: every member is read or told, or one line says what is wrong."""

import bz2
import gzip
import lzma
import os
import tarfile
import tempfile
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from archive_files import (
    FILES,
    NAMES,
    PACKED,
    SPLITS,
    levels_of,
    made,
    placed,
    png,
    records_of,
    tar,
    zipped,
    zstd,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.files.archives import list_members, read_members
from sparkgen.ingest.files.find import find_trees

SMALL = {f"{s}/{c}/{i}.png": png(40 * i + 10) for s in SPLITS for c in NAMES for i in range(3)}
HTML = b"<!DOCTYPE html><html><body>404: not found</body></html>" + b" " * 1000


def packed(kind: str, data: bytes) -> bytes:
    """The bytes of a tar, compressed as the kind has it."""
    return {
        "tar": bytes,
        "tar.gz": gzip.compress,
        "tar.bz2": bz2.compress,
        "tar.xz": lzma.compress,
        "tar.zst": zstd,
    }[kind](data)


def written(path: Path, name: str, data: bytes) -> str:
    (path / name).write_bytes(data)
    return f"{path}/{name}"


SHORT = {"tgz": "tar.gz", "tbz2": "tar.bz2", "txz": "tar.xz", "tzst": "tar.zst"}


@pytest.mark.parametrize(
    "name",
    [
        "a.TAR",
        "a.Tar.GZ",
        "a.TGZ",
        "a.tar.BZ2",
        "a.tbz2",
        "a.ZIP",
        "a.TAR.XZ",
        "a.txz",
        "a.tar.Zst",
        "a.TZST",
    ],
)
def test_an_ending_may_be_in_capitals_or_short(tmp_path: Path, name: str) -> None:
    kind = SHORT.get(name.lower()[2:], name.lower()[2:])
    uri = written(tmp_path, name, PACKED[kind](SMALL))
    assert levels_of(uri) == [10, 50, 90] * 2


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
def test_a_flipped_byte_in_a_header_is_named_with_its_place(tmp_path: Path, kind: str) -> None:
    data = bytearray(tar(SMALL))
    data[5 * 1024 + 3] ^= 1  # a member takes 1024 bytes, the first 512 of them its header
    uri = written(tmp_path, f"a.{kind}", packed(kind, bytes(data)))
    with pytest.raises(
        RequestError, match=rf"/a\.{kind}, found no header of a member at byte 5120"
    ):
        list_members(uri)


@pytest.mark.parametrize("kind", PACKED)
def test_one_archive_after_another_in_one_file_is_not_passed_over(
    tmp_path: Path, kind: str
) -> None:
    first, second = PACKED[kind](SMALL), PACKED[kind](FILES)
    uri = written(tmp_path, f"a.{kind}", first + second)
    place = f"at byte {len(tar(SMALL))}" if kind != "zip" else f"{len(first)} bytes before"
    with pytest.raises(RequestError, match=f"expected a whole archive at .*{place}"):
        list_members(uri)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "tar.bz2", "tar.xz", "tar.zst"])
@pytest.mark.parametrize("zeros", [0, 511])
def test_a_tar_cut_short_between_two_members_is_noticed(
    tmp_path: Path, kind: str, zeros: int
) -> None:
    data = tar(SMALL)[: 4 * 1024] + bytes(zeros)
    uri = written(tmp_path, f"a.{kind}", packed(kind, data))
    with pytest.raises(RequestError, match="found no mark of its end at byte 4096"):
        list_members(uri)


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_zeros_after_the_end_are_no_damage(tmp_path: Path, kind: str) -> None:
    uri = written(tmp_path, f"a.{kind}", PACKED[kind](SMALL) + bytes(10_240))
    assert levels_of(uri) == [10, 50, 90] * 2


@pytest.mark.parametrize("kind", PACKED)
@pytest.mark.parametrize("damage", ["cut", "half", "empty", "html", "junk after", "swapped"])
def test_what_is_no_whole_archive_is_refused_in_one_line(
    tmp_path: Path, kind: str, damage: str
) -> None:
    whole = PACKED[kind](SMALL)
    data = {
        "cut": whole[:-1] if kind != "tar" else tar(SMALL)[: 12 * 1024 - 512],
        "half": whole[: len(whole) // 2],
        "empty": b"",
        "html": HTML,
        "junk after": whole + b"junk",
        "swapped": PACKED["zip" if kind != "zip" else "tar.gz"](SMALL),
    }[damage]
    uri = written(tmp_path, f"a.{kind}", data)
    with pytest.raises(RequestError, match=rf"at \S*/a\.{kind}, found ") as error:
        list_members(uri)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", PACKED)
def test_members_that_lie_across_the_chunks_of_a_stream_are_whole(
    tmp_path: Path, kind: str
) -> None:
    """Streams are inflated in chunks of 64 KiB, and some give no more than the rest of one at a time."""
    random = np.random.default_rng(0)
    files = {f"{i:03}": random.bytes(int(random.integers(20_000))) for i in range(60)}
    uri = written(tmp_path, f"a.{kind}", PACKED[kind](files))
    members = list_members(uri)
    assert [m.size for m in members] == [len(data) for data in files.values()]
    assert list(read_members(uri, members)) == list(files.values())


def test_an_archive_of_another_kind_is_told_by_its_beginning(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"found one of the kind tar\.gz: give it the ending"):
        list_members(written(tmp_path, "a.tar", PACKED["tar.gz"](SMALL)))
    with pytest.raises(RequestError, match=r"found a file that begins b'<!DOCTYPE html>"):
        list_members(written(tmp_path, "b.tar", HTML))


@pytest.mark.parametrize("name", ["a.tar.lz4", "a.7z", "a.rar", "a.csv", "a.png", "a"])
def test_a_file_that_is_no_archive_is_refused_by_its_ending(tmp_path: Path, name: str) -> None:
    uri = written(tmp_path, name, b"something")
    with pytest.raises(RequestError, match=rf"\.tar, \.tar\.gz.* as source\.path, found {uri}:"):
        list_members(uri)


def test_a_directory_of_a_zip_that_passes_over_a_member_is_refused(tmp_path: Path) -> None:
    data = bytearray(zipped({f"train/cat/{i:04d}.png": png(i) for i in range(4)}))
    entry = data.index(b"PK\x01\x02")
    # The entry after the first, 46 bytes and its name of 18, becomes the comment of the first.
    data[entry + 32] = 46 + 18
    with zipfile.ZipFile(BytesIO(data)) as archive:
        assert len(archive.namelist()) == 3
    with pytest.raises(RequestError, match="3 members in a directory that declares 4"):
        list_members(written(tmp_path, "a.zip", bytes(data)))


def test_an_encrypted_member_of_a_zip_goes_to_quarantine_and_the_others_stay(
    tmp_path: Path,
) -> None:
    data = bytearray(zipped(SMALL))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (records,) = records_of(written(tmp_path, "a.zip", bytes(data)))["train"]
    assert [(b.position, b.reason) for b in records.bad] == [
        ("train/cat/0.png", "encrypted-member")
    ]
    assert records.data[:, 0].tolist() == [50, 90, 10, 50, 90]


@pytest.mark.parametrize("kind", ["tar", "tar.gz", "zip"])
def test_of_members_with_one_name_the_last_is_used_and_the_others_are_counted(
    tmp_path: Path, kind: str
) -> None:
    base = {name: data for name, data in SMALL.items() if name.startswith("test")}
    twice = [*base.items(), ("train/cat/a.png", png(1)), ("train/cat/a.png", png(2))]
    twice += [("train/dog/b.png", png(3)), ("./train/cat/a.png", png(4))]
    data = BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(data, "w") as archive:
            for name, content in twice:
                archive.writestr(name, content)
    else:
        with tarfile.open(fileobj=data, mode="w") as archive:
            for name, content in twice:
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, BytesIO(content))
    content = data.getvalue() if kind == "zip" else packed(kind, data.getvalue())
    uri = written(tmp_path, f"a.{kind}", content)
    assert levels_of(uri) == [3, 4]
    assert placed(uri).unused == {"replaced": 2}


@pytest.mark.parametrize("form", [tarfile.GNU_FORMAT, tarfile.USTAR_FORMAT])
def test_a_name_in_a_tar_that_is_no_utf8_is_written_out_in_the_quarantine(
    tmp_path: Path, form: int
) -> None:
    odd = {"train/cat/\udce9.png": png(5), "train/dog/\udcff.png": b"broken"}
    (records,) = records_of(written(tmp_path, "a.tar", tar(SMALL | odd, form)))["train"]
    assert [(b.position, b.reason) for b in records.bad] == [
        (r"train/dog/\xff.png", "undecodable-image")
    ]
    assert records.data[:, 0].tolist() == [10, 50, 90] * 2 + [5]


def test_what_a_folder_cannot_give_is_named(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, SMALL)
    cats = tmp_path / "train" / "cat"
    (cats / "broken.png").symlink_to("/nowhere/a.png")
    (cats / "good.png").symlink_to(cats / "0.png")
    (tmp_path / "train" / "again").symlink_to(tmp_path / "train")
    os.mkfifo(cats / "pipe.png")
    with open(os.fsencode(f"{cats}/") + b"\xff.png", "wb") as file:
        file.write(png(1))
    assert find_trees(uri)[0].uri == uri
    (records,) = records_of(uri, most=1)["train"]
    assert {str(b.position): b.reason for b in records.bad} == {
        "train/cat/broken.png": "broken-link",
        "train/cat/pipe.png": "special-file",
        r"train/cat/\xff.png": "name-not-utf-8",
    }
    assert records.data[:, 0].tolist() == [10, 50, 90, 10, 10, 50, 90]
    assert placed(uri).unused == {"link-loop": 1}


def test_a_glob_stands_for_all_archives_and_folders_that_it_matches(tmp_path: Path) -> None:
    for number in range(3):
        written(tmp_path, f"part-{number}.tar", tar(SMALL))
        made("folder", tmp_path / f"folder-{number}", SMALL)
    for pattern in ("part-*.tar", "folder-*"):
        found = find_trees(f"{tmp_path}/{pattern}")
        assert [Path(f.uri).name for f in found] == [pattern.replace("*", str(n)) for n in range(3)]
        by_source = placed(*(f.uri for f in found)).candidates["train"]
        assert [len(candidates) for candidates in by_source] == [6, 6, 6]
    (tmp_path / "a[1]").mkdir()
    made("folder", tmp_path / "a[1]", SMALL)
    (folder,) = find_trees(f"{tmp_path}/a[1]")  # the path of something, not a pattern
    assert folder.size == sum(map(len, SMALL.values()))


MUTATED = {
    "ustar.tar": tar(SMALL, tarfile.USTAR_FORMAT),
    "pax.tar": tar({"x" * 120 + "/" + name: data for name, data in SMALL.items()}),
    "gnu.tar": tar(
        {"x" * 120 + "/" + name: data for name, data in SMALL.items()}, tarfile.GNU_FORMAT
    ),
    "a.tar.gz": gzip.compress(tar(SMALL), mtime=0),
    "a.tar.bz2": bz2.compress(tar(SMALL)),
    "a.tar.xz": lzma.compress(tar(SMALL)),
    "a.tar.zst": zstd(tar(SMALL)),
    "stored.zip": zipped(SMALL),
    "deflated.zip": zipped(SMALL, zipfile.ZIP_DEFLATED),
    "bzip2.zip": zipped(SMALL, zipfile.ZIP_BZIP2),
}


@st.composite
def mutations(draw: st.DrawFn) -> tuple[str, bytes]:
    """The name of an archive and its bytes, with a few of them changed, cut out or put in."""
    name = draw(st.sampled_from(sorted(MUTATED)))
    data = bytearray(MUTATED[name])
    for _ in range(draw(st.integers(1, 3))):
        end = len(data)
        # Directory and end of a zip lie in the last bytes: half of the places are there.
        at = draw(st.integers(0, end) | st.integers(max(0, end - 800), end))
        cut = draw(st.sampled_from([0, 1, 1, 1, 4, 512, end]))
        data[at : at + cut] = draw(st.binary(max_size=min(cut, 4)) | st.just(bytes(data[:512])))
    return name, bytes(data)


@settings(deadline=None)
@given(mutations())
def test_a_damaged_archive_loses_no_picture_in_silence(mutation: tuple[str, bytes]) -> None:
    name, data = mutation
    with tempfile.TemporaryDirectory() as folder:
        uri = written(Path(folder), name, data)
        try:
            found = records_of(uri, most=1)
            unused = placed(uri, most=1).unused
        except SparkgenError:
            return
    records = [r for blocks in found.values() for r in blocks]
    told = sum(len(r.bad) for r in records) + sum(unused.values())
    assert sum(len(r.labels) for r in records) + told >= len(SMALL)


def test_the_members_of_a_damaged_archive_are_read_or_named(tmp_path: Path) -> None:
    uri = written(tmp_path, "a.tar.gz", PACKED["tar.gz"](SMALL))
    members = list_members(uri)
    data = Path(uri).read_bytes()
    Path(uri).write_bytes(data[: len(data) // 2])  # after it was listed
    with pytest.raises(SparkgenError, match=r"^\S*/a\.tar\.gz cannot be read: "):
        list(read_members(uri, members))
