"""Object storage: a real S3 server, and the kinds of storage whose packages are not installed here."""

import importlib.util
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from ftp_server import ftp_server
from pyarrow import fs
from s3_server import S3Server

from sparkgen.access import own_access, take_access
from sparkgen.datasets.remote import open_remote
from sparkgen.datasets.storage import (
    absolute,
    check_answers,
    copy_in,
    open_uri,
    put,
    read_bytes,
    remove_folder,
    write_bytes,
)
from sparkgen.errors import RequestError


def below(s3: S3Server, prefix: str) -> list[str]:
    return [key for key in s3.names() if key.startswith(prefix)]


def test_a_file_is_written_with_nothing_beside_it(s3: S3Server, tmp_path: Path) -> None:
    write_bytes("s3://bucket/plain/a%20b/ü.gz", b"x")
    (tmp_path / "local").write_bytes(b"y")
    copy_in(str(tmp_path / "local"), "s3a://bucket/plain/copied/in")
    put("s3://bucket/plain/copied/in", "s3://bucket/plain/put/there")
    assert below(s3, "plain/") == ["plain/a b/ü.gz", "plain/copied/in", "plain/put/there"]
    assert read_bytes("s3n://bucket/plain/a b/ü.gz") == b"x"
    assert read_bytes("s3://bucket/plain/put/there") == b"y"
    remove_folder("s3://bucket/plain")
    assert [key for key in below(s3, "plain/") if not key.endswith("/")] == []


def test_empty_steps_of_a_path_are_no_names(s3: S3Server) -> None:
    assert absolute("s3://bucket//steps///a/") == "s3://bucket/steps/a"
    write_bytes("s3://bucket//steps///a/", b"x")
    assert below(s3, "steps") == ["steps/a"]


WRITER = """
import sys
from sparkgen.datasets.storage import write_bytes
for name in sys.argv[1:]:
    try:
        write_bytes(f"s3://bucket/signal/{name}", b"whole" * 1000)
    except KeyboardInterrupt:
        pass
"""


def test_a_signal_in_the_midst_of_a_write_leaves_no_part_of_a_file(s3: S3Server) -> None:
    """Each file is sent in three requests, and the signal comes before one of them is answered."""
    requests = ["uploads", "partNumber", "uploadId"]
    sent: set[str] = set()

    def interrupt(method: str, asked: str) -> None:
        name = asked.removeprefix("/bucket/signal/").partition("?")[0]
        if name in requests and name in asked.partition("?")[2] and name not in sent:
            sent.add(name)
            writer.send_signal(signal.SIGINT)

    s3.watchers.append(interrupt)
    try:
        writer = subprocess.Popen([sys.executable, "-c", WRITER, *requests])
        assert writer.wait(timeout=60) == 0
    finally:
        s3.watchers.remove(interrupt)
    assert sent == set(requests)
    for key in below(s3, "signal/"):
        assert (key, len(read_bytes(f"s3://bucket/{key}"))) == (key, 5000)


def test_what_are_no_bytes_leaves_no_empty_file(s3: S3Server) -> None:
    with pytest.raises(TypeError):
        write_bytes("s3://bucket/typed/a", "text")  # type: ignore[arg-type]
    assert below(s3, "typed") == []


def test_a_bucket_that_is_not_there_is_refused(s3: S3Server) -> None:
    with pytest.raises(RequestError, match="found no nowhere: make it"):
        check_answers("s3://nowhere/runs")


def test_the_trial_of_a_place_to_write_to_leaves_no_file(s3: S3Server) -> None:
    check_answers("s3://bucket/trial/runs", writes=True)
    assert [key for key in below(s3, "trial") if not key.endswith("/")] == []


def test_the_client_of_a_bucket_is_made_once(s3: S3Server) -> None:
    assert open_remote("s3://bucket/a")[0] is open_remote("s3a://bucket/b/c")[0]


