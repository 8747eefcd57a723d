"""CSV of pixels: the same records in every form, and a reason for each bad line."""

import bz2
import gzip
import logging
import lzma
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from as_rows import Made, dataset_of, made_of
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.errors import RequestError
from sparkgen.ingest.layout import Summary
from sparkgen.ingest.pixel_csv import lines as pixel_lines
from sparkgen.ingest.pixel_csv.columns import find_form
from sparkgen.ingest.pixel_csv.lines import PixelRule, parse_lines
from sparkgen.ingest.pixel_scale import Scale
from sparkgen.ingest.reach import Reach
from sparkgen.ingest.source import ManyBad
from sparkgen.ingest.sources import source_of

PACK: dict[str, Callable[[bytes], bytes]] = {
    ".csv": bytes,
    ".csv.gz": gzip.compress,
    ".csv.bz2": bz2.compress,
    ".csv.xz": lambda data: lzma.compress(data, preset=0),
    ".csv.zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
PIXELS = np.arange(6 * 4).reshape(6, 4) * 10
LABELS = [1, 0, 2, 1, 0, 2]
HEADER = "label,pixel0,pixel1,pixel2,pixel3\n"
ROWS = "".join(
    f"{k},{','.join(map(str, p))}\n" for k, p in zip(LABELS, PIXELS.tolist(), strict=True)
)


def read(path: Path, text: str | bytes, name: str = "train.csv", **source: Any) -> Made:
    (path / name).write_bytes(text.encode() if isinstance(text, str) else text)
    changes = {k: source.pop(k) for k in ("class_names", "shape") if k in source}
    tasks = source.pop("tasks", 1)
    return made_of({"format": "csv", "train": f"{path}/{name}", **source}, tasks=tasks, **changes)


def refusal(path: Path, text: str, **source: Any) -> str:
    with pytest.raises(RequestError) as error:
        read(path, text, **source)
    assert "\n" not in str(error.value)
    return str(error.value)


def moved(rows: str) -> str:
    """The rows with their first column last."""
    fields = [line.split(",") for line in rows.splitlines()]
    return "\n".join(",".join([*f[1:], f[0]]) for f in fields)


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (ROWS, {}),
        (HEADER + ROWS, {}),
        (moved(HEADER + ROWS), {}),
        (moved(ROWS), {"label": 4}),
        (HEADER.replace("label", "kind") + ROWS, {"label": "kind"}),
        (HEADER.replace("label", "kind") + ROWS, {"label": 0}),
        (HEADER.replace("label", "Label").replace("pixel", "") + ROWS, {}),
        ((HEADER + ROWS).replace(",", ";"), {}),
        ((HEADER + ROWS).replace(",", "\t").replace("\n", "\r\n"), {}),
        ("\ufeff" + HEADER + ROWS, {}),
        ("\ufeff" + ROWS, {}),
        ("\n" + HEADER + "\n" + ROWS.replace("\n", "\n\n"), {}),
        (HEADER + ROWS.replace(",", ", "), {}),
        ((HEADER + ROWS).replace(",", ".0,").replace("\n", "\n"), {"label": "label.0"}),
        ("".join(f'"{line[0]}"{line[1:]}\n' for line in ROWS.splitlines()), {}),
        (ROWS.removesuffix("\n"), {}),
    ],
)
def test_every_form_gives_the_same_records(tmp_path: Path, text: str, source: dict) -> None:
    found = read(tmp_path, text, **source)
    assert found.labels["train"] == LABELS
    assert found.data["train"].tolist() == PIXELS.tolist()
    assert (found.class_names, found.bad, found.unused) == (("0", "1", "2"), [], {})


MANY = np.random.default_rng(0).integers(0, 256, (6000, 256), np.uint8)


@cache
def many_lines() -> bytes:
    """Two blocks of lines, with a bad one in the middle."""
    lines = [f"{'ab'[i % 2]},{','.join(map(str, p))}" for i, p in enumerate(MANY.tolist())]
    lines[3000] += ",1"
    names = ",".join(f"p{i}" for i in range(256))
    return "\n".join([f"k,{names}", *lines]).encode()


