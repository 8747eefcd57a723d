"""What reads shards: every feed gives the same rows and errors, ahead of need and within bounds."""

import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from versions import describe, random_data, write_split

from sparkgen.datasets.captions import caption_form, word_tokenizer
from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.records import ImageRecord, Record, TokenRecord
from sparkgen.datasets.rows import Rows, Split, open_split
from sparkgen.errors import ManifestError, RequestError
from sparkgen.feed import shards
from sparkgen.feed.feeds import FEEDS, choose_feed, load_feed, why_not
from sparkgen.feed.shards import memory_bytes, read_in_order

CAPTION = caption_form(word_tokenizer(["a", "b"]), 3)
RECORDS: dict[str, Record] = {
    "grey": ImageRecord((4, 3, 1)),
    "colour": ImageRecord((2, 3, 3)),
    "captioned": ImageRecord((2, 2, 1), caption=CAPTION),
    "tokens of one byte": TokenRecord((5,), 200),
    "tokens of two bytes": TokenRecord((5,), 1000),
    "tokens of four bytes": TokenRecord((5,), 100_000),
}
FILES, ROWS = 5, 23


def write(folder: Path, record: Record, *, labelled: bool = True) -> tuple[Split, Rows]:
    """A split of a few files, and all of its rows."""
    random = np.random.default_rng(1)
    labels = random.integers(0, 2, ROWS) if labelled else np.zeros(ROWS, np.int64)
    said = None if record.caption is None else random_data(CAPTION, ROWS, seed=2)
    ids, data = random.permutation(ROWS), random_data(record, ROWS)
    columns = {"ids": ids, "labels": labels, "data": data, "captions": said}
    entry = write_split(folder, "train", record, **columns, files=FILES)
    files = tuple(StoredFile(str(folder), file, "mend it") for file in entry.files)
    return Split(files, record), Rows(ids, labels.astype(np.int32), data, said)


@pytest.mark.parametrize("kind", RECORDS)
@pytest.mark.parametrize("labelled", [True, False])
def test_every_feed_gives_the_rows_of_every_kind_of_record_byte_for_byte(
    tmp_path: Path, feed: str, kind: str, labelled: bool
) -> None:
    split, rows = write(tmp_path, RECORDS[kind], labelled=labelled)
    parts = [rows.take(part) for part in np.array_split(np.arange(ROWS), FILES)]
    order = [3, 0, 0, 4, 1, 2, 1, 3, 3, 3, 3, 0]
    read = list(read_in_order(split, order, feed=load_feed(feed)))
    assert len(read) == len(order)
    for shard, found in zip(order, read, strict=True):
        for name, one, other in zip(Rows._fields, found, parts[shard], strict=True):
            assert (one is None) == (other is None), name
            if one is not None:
                assert (one.dtype, one.shape) == (other.dtype, other.shape), name
                assert one.tobytes() == other.tobytes(), name


def test_shards_that_stay_are_read_once(make_version: Any, feed: str) -> None:
    version = make_version()
    split = open_split(version.uri, version.manifest, "train")
    room = memory_bytes(split, 0)
    read = read_in_order(split, [0, 1, 0, 1], feed=load_feed(feed), keep_bytes=room)
    first, second, again, anew = read
    assert again.data is first.data
    assert anew.data is not second.data
    np.testing.assert_array_equal(anew.data, second.data)


@pytest.mark.parametrize("taken", [0, 1, 6])
def test_a_feed_that_is_dropped_leaves_no_thread_behind(
    make_version: Any, feed: str, taken: int
) -> None:
    version = make_version(rows=320, shards=80)
    split = open_split(version.uri, version.manifest, "train")
    before = threads()
    read = read_in_order(split, list(range(80)), feed=load_feed(feed))
    for _ in range(taken):
        next(read)
    assert bool(threads() - before) == bool(taken)
    read.close()
    assert not threads() - before


def test_petastorms_threads_end_with_the_last_row_of_their_window(make_version: Any) -> None:
    if reason := why_not("petastorm"):
        pytest.skip(reason)
    version = make_version()
    split = open_split(version.uri, version.manifest, "train")
    before = threads()
    with closing(
        read_in_order(split, [0, 0, 0], feed=load_feed("petastorm"), keep_bytes=2**30)
    ) as read:
        next(read)
        left = threads() - before
    assert {one.name.split("_")[0] for one in left} == {"feed"}  # ours, which sleeps


def threads() -> set[threading.Thread]:
    """Python's own threads; TensorFlow's come and go under names of their own."""
    return {t for t in threading.enumerate() if not t.name.startswith("Dummy-")}


