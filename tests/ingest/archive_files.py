"""A small set of pictures in folders and archives of every kind."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from PIL import Image

from sparkgen.ingest.block import Records
from sparkgen.ingest.files.archives import list_members
from sparkgen.ingest.images.decode import ImageRule
from sparkgen.ingest.trees.layout import FolderRule
from sparkgen.ingest.trees.placement import Placement, place
from sparkgen.ingest.trees.shares import image_shares

SPLITS = {"train": "train", "test": "test"}
TRAIN = {"train": "train"}
NAMES = ("cat", "dog")
RULE = ImageRule((2, 2, 1))

Files = Mapping[str, bytes]


def png(value: int) -> bytes:
    data = io.BytesIO()
    Image.new("L", (2, 2), value).save(data, "PNG")
    return data.getvalue()


FILES = {f"set/{s}/{c}/{i:03d}.png": png(i) for s in SPLITS for c in NAMES for i in range(30)}
FILES |= {"set/LICENSE": b"free", "set/train/.DS_Store": b"", "set/train/cat/.hidden": b""}


def tar(files: Files, form: int = tarfile.PAX_FORMAT) -> bytes:
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w", format=form) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return data.getvalue()


def zipped(files: Files, method: int = zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return data.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pa.Codec("zstd").compress(data, asbytes=True))


PACKED: dict[str, Callable[[Files], bytes]] = {
    "tar": tar,
    "tar.gz": lambda files: gzip.compress(tar(files), mtime=0),
    "tar.bz2": lambda files: bz2.compress(tar(files)),
    "tar.xz": lambda files: lzma.compress(tar(files)),
    "tar.zst": lambda files: zstd(tar(files)),
    "zip": zipped,
}
KINDS = ("folder", *PACKED)


def made(kind: str, path: Path, files: Files = FILES) -> str:
    """The path of a folder, or of an archive in it, that holds some files."""
    if kind != "folder":
        (path / f"set.{kind}").write_bytes(PACKED[kind](dict(sorted(files.items()))))
        return f"{path}/set.{kind}"
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return str(path)


def placed(
    *uris: str,
    splits: Mapping[str, str] = SPLITS,
    names: tuple[str, ...] | None = NAMES,
    most: float = 0.01,
    **rule: Any,
) -> Placement:
    """What is found in some sources; more fields of the rule may be given."""
    return place(
        [list_members(uri) for uri in uris], FolderRule(uris[0], dict(splits), names, most, **rule)
    )


def records_of(
    uri: str, tasks: int = 1, splits: Mapping[str, str] = SPLITS, most: float = 0.01
) -> dict[str, list[Records]]:
    """The records of each block of each split."""
    found = placed(uri, splits=splits, most=most).candidates
    return {
        split: [
            block.records
            for part in image_shares(split, 0, uri, found[split][0], rule=RULE, tasks=tasks)
            for block in part.blocks()
        ]
        for split in splits
    }


def levels_of(uri: str, split: str = "train") -> list[int]:
    """The level of every picture of a split, in order."""
    blocks = [records.data[:, 0] for records in records_of(uri)[split]]
    return [int(level) for level in np.concatenate(blocks)]