@pytest.mark.parametrize(("suffix", "tasks"), [*((suffix, 2) for suffix in PACK), (".csv", 1)])
def test_no_number_of_tasks_changes_the_records(tmp_path: Path, suffix: str, tasks: int) -> None:
    data = many_lines()
    assert len(data) > pixel_lines.BLOCK_BYTES
    source = {"label": "k", "shape": [16, 16, 1], "tasks": tasks}
    found = read(tmp_path, PACK[suffix](data), f"a{suffix}", **source)
    kept = np.arange(len(MANY)) != 3000
    assert found.bad == [("3002", "wrong-width")]
    assert (found.data["train"] == MANY[kept]).all()
    assert found.labels["train"] == (np.arange(len(MANY)) % 2)[kept].tolist()


@given(
    st.lists(st.lists(st.integers(0, 255), min_size=4, max_size=4), max_size=8),
    st.sampled_from(["{}", "{}.0", " {}", "+{}", "{}e0", "00{}"]),
)
def test_numbers_of_any_form_are_what_python_reads(rows: list[list[int]], form: str) -> None:
    text = "".join(",".join(["0", *(form.format(v) for v in row)]) + "\n" for row in rows)
    rule = PixelRule(find_form("x", b"0,1,2,3,4", shape=(2, 2, 1), label=None), Scale(), {"0": 0})
    records = parse_lines(text.encode(), rule)
    assert records.data.tolist() == rows
    assert not records.bad


def test_each_bad_line_has_its_position_and_reason(tmp_path: Path) -> None:
    lines = {
        "0,1,2,3": "wrong-width",
        "1,1,2,3,4,5": "wrong-width",
        "0,1,2,3,x": "unparsable-number",
        "0,1,2,,4": "unparsable-number",
        "0,1,2,3,256": "value-out-of-range",
        "0,1,2,3,99999": "value-out-of-range",
        "0,-1,2,3,4": "value-out-of-range",
        "0,1,inf,3,4": "unparsable-number",
        "0,1,2.5,3,4": "fractional-value",
        "7,1,2,3,4": "unknown-label",
        ",1,2,3,4": "no-label",
        "1,255,0,0,0": "",
    }
    text = HEADER + ROWS + "".join(f"{line}\n" for line in lines)
    found = read(tmp_path, text, class_names=["a", "b", "c"])
    assert found.bad == [(str(8 + n), r) for n, r in enumerate(lines.values()) if r]
    assert found.labels["train"] == [*LABELS, 1]
    assert found.data["train"][-1].tolist() == [255, 0, 0, 0]


def test_fractions_are_scaled_by_the_value_that_is_white(tmp_path: Path) -> None:
    found = read(tmp_path, "a,0,0.5,1,0.25\na,1.0000001,0,0,1e-1\n", value_max=1.0)
    assert found.data["train"].tolist() == [[0, 128, 255, 64], [255, 0, 0, 26]]
    assert found.bad == []
    found = read(tmp_path, "a,0,0.5,1,0.25\na,0,0,0,1.1\n", value_max=1.0)
    assert found.bad == [("2", "value-out-of-range")]


def test_labels_are_mapped_as_stated_names_plainly_mean(tmp_path: Path) -> None:
    counted = "".join(f"{int(line[0]) + 1}{line[1:]}\n" for line in ROWS.splitlines())
    found = read(tmp_path, counted, class_names=["a", "b", "c"])
    assert (found.labels["train"], found.class_names) == (LABELS, ("a", "b", "c"))
    named = "".join(f"{'abc'[int(line[0])]}{line[1:]}\n" for line in ROWS.splitlines())
    assert read(tmp_path, named, class_names=["c", "b", "a"]).labels["train"] == [
        2 - k for k in LABELS
    ]


def test_a_file_of_pixels_alone_is_one_class_and_refused_beside_labels(tmp_path: Path) -> None:
    pixels = "".join(line[2:] + "\n" for line in (ROWS).splitlines())
    found = read(tmp_path, pixels)
    assert (found.labels["train"], found.class_names) == ([0] * 6, ("all",))
    assert found.data["train"].tolist() == PIXELS.tolist()
    assert "for the 2 dataset.class_names" in refusal(tmp_path, pixels, class_names=["a", "b"])
    (tmp_path / "test.csv").write_text(pixels)
    line = refusal(tmp_path, ROWS, test=f"{tmp_path}/test.csv")
    assert "a column of labels in " in line
    assert "found pixels alone: set source.test to null" in line


