"""What real data sets are inspected as, against what is known of them."""

from pathlib import Path
from typing import Any

import pytest
from inspecting import inspected, is_short_and_explained

pytestmark = pytest.mark.data

SHAKESPEARE = 4358  # blocks of 256 bytes and the next one in 1,115,394 bytes


@pytest.mark.parametrize(
    ("path", "rows", "classes", "shape"),
    [
        ("bsds500.zip", {"train": 200, "test": 200}, 1, "[64, 64, 3]"),
        ("fashion-mnist-png-small.tar", {"train": 2000, "test": 500}, 10, "[28, 28, 1]"),
        ("cifar10-jpg-small.tar", {"train": 5000, "test": 1000}, 10, "[32, 32, 3]"),
        ("photos", {"train": 5}, 1, "[64, 64, 3]"),
        ("fashion-mnist", {"train": 60000, "test": 10000}, 10, "[28, 28, 1]"),
        ("sample_libsvm_data.txt", {"train": 100}, 2, "[28, 28, 1]"),
        ("mnist-digits-train-head2000.txt.gz", {"train": 2000}, 10, "[28, 28, 1]"),
        ("tinyshakespeare.txt", {"train": SHAKESPEARE}, 1, "[257]"),
        ("sst2", {"train": 6920, "validation": 872, "test": 1821}, 2, "[64]"),
        ("malformed-images", {"train": 32}, 2, "[64, 64, 3]"),
    ],
)
def test_real_data_are_what_they_are_known_to_be(
    data_dir: Path, tmp_path: Path, path: str, rows: Any, classes: int, shape: str
) -> None:
    (tmp_path / "data").symlink_to(data_dir)
    found = inspected(f"{{data}}/{path}", tmp_path)
    assert is_short_and_explained(found.text)
    assert (found.result["rows"], found.result["classes"]) == (rows, classes)
    assert f"\nshape: {shape}  # " in found.text
    assert f'"{{data}}/{path}' in found.text


def test_what_real_data_hold_besides_is_told(data_dir: Path, tmp_path: Path) -> None:
    found = inspected(data_dir / "bsds500.zip", tmp_path, file=None)
    assert "passed over: outside-split-folders 100" in found.lines  # the folder `val`
    assert (
        "sizes (width x height): 481 x 321, 321 x 481; levels 0 to 255; 64 in colour" in found.lines
    )
    odd = inspected(data_dir / "malformed-images", tmp_path, file=None)
    assert "damaged among those looked at: truncated-image 1, undecodable-image 7" in odd.lines
    assert "max_bad_fraction: " in odd.text
    text = inspected(data_dir / "sst2", tmp_path, file=None).lines[0]
    assert text.endswith("lines of a label and a text in 3 files")