def test_files_of_a_window_are_as_many_as_fit(
    make_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = make_version(rows=203, shards=40)
    split = open_split(version.uri, version.manifest, "train")

    def sizes(files: int) -> list[int]:
        return [len(window) for window in shards._windows(split, iter(range(files)), 4, 0)]

    assert sizes(39) == [4] * 9 + [3]
    monkeypatch.setattr(shards, "WINDOW_BYTES", 1)
    assert sizes(40) == [1] * 40
    monkeypatch.setattr(shards, "WINDOW_BYTES", 3 * split.files[0].entry.bytes - 100)
    assert sizes(39) == [3] * 13


class Watched:
    """A feed that notes how many shards were opened, and waits until `together` are at once."""

    WINDOW = 1
    AHEAD = 6
    THREADS = 3

    def __init__(self, together: int = 1) -> None:
        self.opened: list[int] = []
        self.meeting = threading.Barrier(together)

    def open_shards(self, split: Split, shards: Any) -> Iterator[Rows]:
        self.opened += shards
        self.meeting.wait(timeout=30)
        return (Rows.zeros(split.record, shard) for shard in shards)


def test_as_many_shards_are_opened_at_once_as_a_feed_has_threads(make_version: Any) -> None:
    version = make_version(rows=36, shards=12)
    split = open_split(version.uri, version.manifest, "train")
    read = read_in_order(split, range(12), feed=Watched(together=3))
    assert [len(rows.id) for rows in read] == list(range(12))


@pytest.mark.parametrize(("shards_of_memory", "ahead"), [(100, 6), (3, 3), (0, 1)])
def test_shards_are_opened_ahead_as_far_as_the_feed_says_and_memory_allows(
    make_version: Any, monkeypatch: pytest.MonkeyPatch, shards_of_memory: int, ahead: int
) -> None:
    version = make_version(rows=60, shards=20)
    split, feed = open_split(version.uri, version.manifest, "train"), Watched()
    monkeypatch.setattr(shards, "AHEAD_BYTES", max(1, shards_of_memory * memory_bytes(split, 0)))
    for taken, _ in enumerate(read_in_order(split, range(20), feed=feed), start=1):
        assert len(feed.opened) <= taken + ahead
    assert sorted(feed.opened) == list(range(20))


# -- files that are not as they should be ----------------------------------------------------------


def without_first(table: pa.Table, name: str) -> pa.Table:
    values = [None, *table[name].to_pylist()[1:]]
    number = table.column_names.index(name)
    return table.set_column(number, name, pa.array(values, table.schema.field(name).type))


def shifted(table: pa.Table) -> pa.Table:
    """Pictures of which one lacks a byte that another has."""
    cells = table["image"].to_pylist()
    cells[:2] = [cells[0][:-1], cells[1] + b"0"]
    return table.set_column(2, "image", pa.array(cells, pa.binary()))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.slice(2), "found 3 of id, label, image"),
        (lambda table: pa.concat_tables([table, table]), "found 10 of id, label, image"),
        (lambda table: table.drop_columns(["label"]), "found 5 of id, image"),
        (lambda table: without_first(table, "id"), "found missing values"),
        (lambda table: without_first(table, "label"), "found missing values"),
        (lambda table: without_first(table, "image"), "found missing values"),
        (shifted, "found images of 11 bytes, not 12"),
    ],
)
def test_every_feed_says_in_the_same_words_what_a_file_does_not_hold(
    tmp_path: Path, feed: str, change: Callable[[pa.Table], pa.Table], words: str
) -> None:
    split, _ = write(tmp_path, RECORDS["grey"])
    path = tmp_path / split.files[1].entry.path
    pq.write_table(change(pq.read_table(path)), path)
    files = [*split.files]
    files[1] = files[1]._replace(entry=describe(path, files[1].entry.rows))
    read = read_in_order(split._replace(files=tuple(files)), range(FILES), feed=load_feed(feed))
    said = rf"expected 5 rows of id, label, image in \S+part-00001.parquet, {words}"
    with pytest.raises(ManifestError, match=said) as raised:
        list(read)
    assert str(raised.value).count("part-") == 1


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda data: data[:70] + bytes([data[70] ^ 1]) + data[71:], "found others"),
        (lambda data: data[:-9], r"expected \d+ bytes"),
        (lambda data: b"", "found 0"),
    ],
)
def test_a_damaged_file_fails_where_it_is_needed_and_not_before(
    tmp_path: Path, feed: str, damage: Callable[[bytes], bytes], words: str
) -> None:
    split, _ = write(tmp_path, RECORDS["grey"])
    path = tmp_path / split.files[4].entry.path
    path.write_bytes(damage(path.read_bytes()))
    reading = load_feed(feed)
    read = read_in_order(split, [0, 1, 2, 3, 4], feed=reading)
    for _ in range(4):  # the window of the fifth is open by now
        next(read)
    with pytest.raises(ManifestError, match=words) as raised:
        next(read)
    assert "part-00004.parquet" in str(raised.value)


# -- which feed is taken ---------------------------------------------------------------------------


@pytest.fixture
def afresh(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """As if no feed had been imported."""
    for name in FEEDS:
        monkeypatch.delitem(sys.modules, f"sparkgen.feed.{name}", raising=False)
    return monkeypatch


def test_each_feed_that_can_be_used_is_found_by_its_name(feed: str) -> None:
    assert choose_feed(feed) == feed
    assert load_feed(feed).__name__ == f"sparkgen.feed.{feed}"


def test_auto_takes_the_first_that_can_be_used() -> None:
    assert choose_feed("auto") == next(name for name in FEEDS if why_not(name) is None)
    assert why_not("arrow") is None


@pytest.mark.parametrize(
    ("hide", "reason"),
    [
        (lambda patch: patch.setitem(sys.modules, "petastorm", None), "[Pp]etastorm"),
        (
            lambda patch: patch.delattr(pq, "ParquetDatasetPiece", raising=False),
            rf"Petastorm needs pyarrow below 15, found {pa.__version__}",
        ),
    ],
)
def test_without_petastorm_auto_takes_arrow_and_a_request_for_it_is_refused(
    afresh: pytest.MonkeyPatch, hide: Callable[[pytest.MonkeyPatch], None], reason: str
) -> None:
    hide(afresh)
    assert choose_feed("auto") == "arrow"
    refusal = rf"what environment.feed petastorm needs, found .*{reason}.*: install it, or set"
    for refused in (choose_feed, load_feed):
        with pytest.raises(RequestError, match=refusal):
            refused("petastorm")
