"""What lies at a path is told, and the dataset file that is written ingests it."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from layouts import LAYOUTS, TEST, Layout, X, Y

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.config.load import load_dataset
from sparkgen.datasets.manifest import Manifest
from sparkgen.ingest.ingest import ingest
from sparkgen.pipeline.inspect import Written, run


def inspected(path: str | Path, folder: Path, **changes: Any) -> Written:
    """The path inspected, with a dataset file in a folder `conf` of its own."""
    conf = folder / "conf"
    (conf / "environments").mkdir(parents=True, exist_ok=True)
    (conf / "environments" / "local.yaml").write_text("workers: 1\n")
    asked = {"name": None, "file": f"{conf}/datasets/mine.yaml", **changes}
    return run(str(path), EnvironmentConfig(data=str(folder / "data")), **asked)


def ingested(spark: Any, folder: Path) -> Manifest:
    """The version that the dataset file makes."""
    overrides = (f"environment.data={folder / 'data'}",)
    request = load_dataset(folder / "conf" / "datasets" / "mine.yaml", overrides=overrides)
    return ingest(spark, request.dataset, datasets_uri=f"{folder}/out")


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


def is_short_and_explained(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) <= 6 and all("  # " in line for line in lines)


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
    rows = {name: split.rows for name, split in manifest.splits.items()}
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
