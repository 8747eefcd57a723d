"""Small dataset versions of one split."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pytest
from versions import random_data, write_split, write_version

from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import ImageRecord
from sparkgen.feed.feeds import FEEDS, why_not


class Version(NamedTuple):
    """A dataset version and what is in it: `images` uint8 (N, H, W, C), row i has id i."""

    uri: str
    manifest: Manifest
    images: npt.NDArray[np.uint8]
    labels: npt.NDArray[np.int32]

    def file(self, number: int) -> Path:
        return Path(self.uri) / self.manifest.splits["train"].files[number].path


@pytest.fixture(params=FEEDS)
def feed(request: pytest.FixtureRequest) -> str:
    """The name of each feed in turn; one that cannot be used with what is installed is skipped."""
    if (reason := why_not(request.param)) is not None:
        pytest.skip(reason)
    return request.param


MakeVersion = Callable[..., Version]


@pytest.fixture
def make_version(tmp_path: Path) -> MakeVersion:
    """Writes a version whose only split, `train`, holds random pictures in order of their ids."""

    def make(*, rows: int = 100, shards: int = 8, lanes: int = 4, folder: str = "v") -> Version:
        record, root = ImageRecord((4, 3, 1)), tmp_path / folder
        images, ids = random_data(record, rows), np.arange(rows)
        labels = np.random.default_rng(1).integers(0, 10, rows).astype(np.int32)
        train = write_split(
            root, "train", record, ids=ids, labels=labels, data=images, files=shards
        )
        manifest = write_version(root, record, {"train": train}, name="toy", lanes=lanes)
        return Version(str(root), manifest, images, labels)

    return make
