"""The ingest of images as a whole, on Spark: nothing is left out without a word."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml
from archive_files import made, png

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import Manifest, read_manifest
from sparkgen.ingest.ingest import ingest
from sparkgen.ingest.layout import Summary
from sparkgen.ingest.source import ManyBad
from sparkgen.ingest.sources import source_of

PICTURES = {
    f"{split}/{name}/{i:02}.png": png(base + i)
    for split in ("train", "test")
    for base, name in ((0, "cat"), (100, "dog"))
    for i in range(20)
}
ODD = {"val/cat/0.png": png(1), "README": b"", "train/.cache": b"", "train/fox/0.png": png(1)}


def config(path: str, **changes: Any) -> DatasetConfig:
    values: dict[str, Any] = {
        "name": "pets",
        "source": {"format": "images", "path": path},
        "shape": (2, 2, 1),
        "class_names": ("cat", "dog"),
        "lanes": 2,
        "validation_fraction": 0.0,
        "max_bad_fraction": 0.1,
        **changes,
    }
    return DatasetConfig(**values)


def levels(out: Path, manifest: Manifest) -> list[int]:
    """The level of every training picture, in the order of the sources."""
    version = out / manifest.name / manifest.version
    rows = [
        r
        for f in manifest.splits["train"].files
        for r in pq.read_table(version / f.path).to_pylist()
    ]
    return [row["image"][0] for row in sorted(rows, key=lambda row: row["id"])]


YAML = """name: pets
source:
  format: images
  path: {path}
