"""The scale, the shape and the files that `sparkgen inspect` proposes for numbers."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from inspecting import inspected, is_short_and_explained

from sparkgen.ingest.libsvm.lines import BLOCK_BYTES
from sparkgen.ingest.looking import survey
from sparkgen.ingest.sources import libsvm


def text_of(*parts: tuple[int, str]) -> str:
    return "".join(line * count for count, line in parts)


def line_of(label: int, first: int, last: int, value: float) -> str:
    return f"{label} {' '.join(f'{n}:{value}' for n in range(first, last + 1))}\n"


def test_numbers_beyond_the_first_look_widen_what_is_proposed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsvm, "LOOKED_BLOCKS", 1)
    line = line_of(0, 1, 14, 0.5)
    count = BLOCK_BYTES // len(line) + 1
    later = [(count // 20, line_of(1, first, 15, value)) for first, value in ((0, 1), (1, -2.5))]
    (tmp_path / "a.txt").write_text(text_of((count, line), *later))
    found = inspected(tmp_path / "a.txt", tmp_path)
    assert is_short_and_explained(found.text)
    assert "zero_based: true, value_min: -2.5, value_max: 1.0}" in found.text
    assert "shape: [4, 4, 1]" in found.text
    assert found.result["rows"] == {"train": count + 2 * (count // 20)}
    assert not any("bad records" in told for told in found.lines)


def test_a_few_numbers_that_reach_far_go_to_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libsvm, "LOOKED_BLOCKS", 1)
    line = line_of(0, 1, 16, 0.5)
    count = BLOCK_BYTES // len(line) + 1
    (tmp_path / "a.txt").write_text(text_of((count, line), (1, line_of(1, 1, 16, 1e9))))
    found = inspected(tmp_path / "a.txt", tmp_path)
    assert "value_max: 1.0}" in found.text
    assert "bad records, for the quarantine: value-out-of-range 1" in found.lines


def test_two_guesses_that_each_miss_a_few_are_both_widened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of each 0.8 of a hundred: together more than an ingest allows."""
    monkeypatch.setattr(libsvm, "LOOKED_BLOCKS", 1)
    line = line_of(0, 1, 9, 0.5)
    count = BLOCK_BYTES // len(line) + 1
    later = [(count // 125, line_of(1, 1, last, value)) for last, value in ((9, 2.0), (16, 0.5))]
    (tmp_path / "a.txt").write_text(text_of((count, line), *later))
    found = inspected(tmp_path / "a.txt", tmp_path)
    assert "value_max: 2.0}" in found.text
    assert "shape: [4, 4, 1]" in found.text
    assert "max_bad_fraction" not in found.text


@pytest.mark.parametrize(
    ("train", "test", "white"),
    [
        (np.float32(1), np.float32(2.5), 2.5),
        (np.int32(200), np.int32(1023), 1023),
    ],
)
def test_a_split_that_the_first_look_does_not_reach_widens_the_scale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, train: Any, test: Any, white: float
) -> None:
    monkeypatch.setattr(survey, "MOST_BYTES", 1000)
    np.savez(
        tmp_path / "a.npz",
        x_train=np.full((99, 4, 4), train),
        x_test=np.full((99, 4, 4), test),
    )
    found = inspected(tmp_path / "a.npz", tmp_path)
    assert f"value_max: {float(white)}}}" in found.text
    assert found.result["rows"] == {"train": 99, "test": 99}
    assert "max_bad_fraction" not in found.text


@pytest.mark.parametrize(
    ("value", "white"),
    [
        (np.uint8(100), None),
        (np.uint8(2), None),
        (np.uint8(1), 1.0),
        (np.int16(100), 100.0),
        (np.float32(100), 100.0),
    ],
)
def test_unsigned_bytes_are_grey_levels_however_dark(
    tmp_path: Path, value: Any, white: float | None
) -> None:
    np.savez(tmp_path / "a.npz", images=np.full((20, 4, 4), value))
    found = inspected(tmp_path / "a.npz", tmp_path)
    assert ("value_max" in found.text) == (white is not None)
    assert white is None or f"value_max: {white}}}" in found.text
    assert any(told.startswith(f"values reach {value:g}") for told in found.lines)


def test_arrays_of_a_split_are_preferred_to_others_and_what_is_not_used_is_told(
    tmp_path: Path,
) -> None:
    for name in ("features", "x_train", "x_val"):
        np.save(tmp_path / f"{name}.npy", np.full((20, 4, 4), 200, np.uint8))
    found = inspected(tmp_path, tmp_path)
    assert f"train: {tmp_path}/x_train.npy, test: {tmp_path}/x_val.npy" in found.text.replace(
        '"', ""
    )
    assert found.lines[0].endswith("; not used: features.npy")


def test_an_npz_is_read_where_an_npy_lies_beside_it(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((20, 7), np.uint8))
    np.savez(tmp_path / "b.npz", x_train=np.full((20, 4, 4), 200, np.uint8))
    found = inspected(tmp_path, tmp_path)
    assert found.result["rows"] == {"train": 20}
    assert found.lines[0].endswith("arrays x_train [20, 4, 4]; not used: a.npy")
