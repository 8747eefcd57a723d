"""The same pictures give the same pixels, labels and names, whatever form they come in."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from archive_files import made, tar
from as_rows import dataset_of, made_of
from PIL import Image

from sparkgen.ingest.ingest import ingest

SHAPE = (4, 5, 3)
X = np.random.default_rng(1).integers(0, 256, (12, *SHAPE), np.uint8)
Y = np.arange(12) % 3
CLASSES = ("ant", "bee", "cow")


def png(pixels: np.ndarray) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "PNG")
    return data.getvalue()


def folder(path: Path) -> dict[str, Any]:
    files = {
        f"train/{CLASSES[k]}/{n:02d}.png": png(x) for n, (x, k) in enumerate(zip(X, Y, strict=True))
    }
    made("folder", path, files)
    return {"format": "images", "path": str(path), "test": None}


def webdataset(path: Path) -> dict[str, Any]:
    files: dict[str, bytes] = {}
    for n, (x, k) in enumerate(zip(X, Y, strict=True)):
        files |= {
            f"{n:02d}.png": png(x),
            f"{n:02d}.json": json.dumps({"label": CLASSES[k]}).encode(),
        }
    (path / "a.tar").write_bytes(tar(files))
    return {"format": "webdataset", "train": f"{path}/a.tar"}


def listed(path: Path) -> dict[str, Any]:
    made("folder", path, {f"{n:02d}.png": png(x) for n, x in enumerate(X)})
    rows = "".join(f"{n:02d}.png,{CLASSES[k]}\n" for n, k in enumerate(Y))
    (path / "list.csv").write_text("image,label\n" + rows)
    return {"format": "list", "path": f"{path}/list.csv"}


def csv(path: Path) -> dict[str, Any]:
    rows = [",".join(map(str, [CLASSES[k], *x.ravel()])) for x, k in zip(X, Y, strict=True)]
    (path / "a.csv").write_text("\n".join(rows))
    return {"format": "csv", "train": f"{path}/a.csv"}


def numpy(path: Path) -> dict[str, Any]:
    np.savez_compressed(path / "a.npz", images=X, labels=np.array(CLASSES)[Y])
    return {"format": "numpy", "train": f"{path}/a.npz"}


@pytest.mark.parametrize("form", [folder, webdataset, listed, csv, numpy])
def test_the_same_pictures_give_the_same_records(tmp_path: Path, form: Any) -> None:
    found = made_of(form(tmp_path), shape=SHAPE)
    order = np.lexsort((np.arange(12), found.labels["train"]))
    expected = np.lexsort((np.arange(12), Y))
    assert np.array(found.labels["train"])[order].tolist() == Y[expected].tolist()
    assert (found.data["train"][order] == X[expected].reshape(12, -1)).all()
    assert found.class_names == CLASSES
    assert (found.bad, found.unused) == ([], {})


@pytest.mark.parametrize("form", [csv, numpy])
def test_executors_make_the_version(spark: Any, tmp_path: Path, form: Any) -> None:
    dataset = dataset_of(
        form(tmp_path), shape=SHAPE, lanes=2, test_fraction=0.25, validation_fraction=0.0
    )
    manifest = ingest(spark, dataset, datasets_uri=f"{tmp_path}/out")
    assert manifest.class_names == CLASSES
    assert {name: split.rows for name, split in manifest.splits.items()} == {"train": 9, "test": 3}
    pictures = []
    for split in manifest.splits.values():
        for file in split.files:
            rows = pq.read_table(
                tmp_path / "out" / "small" / manifest.version / file.path
            ).to_pylist()
            pictures += [(row["image"], row["label"]) for row in rows]
    assert sorted(pictures) == sorted((x.tobytes(), int(k)) for x, k in zip(X, Y, strict=True))
