"""What lies at a path is told, and the dataset file that is written ingests it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from inspecting import ingested, inspected, is_short_and_explained, rows_of
from layouts import LAYOUTS, TEST, Layout, X, Y

from sparkgen.datasets.manifest import Manifest


def pictures_of(folder: Path, manifest: Manifest, splits: set[str]) -> list[tuple[bytes, str]]:
    """The pictures of some splits with the names of their classes."""
    found = []
    for name in splits & manifest.splits.keys():
        for file in manifest.splits[name].files:
            table = pq.read_table(folder / "out" / manifest.name / manifest.version / file.path)
            found += [
                (row["image"], manifest.class_names[row["label"]]) for row in table.to_pylist()
            ]
    return sorted(found)


def expected(layout: Layout, some: np.ndarray) -> list[tuple[bytes, str]]:
    names = layout.names if len(layout.names) > 1 else layout.names * 4
    return sorted((x.tobytes(), names[k]) for x, k in zip(X[some], Y[some], strict=True))


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_what_is_inspected_is_what_is_ingested(spark: Any, tmp_path: Path, layout: Any) -> None:
    (tmp_path / "data").mkdir()
    made = layout(tmp_path / "data")
    found = inspected(made.path, tmp_path)
    assert is_short_and_explained(found.text), found.text
    assert found.result["rows"] == made.rows
    assert found.result["classes"] == len(made.names)
    manifest = ingested(spark, tmp_path)
    assert manifest.class_names == made.names
    assert manifest.quarantined == {}
    rows = rows_of(manifest)
    assert "test" in rows
    held_out = TEST if made.rows == {"train": 16, "test": 8} else None
    if held_out is None:
        whole = pictures_of(tmp_path, manifest, {"train", "validation", "test"})
        assert whole == expected(made, np.ones(24, np.bool_))
    else:
        assert rows["test"] == 8
        assert pictures_of(tmp_path, manifest, {"test"}) == expected(made, held_out)
        rest = pictures_of(tmp_path, manifest, {"train", "validation"})
        assert rest == expected(made, ~held_out)
