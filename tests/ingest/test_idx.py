"""idx files: what their headers declare is there, all of it and nothing more."""

import bz2
import gzip
import lzma
import struct
import tempfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.datasets.records import ImageRecord
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.arrays import idx as idx_module
from sparkgen.ingest.arrays.idx import BLOCK_ROWS, IdxShare, idx_shares

PIXELS = np.random.default_rng(0).integers(0, 256, (BLOCK_ROWS + 10, 2, 2), np.uint8)
LABELS = (np.arange(len(PIXELS)) % 3).astype(np.uint8)
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".GZ": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def shares(
    folder: Path, images: bytes, labels: bytes, ending: str = "", *, tasks: int = 2
) -> list[IdxShare]:
    paths = []
    for name, data in (("images", images), ("labels", labels)):
        paths.append(f"{folder}/{name}{ending}")
        Path(paths[-1]).write_bytes(data)
    return idx_shares("train", *paths, record=ImageRecord((2, 2, 1)), classes=3, tasks=tasks)


def read(parts: list[IdxShare]) -> tuple[np.ndarray, np.ndarray]:
    blocks = [block.records for part in parts for block in part.blocks()]
    return np.concatenate([b.data for b in blocks]), np.concatenate([b.labels for b in blocks])


@pytest.mark.parametrize("ending", PACK)
def test_two_shares_give_every_picture_once_and_in_order(tmp_path: Path, ending: str) -> None:
    files = [PACK[ending](idx(values)) for values in (PIXELS, LABELS)]
    parts = shares(tmp_path, *files, ending)
    assert [(p.first, p.stop) for p in parts] == [(0, BLOCK_ROWS), (BLOCK_ROWS, len(PIXELS))]
    pixels, labels = read(parts)
    assert np.array_equal(pixels, PIXELS.reshape(-1, 4))
    assert np.array_equal(labels, LABELS)


@given(
    st.lists(st.integers(0, 4), min_size=1, max_size=40),
    st.integers(1, 5),
    st.integers(1, 6),
    st.sampled_from(["", ".gz"]),
)
def test_any_cut_gives_every_picture_once_and_the_unknown_labels_by_their_place(
    labels: list[int], tasks: int, block: int, ending: str
) -> None:
    pixels = np.arange(len(labels) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    with tempfile.TemporaryDirectory() as folder, patch.object(idx_module, "BLOCK_ROWS", block):
        files = [PACK[ending](idx(v)) for v in (pixels, np.array(labels, np.uint8))]
        parts = shares(Path(folder), *files, ending, tasks=tasks)
        blocks = [b for part in parts for b in part.blocks()]
    bounds = [(p.first, p.stop) for p in parts]
    assert [0, *(stop for _, stop in bounds)] == [*(first for first, _ in bounds), len(labels)]
    good = [n for n, label in enumerate(labels) if label < 3]
    assert [n for b in blocks for n in b.records.labels] == [labels[n] for n in good]
    found = np.concatenate([b.records.data for b in blocks])
    assert np.array_equal(found, pixels.reshape(-1, 4)[good])
    bad = [b.number + int(wrong.position) for b in blocks for wrong in b.records.bad]
    assert bad == sorted(set(range(len(labels))) - set(good))
    assert sum(b.records.length for b in blocks) == len(labels)


@pytest.mark.parametrize("longer", ["images", "labels"])
@pytest.mark.parametrize("ending", ["", ".gz"])
def test_more_than_the_header_declares_is_noticed(tmp_path: Path, longer: str, ending: str) -> None:
    files = [
        idx(values) + bytes(longer == name)
        for name, values in (("images", PIXELS), ("labels", LABELS))
    ]
    parts = shares(tmp_path, *(gzip.compress(f) if ending else f for f in files), ending)
    with pytest.raises(IngestError, match=rf"/{longer}{ending} holds more than the 4106 records"):
        read(parts)


def test_damage_names_the_file_that_has_it(tmp_path: Path) -> None:
    images, labels = gzip.compress(idx(PIXELS)), gzip.compress(idx(LABELS))
    damaged = images[:1000] + bytes([images[1000] ^ 255]) + images[1001:]
    with pytest.raises(IngestError, match=r"/images\.gz cannot be read"):
        read(shares(tmp_path, damaged, labels, ".gz"))
    with pytest.raises(IngestError, match=r"/images\.gz cannot be read"):
        shares(tmp_path, b"<html>404</html>", labels, ".gz")
    with pytest.raises(IngestError, match="/images ends before the last record"):
        read(shares(tmp_path, idx(PIXELS)[:-1], idx(LABELS)))


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"", "an empty file"),
        (b"\0\0\x08\0", "a file that begins 00 00 08 00"),
        (b"\0\0\x0d\3" + bytes(12), "a file that begins 00 00 0d 03"),
        (idx(PIXELS[:0]), "none"),
    ],
    ids=["empty", "no dimensions", "floats", "no pictures"],
)
def test_what_is_no_idx_file_of_pictures_is_refused(
    tmp_path: Path, data: bytes, found: str
) -> None:
    with pytest.raises(RequestError, match=f"found {found}"):
        shares(tmp_path, data, idx(LABELS[:0]))
