"""Fetching a file from servers that break off, redirect, lie, are slow or silent."""

import gzip
import hashlib
import logging
import os
import pty
import re
import resource
import signal
import socket
import subprocess
import sys
import termios
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from web_server import Server, content, moved, raw, silent, status

from sparkgen.config.download import DownloadFile
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.fetching.fetch import fetch
from sparkgen.ingest.fetching.web import CHUNK_BYTES, NotFetched, Patience, redirected

DATA = np.random.default_rng(0).bytes(200_000)
OTHER = np.random.default_rng(1).bytes(200_000)
HALF = 100_000
KEPT = HALF // CHUNK_BYTES * CHUNK_BYTES  # what is written of a half while more is waited for
PATIENCE = Patience(connect_seconds=2, silent_seconds=5, tries=3, pause_seconds=0.001)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "data" / "file.bin"


def file(url: str, data: bytes = DATA, **checks: object) -> DownloadFile:
    found = checks or {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    return DownloadFile.model_validate({"url": url, **found})


def sha256(data: bytes) -> dict[str, str]:
    return {"sha256": hashlib.sha256(data).hexdigest()}


def part(target: Path) -> Path:
    return target.with_name(f".{target.name}.part")


def assert_whole(target: Path, data: bytes = DATA) -> None:
    assert target.read_bytes() == data
    assert os.listdir(target.parent) == [target.name]


def assert_nothing(target: Path) -> None:
    assert not target.parent.exists()


@pytest.mark.parametrize(
    "checks",
    [
        {"size": len(DATA)},
        {"sha256": hashlib.sha256(DATA).hexdigest()},
        {"md5": hashlib.md5(DATA).hexdigest()},
    ],
    ids=lambda checks: next(iter(checks)),
)
def test_a_file_is_fetched_in_one_request(server: Server, target: Path, checks) -> None:
    fetch(file(server.serve("/a", content(DATA)), **checks), str(target), PATIENCE)
    assert_whole(target)
    assert len(server.asked) == 1
    assert server.asked[0].headers["Accept-Encoding"] == "identity"


def test_a_file_without_bytes_is_a_file(server: Server, target: Path) -> None:
    fetch(file(server.serve("/a", content(b"")), size=0), str(target), PATIENCE)
    assert_whole(target, b"")


def test_a_fetch_goes_on_where_the_server_broke_off(server: Server, target: Path) -> None:
    url = server.serve("/a", content(DATA, cut=HALF), content(DATA))
    fetch(file(url), str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [0, HALF]
    assert server.asked[1].headers["If-Range"] == '"1"'


def test_a_server_may_break_off_as_often_as_it_likes_if_each_time_it_gives_more(
    server: Server, target: Path
) -> None:
    cuts = range(20_000, len(DATA), 20_000)
    assert len(cuts) > PATIENCE.tries
    url = server.serve("/a", *(content(DATA, cut=cut) for cut in cuts), content(DATA))
    fetch(file(url), str(target), PATIENCE)
    assert_whole(target)
    offsets = [asked.offset for asked in server.asked]
    assert len(offsets) == len(cuts) + 1
    assert offsets == sorted(set(offsets))


@pytest.mark.parametrize("ranges", [True, False])
def test_a_server_that_never_gets_further_is_left_alone(
    server: Server, target: Path, ranges: bool
) -> None:
    url = server.serve("/a", content(DATA, cut=HALF, ranges=ranges))
    with pytest.raises(NotFetched, match="3 times in a row"):
        fetch(file(url), str(target), PATIENCE)
    assert len(server.asked) == PATIENCE.tries
    assert os.listdir(target.parent) == [".file.bin.part"]
    assert DATA.startswith(part(target).read_bytes())


def test_less_and_then_more_again_is_no_progress(server: Server, target: Path) -> None:
    cuts = [HALF, HALF // 2] * PATIENCE.tries
    url = server.serve("/a", *(content(DATA, cut=cut, ranges=False) for cut in cuts))
    with pytest.raises(NotFetched, match="3 times in a row"):
        fetch(file(url), str(target), PATIENCE)
    assert len(server.asked) == PATIENCE.tries


@pytest.mark.parametrize("checks", [sha256(DATA), {"size": len(DATA)}], ids=["sha256", "size"])
@pytest.mark.parametrize("tag", ['"1"', 'W/"1"', None])
def test_a_server_that_serves_no_parts_gives_the_file_anew(
    server: Server, target: Path, checks, tag: str | None
) -> None:
    broken, whole = content(DATA, tag=tag, cut=HALF), content(DATA, tag=tag, ranges=False)
    fetch(file(server.serve("/a", broken, whole), **checks), str(target), PATIENCE)
    assert_whole(target)


@pytest.mark.parametrize("checks", [sha256(OTHER), {"size": len(OTHER)}], ids=["sha256", "size"])
@pytest.mark.parametrize("tags", [('"1"', '"2"'), (None, None)], ids=["tags", "no tags"])
def test_a_file_that_changes_while_it_is_fetched_is_no_mixture(
    server: Server, target: Path, checks, tags: tuple[str | None, str | None]
) -> None:
    before, after = content(DATA, tag=tags[0], cut=HALF), content(OTHER, tag=tags[1])
    fetch(file(server.serve("/a", before, after), **checks), str(target), PATIENCE)
    assert_whole(target, OTHER)


def test_what_an_earlier_fetch_left_of_another_file_is_dropped(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    target.parent.mkdir()
    part(target).write_bytes(OTHER[:HALF])
    fetch(file(server.serve("/a", content(DATA))), str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [HALF, 0]
    assert "not of one file" in caplog.text


@pytest.mark.parametrize("more", [b"", b"x"], ids=["whole", "longer"])
@pytest.mark.parametrize("size", [True, False])
def test_a_part_that_is_whole_or_too_long_becomes_the_file(
    server: Server, target: Path, more: bytes, size: bool
) -> None:
    target.parent.mkdir()
    part(target).write_bytes(DATA + more)
    checks = {"size": len(DATA), **sha256(DATA)} if size else sha256(DATA)
    fetch(file(server.serve("/a", content(DATA)), **checks), str(target), PATIENCE)
    assert_whole(target)


@pytest.mark.parametrize("kept", [HALF, len(DATA)], ids=["half", "whole"])
def test_a_part_that_no_digest_can_check_is_not_gone_on_with(
    server: Server, target: Path, kept: int
) -> None:
    target.parent.mkdir()
    part(target).write_bytes(OTHER[:kept])
    fetch(file(server.serve("/a", content(DATA)), size=len(DATA)), str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [0]


def test_redirects_are_followed_and_the_range_goes_with_them(server: Server, target: Path) -> None:
    server.serve("/b/c", moved("d"))
    server.serve("/b/d", content(DATA, cut=HALF), content(DATA))
    fetch(file(server.serve("/a", moved("/b/c"))), str(target), PATIENCE)
    assert_whole(target)
    paths = [(asked.path, asked.offset) for asked in server.asked]
    assert paths == [(path, offset) for offset in (0, HALF) for path in ("/a", "/b/c", "/b/d")]


def test_redirects_without_an_end_are_refused(server: Server, target: Path) -> None:
    server.serve("/b", moved("/a"))
    with pytest.raises(NotFetched, match="redirects more than 10 times"):
        fetch(file(server.serve("/a", moved("/b"))), str(target), PATIENCE)
    assert not target.exists()


def test_a_redirect_may_lead_to_a_secured_server_and_never_away_from_one() -> None:
    assert redirected("http://a/x", "https://b/y") == "https://b/y"
    assert redirected("https://a/x/y", "z?k=1") == "https://a/x/z?k=1"
    with pytest.raises(NotFetched, match=r"redirects from https to http://b/y$"):
        redirected("https://a/x", "http://me:secret@b/y?token=secret")
    with pytest.raises(NotFetched, match="redirects from http to file"):
        redirected("http://a/x", "file:///etc/passwd")


@pytest.mark.parametrize("length", [HALF, 2 * len(DATA)], ids=["less", "more"])
def test_a_length_that_is_not_the_size_is_refused_before_a_byte_is_taken(
    server: Server, target: Path, length: int
) -> None:
    url = server.serve("/a", content(DATA, length=length))
    with pytest.raises(NotFetched, match=f"^it offers {length} bytes instead of 200000$"):
        fetch(file(url), str(target), PATIENCE)
    assert not target.parent.exists()


def test_a_length_that_is_too_short_gives_no_file(server: Server, target: Path) -> None:
    url = server.serve("/a", content(DATA, length=HALF))
    with pytest.raises(RequestError, match="which was removed"):
        fetch(file(url, **sha256(DATA)), str(target), PATIENCE)
    assert_nothing(target)


def test_a_length_that_is_too_long_is_no_reason_to_wait_for_more(
    server: Server, target: Path
) -> None:
    url = server.serve("/a", content(DATA, length=2 * len(DATA)))
    fetch(file(url, **sha256(DATA)), str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [0, len(DATA)]


def test_a_stream_that_does_not_end_is_left_at_the_stated_size(
    server: Server, target: Path
) -> None:
    url = server.serve("/a", content(DATA * 50, says_length=False))
    with pytest.raises(RequestError, match="found one of more than 200000 bytes"):
        fetch(file(url), str(target), PATIENCE)
    assert_nothing(target)


def test_a_stream_without_a_length_that_ends_early_is_asked_for_the_rest(
    server: Server, target: Path
) -> None:
    url = server.serve("/a", content(DATA, says_length=False, cut=HALF), content(DATA))
    fetch(file(url), str(target), PATIENCE)
    assert_whole(target)
    assert server.asked[1].offset == HALF


@pytest.mark.parametrize("kind", ["sha256", "md5"])
def test_a_wrong_byte_leaves_neither_a_file_nor_a_part(
    server: Server, target: Path, kind: str
) -> None:
    wrong = bytes([DATA[0] ^ 1]) + DATA[1:]
    url = server.serve("/a?key=secret", content(wrong))
    stated = hashlib.new(kind, DATA).hexdigest()
    with pytest.raises(RequestError) as refused:
        fetch(file(url, **{kind: stated}), str(target), PATIENCE)
    found = hashlib.new(kind, wrong).hexdigest()
    assert str(refused.value) == (
        f"expected a file with the {kind} {stated} at {server.url}/a, found one with the {kind} "
        f"{found}, which was removed: correct dataset.download, or put the right file to {target}"
    )
    assert_nothing(target)


def test_a_slow_server_is_waited_for(server: Server, target: Path) -> None:
    patience = PATIENCE._replace(silent_seconds=0.4, tries=1)
    slow = content(DATA[:70_000], pieces=7, pause=0.1)
    fetch(file(server.serve("/a", slow), DATA[:70_000]), str(target), patience)
    assert_whole(target, DATA[:70_000])


@pytest.mark.parametrize("begins", [True, False])
def test_a_silent_server_is_left_alone(server: Server, target: Path, begins: bool) -> None:
    end = threading.Event()
    reply = content(DATA, length=len(DATA), cut=HALF, then=end.wait) if begins else silent(end)
    patience = PATIENCE._replace(silent_seconds=0.1, tries=2)
    try:
        with pytest.raises(NotFetched, match=r"silent for 0\.1 seconds, 2 times in a row"):
            fetch(file(server.serve("/a", reply)), str(target), patience)
    finally:
        end.set()
    assert not target.exists()


def test_a_killed_fetch_is_gone_on_with(server: Server, target: Path) -> None:
    end = threading.Event()
    url = server.serve("/a", content(DATA, cut=HALF, then=end.wait), content(DATA))
    wanted = file(url)
    code = (
        "import sys; from sparkgen.config.download import DownloadFile as F;"
        "from sparkgen.ingest.fetching.fetch import fetch;"
        "from sparkgen.ingest.fetching.web import Patience;"
        "fetch(F.model_validate_json(sys.argv[1]), sys.argv[2], Patience())"
    )
    arguments = [sys.executable, "-c", code, wanted.model_dump_json(), str(target)]
    with subprocess.Popen(arguments) as process:
        while not part(target).exists() or part(target).stat().st_size < KEPT:
            assert process.poll() is None
            time.sleep(0.02)
        process.kill()
    end.set()
    assert process.returncode == -signal.SIGKILL
    assert os.listdir(target.parent) == [".file.bin.part"]
    fetch(wanted, str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [0, KEPT]


def test_two_that_fetch_one_file_fetch_it_once(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    waits = threading.Event()
    url = server.serve("/a", content(DATA, then=waits.wait, says_length=False))
    with ThreadPoolExecutor() as pool:
        fetches = [pool.submit(fetch, file(url), str(target), PATIENCE) for _ in range(2)]
        while "fetched by another process" not in caplog.text:
            time.sleep(0.01)
        waits.set()
        assert [one.result() for one in fetches] == [None, None]
    assert_whole(target)
    assert len(server.asked) == 1


@pytest.mark.parametrize("number", [403, 404, 410, 500])
def test_a_status_without_a_file_is_told(server: Server, target: Path, number: int) -> None:
    with pytest.raises(NotFetched, match=f"it answers {number} "):
        fetch(file(server.serve("/a", status(number))), str(target), PATIENCE)
    assert len(server.asked) == (PATIENCE.tries if number == 500 else 1)
    assert not target.exists()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 404 \x1b[31m" + b"a" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc",
        b"HTTP/1.1 204 Nothing\r\n\r\n",
        b"HTTP/1.1 206 Part\r\nContent-Range: bytes 5-7/\xb2\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 206 Part\r\nContent-Range: bytes 5-7/9\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 416 No\r\nContent-Range: bytes */" + b"9" * 5000 + b"\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: http://[::1\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: \xff\xfe\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: http://a\xe2\x84\x80b/\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: http:///\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: http://a:99999/\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: http://" + b"a" * 300 + b"/\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nLocation: data:,abc\r\n\r\n",
    ],
)
def test_nonsense_for_an_answer_is_told_and_leaves_nothing(
    server: Server, target: Path, answer: bytes
) -> None:
    with pytest.raises((NotFetched, RequestError)) as refused:
        fetch(file(server.serve("/a", raw(answer)), sha256="0" * 64), str(target), PATIENCE)
    assert 3 < len(str(refused.value)) < 500
    assert str(refused.value).isprintable()
    assert not target.exists()


def test_where_nothing_came_nothing_is_left_but_what_was_there(
    server: Server, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    wanted = file(server.serve("/a", status(404)))
    for path in ("new/folder/file", "empty/folder/file", "file"):
        with pytest.raises(NotFetched):
            fetch(wanted, f"{tmp_path}/{path}", PATIENCE)
    assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == ["empty"]


def test_a_server_that_is_busy_is_asked_again(server: Server, target: Path) -> None:
    fetch(file(server.serve("/a", status(503), content(DATA))), str(target), PATIENCE)
    assert_whole(target)


def test_a_server_that_is_not_there_is_not_asked_again(target: Path) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://me:secret@127.0.0.1:{closed.getsockname()[1]}/a?key=secret"
    with pytest.raises(NotFetched, match=r"^Failed to establish a new connection: .*refused$"):
        fetch(file(url), str(target), PATIENCE._replace(pause_seconds=1000))


def test_a_full_disk_is_told_and_what_is_there_is_kept(server: Server, target: Path) -> None:
    url = server.serve("/a", content(DATA))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, before[1]))  # for want of a full disk
    try:
        with pytest.raises(IngestError, match="File too large; 100000 bytes of it are kept"):
            fetch(file(url), str(target), PATIENCE)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert part(target).stat().st_size == HALF
    fetch(file(url), str(target), PATIENCE)
    assert_whole(target)
    assert [asked.offset for asked in server.asked] == [0, HALF]


def test_a_folder_that_cannot_be_written_is_a_wrong_request(server: Server, tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    with pytest.raises(RequestError, match=r"--set environment\.data=FOLDER"):
        fetch(file(server.serve("/a", content(DATA))), f"{tmp_path}/data/a", PATIENCE)
    assert server.asked == []


def test_what_a_server_compresses_by_itself_is_no_such_file(server: Server, target: Path) -> None:
    url = server.serve("/a", content(gzip.compress(DATA), encoding="gzip"))
    with pytest.raises(RequestError, match=r"found one with the sha256 \w+, sent as gzip"):
        fetch(file(url, **sha256(DATA)), str(target), PATIENCE)
    assert_nothing(target)


def test_a_compressed_file_that_a_server_calls_an_encoding_is_taken_as_it_is(
    server: Server, target: Path
) -> None:
    data = gzip.compress(DATA)
    fetch(
        file(server.serve("/a.gz", content(data, encoding="x-gzip")), data), str(target), PATIENCE
    )
    assert_whole(target, data)


def test_the_proxy_of_the_environment_is_used(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.url)
    monkeypatch.setenv("http_proxy", server.url)
    server.serve("http://data.example/a", content(DATA))
    fetch(file("http://data.example/a"), str(target), PATIENCE)
    assert_whole(target)


def test_a_password_in_a_url_is_sent_and_not_told(
    server: Server, target: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "sparkgen")
    url = server.serve("/a", content(DATA)).replace("//", "//me:secret@")
    fetch(file(url), str(target), PATIENCE)
    assert server.asked[0].headers["Authorization"] == "Basic bWU6c2VjcmV0"
    told = [record.getMessage() for record in caplog.records if record.name.startswith("sparkgen")]
    assert told == [f"fetching {target} from {server.url}/a"]


def test_where_there_is_no_terminal_a_file_is_one_line(
    server: Server, target: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(file(server.serve("/a", content(DATA, pieces=5, pause=0.02))), str(target), PATIENCE)
    assert capfd.readouterr() == ("", "")


def test_on_a_terminal_a_bar_shows_how_far_a_fetch_is(
    server: Server, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    with open(theirs, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        slow = content(DATA, cut=HALF, pieces=3, pause=0.11)
        fetch(file(server.serve("/file.bin", slow, content(DATA))), str(target), PATIENCE)
        shown = os.read(ours, 100_000).decode()
    os.close(ours)
    assert_whole(target)
    assert re.search(r"file\.bin: +\d+%.*k/200k .*B/s", shown)
