"""libsvm text: good lines are read exactly, bad ones named, whatever stands beside them."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparkgen.ingest import block
from sparkgen.ingest.block import Records
from sparkgen.ingest.libsvm import parse as libsvm
from sparkgen.ingest.libsvm.line import BadLine, LineRule, parse_line
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.reach import Reach

RULE = LineRule(width=8, classes=10)


def parse_block(text: bytes, rule: LineRule) -> Records:
    return libsvm.joined(libsvm.parse_block(text, rule), rule)


BAD_LINES = {
    b"1 1:x": "unparsable-number",
    b"1 1:2.5.1": "unparsable-number",
    b"1 1:": "unparsable-number",
    b"1 x:1": "unparsable-number",
    b"1 1.5:1": "unparsable-number",
    b"1 5": "unparsable-number",
    b"1 1:2:3": "unparsable-number",
    b"1 1:0x10": "unparsable-number",
    b"1 1:1_0": "unparsable-number",
    b"frog 1:2": "unparsable-number",
    b"1 1:nan": "nan-or-infinite",
    b"1 1:-inf": "nan-or-infinite",
    b"1 1:1e999": "nan-or-infinite",
    b"1 0:5": "index-zero",
    b"1 -2:5": "negative-index",
    b"1 3:5 2:5": "descending-index",
    b"1 3:5 3:5": "duplicate-index",
    b"1 2:5 3:5 2:5": "duplicate-index",
    b"1 9:5": "beyond-width",
    b"1 1:256": "value-out-of-range",
    b"1 1:-1": "value-out-of-range",
    b"1:3 2:4": "missing-label",
    b"1.5 2:4": "unknown-label",
    b"10 2:4": "unknown-label",
    b"-1 2:4": "unknown-label",
    b"1 2:4 \xff\xfe": "not-text",
    b"\x00\x01\x02": "not-text",
}
GOOD_LINES = {
    b"1 1:5 3:255": (1, [5, 0, 255, 0, 0, 0, 0, 0]),
    b"0": (0, [0] * 8),
    b"+3 2:7": (3, [0, 7, 0, 0, 0, 0, 0, 0]),
    b"4.0 2:7.4": (4, [0, 7, 0, 0, 0, 0, 0, 0]),
    b"2\t8:1e2\r": (2, [0, 0, 0, 0, 0, 0, 0, 100]),
    b"  5   1:+9  2:.6 ": (5, [9, 1, 0, 0, 0, 0, 0, 0]),
    b"6 qid:12 1:1": (6, [1, 0, 0, 0, 0, 0, 0, 0]),
    b"7 1:1 # a comment: 2:3": (7, [1, 0, 0, 0, 0, 0, 0, 0]),
    b"8 001:0012": (8, [12, 0, 0, 0, 0, 0, 0, 0]),
    b"9 1:0.000000000001": (9, [0] * 8),
}
NO_RECORDS = [b"", b"   ", b"\t", b"# only a comment", b"  # 1 2:3"]


@pytest.mark.parametrize("line", BAD_LINES, ids=repr)
def test_a_bad_line_is_named_and_its_neighbours_stay(line: bytes) -> None:
    good = b"3 1:7 8:9"
    records = parse_block(b"\n".join([good, line, good]), RULE)
    assert [(b.position, b.reason, b.record) for b in records.bad] == [(1, BAD_LINES[line], line)]
    assert records.labels.tolist() == [3, 3]
    assert records.data.tolist() == [[7, 0, 0, 0, 0, 0, 0, 9]] * 2
    assert records.length == 3


def test_all_bad_lines_at_once_lose_no_good_row() -> None:
    lines = [part for bad in BAD_LINES for part in (b"3 1:7", bad, b"# note", b"4 2:8")]
    records = parse_block(b"\n".join(lines) + b"\n", RULE)
    assert [b.reason for b in records.bad] == list(BAD_LINES.values())
    assert [b.position for b in records.bad] == list(range(1, 4 * len(BAD_LINES), 4))
    assert records.labels.tolist() == [3, 4] * len(BAD_LINES)


@pytest.mark.parametrize("line", GOOD_LINES, ids=repr)
def test_every_way_to_write_a_good_line_is_read(line: bytes) -> None:
    for text in (line, line + b"\n", b"3 1:7\n" + line + b"\n3 1:7\n"):
        records = parse_block(text, RULE)
        rows = dict(zip(records.labels.tolist(), records.data.tolist(), strict=True))
        label, pixels = GOOD_LINES[line]
        assert rows[label] == pixels or label == 3
        assert not records.bad


def test_blank_lines_and_comments_are_no_records() -> None:
    records = parse_block(b"\n".join([*NO_RECORDS, b"1 1:1", *NO_RECORDS, b"2 1:2"]), RULE)
    assert records.labels.tolist() == [1, 2]
    assert records.length == 2 * len(NO_RECORDS) + 2
    assert not records.bad


def test_zero_based_indices_start_at_zero() -> None:
    rule = RULE._replace(first_index=0)
    records = parse_block(b"1 0:5 7:6\n1 8:5\n", rule)
    assert records.data.tolist() == [[5, 0, 0, 0, 0, 0, 0, 6]]
    assert records.bad[0].reason == "beyond-width"
    assert records.bad[0].found == 8


def test_values_are_scaled_to_bytes_and_absent_ones_are_zero() -> None:
    rule = RULE._replace(value_min=-1.0, value_max=1.0)
    records = parse_block(b"1 1:-1 2:1 3:0 4:0.5\n", rule)
    assert records.data.tolist() == [[0, 255, 128, 191, 128, 128, 128, 128]]


def test_values_outside_by_rounding_count_as_the_bound_and_are_told() -> None:
    rule = RULE._replace(value_max=1.0)
    records = parse_block(b"1 1:1.0000001 2:-1e-7 3:0.5\n2 1:1.00001\n", rule)
    assert records.data.tolist() == [[255, 0, 128, 0, 0, 0, 0, 0]]
    assert [(b.reason, b.found) for b in records.bad] == [("value-out-of-range", 1.00001)]
    assert records.seen == Seen(
        labels=Reach(1, 1),
        indices=Reach(1, 3),
        values=Reach(-1e-7, 1.0000001),
        whole=False,
        clipped=2,
    )


def test_a_bad_record_says_how_far_it_reaches() -> None:
    lines = b"1 7:1 9:1 12:1\n1 1:256 2:300 3:-7\n11 1:1\n1 0:3\n1 1:x\n"
    found = [b.found for b in parse_block(lines, RULE).bad]
    assert found == [12, 300, 11, 0, None]


def test_what_is_seen_covers_good_lines_however_they_are_read() -> None:
    lines = [b"1 1:5 3:255", b"+3 2:7", b"2 4:1 # note", b"frog", b"4 8:9", b"0 99:1", b"7 1:999"]
    seen = parse_block(b"\n".join(lines), RULE).seen
    assert seen == Seen(labels=Reach(1, 4), indices=Reach(1, 8), values=Reach(1, 255))
    assert parse_block(b"# nothing\n", RULE).seen == Seen()


def test_a_line_longer_than_any_record_is_bad_and_a_long_comment_is_not() -> None:
    long = b"1 " + b"1:1 " * 400_000
    records = parse_block(b"\n".join([b"2 2:2", long, b"3 3:3", b"4 4:4 #" + long, b"5"]), RULE)
    assert [(b.position, b.reason) for b in records.bad] == [(1, "line-too-long")]
    assert records.labels.tolist() == [2, 3, 4, 5]


def test_pictures_of_short_lines_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    text = b"".join(b"%d\n" % (i % 10) for i in range(1000)) + b"frog\n"
    monkeypatch.setattr(block, "RECORD_BYTES", 80 * RULE.width)
    pieces = list(libsvm.parse_block(text, RULE))
    assert max(len(piece.labels) for piece in pieces) == 80
    whole = libsvm.joined(pieces, RULE)
    assert whole.labels.tolist() == [i % 10 for i in range(1000)]
    assert [(b.position, b.reason) for b in whole.bad] == [(1000, "unparsable-number")]


rows = st.tuples(
    st.integers(0, 9), st.dictionaries(st.integers(1, 8), st.integers(0, 255), max_size=8)
)


@given(st.lists(rows))
def test_rows_written_as_text_are_read_back(written: list[tuple[int, dict[int, int]]]) -> None:
    text = "".join(
        " ".join([str(label), *(f"{i}:{values[i]}" for i in sorted(values))]) + "\n"
        for label, values in written
    )
    records = parse_block(text.encode(), RULE)
    assert records.labels.tolist() == [label for label, _ in written]
    assert records.data.tolist() == [
        [values.get(i, 0) for i in range(1, 9)] for _, values in written
    ]


tokens = st.sampled_from(
    [b"1", b"2:3", b"4:5", b"8:255", b"9:1", b"0:1", b"1:2.5", b":", b"#", b"qid:1", b"x", b"+1",
     b"-1", b"\t", b"", b"1e1:2", b"3:nan", b"2:1e-3", b"5:+1", b"\xff", b"\x00", b"7:", b"12345:1"]
)  # fmt: skip


SOUND = b"".join(b"%d 1:%d 4:%d 8:255\n" % (i, i, 20 * i) for i in range(10))
edits = st.lists(st.tuples(st.integers(0, len(SOUND) - 1), st.binary(max_size=3)), max_size=12)


@given(edits, st.sampled_from([1, 16, 50, libsvm.CHUNK_BYTES]), st.sampled_from([8, 64 << 20]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_line_of_damaged_text_is_a_row_or_in_quarantine(
    monkeypatch: pytest.MonkeyPatch, edits: list[tuple[int, bytes]], chunk: int, piece: int
) -> None:
    damaged = bytearray(SOUND)
    for place, new in sorted(edits, reverse=True):
        damaged[place : place + 1] = new
    monkeypatch.setattr(libsvm, "CHUNK_BYTES", chunk)
    monkeypatch.setattr(block, "RECORD_BYTES", piece)
    records = parse_block(bytes(damaged), RULE)
    lines = bytes(damaged).removesuffix(b"\n").split(b"\n") if damaged else []
    good, bad, blank = [], [], 0
    for number, line in enumerate(lines):
        try:
            parsed = parse_line(line, RULE)
        except BadLine as error:
            bad.append((number, error.reason, line))
            continue
        if parsed is None:
            blank += 1
        else:
            pixels = np.zeros(RULE.width, int)
            pixels[parsed.columns] = RULE.pixels(parsed.values)
            good.append([parsed.label, *pixels])
    rows = np.column_stack([records.labels, records.data]).astype(int).tolist()
    assert rows == np.array(good, int).tolist()
    assert [(b.position, b.reason, b.record) for b in records.bad] == bad
    assert len(good) + len(bad) + blank == len(lines) == records.length


@given(st.lists(st.lists(tokens, max_size=5).map(b" ".join), max_size=8))
def test_the_fast_way_and_the_grammar_agree_on_any_text(lines: list[bytes]) -> None:
    records = parse_block(b"\n".join(lines), RULE)
    labels, reasons = [], []
    for line in lines:
        try:
            parsed = parse_line(line, RULE)
        except BadLine as error:
            reasons.append(error.reason)
        else:
            labels += [parsed.label] if parsed else []
    assert records.labels.tolist() == labels
    assert [b.reason for b in records.bad] == reasons


@pytest.mark.data
@pytest.mark.parametrize("name", ["mnist-digits-train-head2000", "mnist-digits-test-head500"])
def test_every_pixel_equals_scikit_learns(data_dir: Path, name: str) -> None:
    import gzip

    from sklearn.datasets import load_svmlight_file

    path = data_dir / f"{name}.txt.gz"
    pixels, labels = load_svmlight_file(str(path), n_features=784)
    records = parse_block(gzip.decompress(path.read_bytes()), LineRule(784, 10))
    assert np.array_equal(records.data, pixels.toarray())
    assert np.array_equal(records.labels, labels)