def test_the_endpoint_of_s3_alone_goes_before_that_of_all_services(
    s3: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_bytes("s3://bucket/endpoint/a", b"x")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", os.environ["AWS_ENDPOINT_URL"])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert read_bytes("s3://bucket/endpoint/a") == b"x"


@pytest.mark.skipif(importlib.util.find_spec("adlfs") is not None, reason="adlfs is installed")
def test_a_kind_whose_package_is_missing_says_what_to_install() -> None:
    with pytest.raises(RequestError, match=r"pip install 'sparkgen\[azure\]'"):
        open_uri("abfss://container@account.dfs.core.windows.net/runs")


def test_hdfs_without_its_library_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("JAVA_HOME", "HADOOP_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(RequestError, match="install Hadoop's client and set JAVA_HOME"):
        open_uri("hdfs://namenode:8020/runs")


def test_any_storage_of_fsspec_knows_the_age_of_files(monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    from sparkgen.datasets.remote import _Handler

    memory = fs.PyFileSystem(_Handler(MemoryFileSystem()))
    with memory.open_output_stream("/age/a") as stream:
        stream.write(b"x")
    info = _Handler._create_file_info(
        "/age/a", {**MemoryFileSystem().info("/age/a"), "last_modified": 7.0}
    )
    assert (info.size, info.mtime.timestamp()) == (1, 7.0)


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[fs.FileSystem]:
    """Files of `tmp_path` by fsspec's client of FTP, which has just listed `old`, and keeps listings."""
    from fsspec.implementations.ftp import FTPFileSystem

    from sparkgen.datasets.remote import _Handler

    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "old").write_bytes(b"old")
    with ftp_server(tmp_path) as port:
        client = FTPFileSystem("127.0.0.1", port, skip_instance_cache=True)
        filesystem = fs.PyFileSystem(_Handler(client))
        (info,) = filesystem.get_file_info(fs.FileSelector("/folder"))
        assert (info.base_name, info.size) == ("old", 3)
        assert list(client.dircache) != []  # so the next look could be at what was there before
        yield filesystem


@pytest.mark.parametrize("opened", ["open_input_file", "open_input_stream"])
def test_a_file_is_read_as_it_is_whatever_was_listed_before(
    listed: fs.FileSystem, tmp_path: Path, opened: str
) -> None:
    (tmp_path / "folder" / "new").write_bytes(b"new")
    (tmp_path / "folder" / "old").write_bytes(b"no longer old")
    for name, data in (("new", b"new"), ("old", b"no longer old")):
        with getattr(listed, opened)(f"/folder/{name}") as file:
            assert file.read() == data
    (tmp_path / "folder" / "old").unlink()
    with pytest.raises(FileNotFoundError):
        getattr(listed, opened)("/folder/old")


def test_what_was_written_after_a_listing_is_deleted_and_what_is_gone_is_missed(
    listed: fs.FileSystem, tmp_path: Path
) -> None:
    (tmp_path / "folder" / "new").write_bytes(b"new")
    listed.delete_file("/folder/new")
    (tmp_path / "folder" / "newer").write_bytes(b"newer")
    listed.delete_dir("/folder")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a").touch()
    listed.get_file_info(fs.FileSelector("/folder"))
    (tmp_path / "folder" / "a").unlink()
    with pytest.raises(FileNotFoundError):
        listed.delete_file("/folder/a")


def test_a_file_that_was_written_after_a_listing_is_copied(tmp_path: Path) -> None:
    from fsspec.implementations.local import LocalFileSystem

    from sparkgen.datasets.remote import _Handler

    forgotten: list[None] = []

    class Listing(LocalFileSystem):
        """Keeps no listings itself; it says when they are to be forgotten."""

        def invalidate_cache(self, path: str | None = None) -> None:
            forgotten.append(None)

    (tmp_path / "a").write_bytes(b"a")
    fs.PyFileSystem(_Handler(Listing())).copy_file(f"{tmp_path}/a", f"{tmp_path}/b")
    assert (tmp_path / "b").read_bytes() == b"a"
    assert forgotten != []


def test_an_executor_takes_the_drivers_access_unless_it_has_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    given = {
        "AWS_ACCESS_KEY_ID": "of the driver",
        "AWS_SECRET_ACCESS_KEY": "its secret",
        "AWS_SESSION_TOKEN": "its token",
        "AWS_ENDPOINT_URL": "http://driver",
        "HOME": "/never",
    }
    for name in (*given, "AWS_ENDPOINT_URL_S3"):
        monkeypatch.setenv(name, "put back in the end")
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "own")
    take_access(given)
    assert (
        own_access().items()
        >= {"AWS_ACCESS_KEY_ID": "own", "AWS_ENDPOINT_URL": "http://driver"}.items()
    )
    assert not {"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "HOME"} & set(os.environ)
    take_access({"AWS_ENDPOINT_URL_S3": "http://another"})
    assert "AWS_ENDPOINT_URL" not in os.environ
    assert os.environ["AWS_ENDPOINT_URL_S3"] == "http://another"
    take_access({})
