"""Small dataset versions, written with pyarrow alone."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkgen.datasets.files import FileEntry, digest
from sparkgen.datasets.manifest import Manifest, SplitEntry, content_version, write_manifest
from sparkgen.datasets.records import ImageRecord


class Version(NamedTuple):
    """A dataset version and what is in it: `images` uint8 (N, H, W, C), row i has id i."""

    uri: str
    manifest: Manifest
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def file(self, number: int) -> Path:
        return Path(self.uri) / self.manifest.splits["train"].files[number].path


def describe(path: Path, rows: int) -> FileEntry:
    """What a manifest says of a file of the training split as it is."""
    data = path.read_bytes()
    return FileEntry(path=f"train/{path.name}", rows=rows, bytes=len(data), sha256=digest(data))


MakeVersion = Callable[..., Version]


@pytest.fixture
def make_version(tmp_path: Path) -> MakeVersion:
    """Writes a version whose only split, `train`, holds random pictures in order of their ids."""

    def make(*, rows: int = 100, shards: int = 8, lanes: int = 4, folder: str = "v") -> Version:
        shape = (4, 3, 1)
        random = np.random.default_rng(0)
        images = random.integers(0, 256, (rows, *shape), dtype=np.uint8)
        labels = random.integers(0, 10, rows).astype(np.int32)
        files = []
        for number, ids in enumerate(np.array_split(np.arange(rows), shards)):
            columns = [ids, labels[ids], [images[i].tobytes() for i in ids]]
            path = tmp_path / folder / f"train/part-{number:05d}.parquet"
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.table(columns, schema=ImageRecord(shape).schema), path)
            files.append(describe(path, len(ids)))
        manifest = Manifest(
            name="toy",
            version="",
            shape=shape,
            class_names=tuple("0123456789"),
            lanes=lanes,
            splits={"train": SplitEntry(rows=rows, label_counts={}, files=tuple(files))},
            quarantined={},
            sources=(),
            config={},
            libraries={},
        )
        manifest = manifest.model_copy(update={"version": content_version(manifest)})
        write_manifest(str(tmp_path / folder), manifest)
        return Version(str(tmp_path / folder), manifest, images, labels)

    return make
