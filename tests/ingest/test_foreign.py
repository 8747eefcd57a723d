"""What is no libsvm text is told by its beginning, before any work."""

import gzip
import lzma
from pathlib import Path

import pyarrow as pa
import pytest

from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.libsvm.foreign import looks_like, refuse_foreign

TEXT = b"1 1:5 3:255\n0 2:1\n"

FOREIGN = {
    "rows.txt": (gzip.compress(TEXT, mtime=0), r"what looks like gzip data.*\.gz"),
    "rows.gz": (TEXT, "text that is not compressed"),
    "rows.xz": (gzip.compress(TEXT, mtime=0), "gzip data"),
    "rows.zst": (b"\x89PNG\r\n\x1a\n", "a PNG image: set source.format to images"),
    "photo.jpg": (b"\xff\xd8\xff\xe0", "a JPEG image: set source.format to images"),
    "rows.parquet": (b"PAR1\x15\x04", "a Parquet file"),
    "rows.zip": (b"PK\x03\x04\x14", "a zip archive"),
    "t10k-images": (b"\x00\x00\x08\x03\x00\x00", "an idx file: set source.format to idx"),
    "le.txt": ("\ufeff1 1:5\n".encode("utf-16-le"), "UTF-16 text: convert it: iconv"),
    "be.txt": ("1 1:5\n".encode("utf-16-be"), "UTF-16 text"),
    "packed.gz": (gzip.compress("1 1:5\n".encode("utf-16"), mtime=0), "UTF-16 text"),
    "rows.csv": (b"label,p1,p2\n3,0,255\n", "comma-separated text: set source.format to csv"),
    "rows.npy": (b"\x93NUMPY\x01\x00", "a NumPy file: set source.format to numpy"),
    "rows.json": (b'[{"label": 1}]', "JSON"),
    "rows.html": (b"\n<!doctype html>", "HTML or XML"),
    "rows.tar": (b"train/0.png".ljust(257, b"\0") + b"ustar\0", "a tar archive"),
}
TEXTS = [
    b"",
    TEXT,
    b"\xef\xbb\xbf" + TEXT,
    b"# made by hand, 2 rows\n" + TEXT,
    b"label,pixels\n" + TEXT,
    b"3\n4\n",
    b"1 qid:3 1:5",
    b"frog\n",
    b"\r\n\r\n1 1:2\r\n",
]


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_another_kind_is_refused_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "good.txt").write_bytes(TEXT)
    data, says = FOREIGN[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(RequestError, match=rf"libsvm text.* in \S*/{name}, found .*{says}"):
        refuse_foreign([f"{tmp_path}/good.txt", f"{tmp_path}/{name}"])


@pytest.mark.parametrize("text", TEXTS, ids=repr)
def test_text_with_bad_lines_is_still_text(tmp_path: Path, text: bytes) -> None:
    assert looks_like(text) is None
    packed = {
        "rows.txt": text,
        "rows.GZ": gzip.compress(text),
        "rows.xz": lzma.compress(text),
        "rows.zst": pa.compress(text, codec="zstd", asbytes=True),
        "empty.gz": b"",
    }
    for name, data in packed.items():
        (tmp_path / name).write_bytes(data)
    refuse_foreign([f"{tmp_path}/{name}" for name in packed])


def test_a_damaged_or_missing_file_is_named_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "cut.gz").write_bytes(gzip.compress(TEXT, mtime=0)[:-4])
    for name in ("cut.gz", "gone.txt"):
        with pytest.raises(IngestError, match=rf"^\S*/{name} cannot be read: "):
            refuse_foreign([f"{tmp_path}/{name}"])