shape: [2, 2, 1]
"""


def version_of(spark: Any, folder: Path, kind: str, files: dict[str, bytes]) -> Manifest:
    """The version that five lines of YAML make of some files."""
    (folder / "set").mkdir(parents=True)
    text = YAML.format(path=made(kind, folder / "set", files))
    dataset = DatasetConfig.model_validate(yaml.safe_load(text))
    return ingest(spark, dataset, datasets_uri=str(folder / "out"))


def test_five_lines_make_a_version_of_pictures_as_people_have_them(
    spark: Any, tmp_path: Path
) -> None:
    by_split = version_of(spark, tmp_path / "a", "folder", PICTURES)
    assert by_split.class_names == ("cat", "dog")
    assert by_split.splits["test"].label_counts == {0: 20, 1: 20}
    train = {name: data for name, data in PICTURES.items() if name.startswith("train")}
    by_class = {name.removeprefix("train/"): data for name, data in train.items()}
    archived = version_of(spark, tmp_path / "b", "tar.zst", by_class)
    assert archived.class_names == ("cat", "dog")
    assert archived.splits.keys() == {"train", "validation"}
    assert archived.splits["train"] == by_split.splits["train"]
    flat = {name.replace("/", "-"): data for name, data in by_class.items()}
    alone = version_of(spark, tmp_path / "c", "zip", flat)
    assert (alone.class_names, alone.splits["train"].label_counts) == (("all",), {0: 36})
    assert sorted(levels(tmp_path / "c" / "out", alone)) == sorted(
        levels(tmp_path / "a" / "out", by_split)
    )


def test_a_decoder_that_is_missing_is_named_with_its_package(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dataset = config("anywhere")
    reason = "heif-needs-pillow-heif"
    parsed = [Summary("train", 0, 0, 9, 5, 5, {reason: 3, "empty-image": 1}, {}, None)]
    source = source_of(dataset)
    refusal = source.contradiction(dataset, ManyBad(parsed, reason, "3 of 9 records", "there"))
    assert "expected the Python package pillow-heif on driver and executors" in str(refusal)
    assert "found 3 of 9 records that need it" in str(refusal)
    assert source.contradiction(dataset, ManyBad(parsed, "empty-image", "1", "there")) is None
    with caplog.at_level(logging.WARNING):
        source.weigh(dataset, parsed, refused=False)
    assert "3 images (heif-needs-pillow-heif) need the package pillow-heif" in caplog.text


def test_what_is_not_used_is_in_the_manifest_and_told(
    spark: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out = tmp_path / "out"
    odd = made("tar", tmp_path, PICTURES | ODD)
    changes = {"labels": (1,), "limit": 15}
    with caplog.at_level(logging.INFO):
        manifest = ingest(spark, config(odd, **changes), datasets_uri=str(out))
    assert manifest.quarantined == {"unknown-label": 1}
    assert manifest.unused == {
        "hidden": 1, "not-an-image": 1, "other-split": 1, "other-label": 40, "beyond-limit": 10,
    }  # fmt: skip
    assert "not used: hidden 1, not-an-image 1, other-split 1, other-label 40" in caplog.text
    assert read_manifest(f"{out}/pets/{manifest.version}") == manifest
    assert len(set(levels(out, manifest)) & set(range(100, 120))) == 15


def test_what_is_not_used_enters_no_id(spark: Any, tmp_path: Path) -> None:
    out, unused = tmp_path / "out", {n: d for n, d in ODD.items() if n != "train/fox/0.png"}
    source = made("tar", tmp_path, PICTURES | unused)
    first = ingest(spark, config(source), datasets_uri=str(out))
    made("tar", tmp_path, PICTURES)
    second = ingest(spark, config(source), datasets_uri=str(out))
    assert (first.unused, second.unused) == ({"hidden": 1, "not-an-image": 1, "other-split": 1}, {})
    assert second.version == first.version
    # The version that is there says what the last ingest of its rows did not use.
    assert read_manifest(f"{out}/pets/{first.version}").unused == {}


def test_all_archives_of_a_glob_are_read_with_their_names_in_the_quarantine(
    spark: Any, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"part{number}").mkdir()
        part = {name: data for n, (name, data) in enumerate(PICTURES.items()) if n % 3 == number}
        bad = {f"train/cat/{number}-broken.png": b"broken"}
        made("tar", tmp_path / f"part{number}", part | bad)
    manifest = ingest(spark, config(f"{tmp_path}/part*/set.tar"), datasets_uri=f"{tmp_path}/out")
    expected = [100 * (i // 20) + i % 20 for part in range(3) for i in range(part, 40, 3)]
    assert sorted(levels(tmp_path / "out", manifest)) == sorted(expected)
    by_source = np.array_split(levels(tmp_path / "out", manifest), [14, 27])
    assert [sorted(part) for part in by_source] == [
        sorted(100 * (i // 20) + i % 20 for i in range(part, 40, 3)) for part in range(3)
    ]
    assert len(manifest.sources) == 3
    (entry,) = manifest.quarantine_files
    rows = pq.read_table(tmp_path / "out" / "pets" / manifest.version / entry.path).to_pylist()
    assert [(row["source"], row["position"]) for row in rows] == [
        ("set.tar", f"train/cat/{number}-broken.png") for number in range(3)
    ]


def test_a_version_made_before_anything_was_counted_is_made_again_once(
    spark: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    out, source = tmp_path / "out", made("folder", tmp_path / "set", PICTURES | {"README": b""})
    manifest = ingest(spark, config(source), datasets_uri=str(out))
    path = out / "pets" / manifest.version / "manifest.json"
    values = json.loads(path.read_text())
    assert values.pop("unused") == {"not-an-image": 1}
    path.write_text(json.dumps(values))
    assert read_manifest(str(path.parent)).unused == {}
    again = ingest(spark, config(source), datasets_uri=str(out))
    assert (again.version, again.unused) == (manifest.version, {"not-an-image": 1})
    assert read_manifest(str(path.parent)) == manifest
    with caplog.at_level(logging.INFO):
        assert ingest(spark, config(source), datasets_uri=str(out)) == manifest
    assert "is up to date" in caplog.text
    assert "not used: not-an-image 1" in caplog.text
