"""Files of an artifact: what is read is what the manifest says, or an error names the file."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sparkgen.datasets.files import FileEntry, StoredFile, check_sizes, digest
from sparkgen.datasets.records import ImageRecord
from sparkgen.errors import ManifestError

ROWS, IMAGE_BYTES = 50, 12
COLUMNS = ("id", "label", "image")


def store(folder: Path, table: pa.Table, rows: int = ROWS) -> StoredFile:
    """A table as a file of an artifact."""
    path = folder / "part-00000.parquet"
    pq.write_table(table, path)
    data = path.read_bytes()
    entry = FileEntry(path=path.name, rows=rows, bytes=len(data), sha256=digest(data))
    return StoredFile(str(folder), entry, "make it again")


@pytest.fixture
def table() -> pa.Table:
    random = np.random.default_rng(0)
    images = [random.bytes(IMAGE_BYTES) for _ in range(ROWS)]
    return pa.table([range(ROWS), [1] * ROWS, images], schema=ImageRecord((1, 4, 3)).schema)


def test_a_file_is_read_as_it_was_written(tmp_path: Path, table: pa.Table) -> None:
    file = store(tmp_path, table)
    assert file.table(COLUMNS, widths={"image": IMAGE_BYTES}).equals(table)
    check_sizes([file])


def test_a_bit_flipped_anywhere_is_found(tmp_path: Path, table: pa.Table) -> None:
    file = store(tmp_path, table)
    path = Path(file.uri)
    written = path.read_bytes()
    random = np.random.default_rng(0)
    for at, bit in zip(
        random.integers(0, len(written), 100), random.integers(0, 8, 100), strict=True
    ):
        data = bytearray(written)
        data[at] ^= 1 << bit
        path.write_bytes(data)
        with pytest.raises(
            ManifestError, match=r"part-00000\.parquet, found others.*make it again"
        ):
            file.table(COLUMNS)


def test_a_file_cut_off_anywhere_or_gone_is_found_without_reading_it(
    tmp_path: Path, table: pa.Table
) -> None:
    file = store(tmp_path, table)
    path = Path(file.uri)
    written = path.read_bytes()
    for size in (0, 4, len(written) // 2, len(written) - 1):
        path.write_bytes(written[:size])
        for look in (lambda: check_sizes([file]), file.read):
            with pytest.raises(ManifestError, match=rf"{len(written)} bytes in .*found {size}"):
                look()
    path.unlink()
    for make in (lambda: None, path.mkdir):
        make()
        for look in (lambda: check_sizes([file]), file.read):
            with pytest.raises(ManifestError, match=r"part-00000\.parquet"):
                look()


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda t: t.slice(1), "found 49 of id, label, image"),
        (lambda t: t.drop_columns(["label"]), "found"),
        (lambda t: t.set_column(1, "label", pa.nulls(ROWS, pa.int32())), "missing values"),
        (lambda t: t.set_column(2, "image", [[b"123"] * ROWS]), "images of 3 bytes, not 12"),
    ],
)
def test_a_file_that_is_whole_but_holds_something_else_is_named(
    tmp_path: Path, table: pa.Table, change, line: str
) -> None:
    file = store(tmp_path, change(table))
    with pytest.raises(ManifestError, match=rf"50 rows of id, label, image in .*part-.*{line}"):
        file.table(COLUMNS, widths={"image": IMAGE_BYTES})


def test_a_file_that_is_no_parquet_is_named(tmp_path: Path) -> None:
    data = b"PAR1" + bytes(100) + b"PAR1"
    (tmp_path / "part-00000.parquet").write_bytes(data)
    entry = FileEntry(path="part-00000.parquet", rows=1, bytes=len(data), sha256=digest(data))
    with pytest.raises(ManifestError, match="1 rows of image in"):
        StoredFile(str(tmp_path), entry, "make it again").table(["image"])