def test_labels_of_a_file_without_names_may_be_called_as_their_column_is(tmp_path: Path) -> None:
    found = read(tmp_path, f"y{ROWS[1:]}")
    assert found.data["train"].tolist() == PIXELS.tolist()
    assert (found.class_names, found.labels["train"][0]) == (("0", "1", "2", "y"), 3)


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("y,12,0,3,40", False),
        ("cat,12,,3,40", False),
        ("label,0,1,2,3", True),
        ("kind,1,2,3,4", True),
        ("0,1,2,3,label", True),
        ("id,kind,0,1,2,3", True),
        ("0,1,2,3,4", False),
    ],
)
def test_a_line_of_names_is_mostly_words_or_counts_its_columns(line: str, names: bool) -> None:
    fields = line.split(",")
    form = find_form("x", line.encode(), shape=(2, 2, 1), label=len(fields) - 5)
    assert (form.header, len(form.pixels)) == (names, 4)


def test_columns_that_are_no_pixels_are_left_out_by_their_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = ["id,label,pixel1,pixel2,pixel3,pixel4,Usage"]
    lines += [f"{n},{row},Training" for n, row in enumerate(ROWS.splitlines())]
    with caplog.at_level(logging.INFO):
        found = read(tmp_path, "\n".join(lines))
    assert found.data["train"].tolist() == PIXELS.tolist()
    assert found.labels["train"] == LABELS
    said = (
        "names in the first line, labels in column 1, 4 pixels from column 2; not used: id, Usage"
    )
    assert said in caplog.text


@pytest.mark.parametrize("name", ["kind", '"kind"', " kind"])
def test_an_unused_column_that_may_be_of_labels_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    text = HEADER.replace("label", name) + ROWS
    assert read(tmp_path, text).class_names == ("all",)
    (told,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "the unused column kind has few different values, such as 0, 1, 2" in told
    caplog.clear()
    read(tmp_path, text, class_names=["pets"])
    assert not [r for r in caplog.records if r.levelname == "WARNING"]


@pytest.mark.parametrize(
    ("text", "source", "line"),
    [
        (ROWS, {"shape": [3, 3, 1]}, "9 columns of pixels in "),
        (ROWS, {"label": 5}, "found 5, where there are 5 columns without names: correct it"),
        (HEADER + ROWS, {"label": "lable"}, "found lable, where there are label, pixel0"),
        ("a,b\n1,2\n", {}, "found 2 columns, a, b: set the dataset's shape"),
        ("", {}, "4 columns of pixels in "),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, text: str, source: dict, line: str) -> None:
    assert line in refusal(tmp_path, text, **source)


def test_values_that_contradict_the_scale_are_explained() -> None:
    dataset = dataset_of({"format": "csv", "train": "x"})
    source = source_of(dataset)

    def parsed(seen: float | None, **found: Reach) -> list[Summary]:
        names = {name.replace("_", "-"): reach for name, reach in found.items()}
        return [Summary("train", 0, 0, 5, 4, 4, {}, names, seen)]

    with pytest.raises(RequestError, match="only 0 to 1, which would make every picture black"):
        source.weigh(dataset, parsed(1.0), refused=False)
    source.weigh(dataset, parsed(2.0), refused=False)
    for seen, reason, found, mend in (
        (1.0, "fractional-value", Reach(0.1, 0.9), "set source.value_max to 1, or"),
        (9.0, "fractional-value", Reach(0.1, 1.9), "set source.value_max to 255, or"),
        (9.0, "value-out-of-range", Reach(300, 1023), "set source.value_max to 1023, or"),
        (9.0, "value-out-of-range", Reach(-1, -1), "none may be less than 0"),
    ):
        summaries = parsed(seen, **{reason.replace("-", "_"): found})
        error = source.contradiction(dataset, ManyBad(summaries, reason, "9 of 9", "there"))
        assert mend in str(error)
