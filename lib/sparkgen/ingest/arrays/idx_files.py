"""Finds the pairs of idx files of each split, of pictures and of labels, by their headers and names."""

import struct
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.files.split_words import split_of
from sparkgen.ingest.looking.look import Look

MOST_SHOWN = 4  # files in a message
BEGINNING = b"\0\0\x08"  # of files of unsigned bytes; the number of dimensions follows


class IdxFiles(NamedTuple):
    """The keys of a source of idx files, what is to be said of them, and the shape of the pictures."""

    keys: dict[str, str]
    told: str
    shape: tuple[int, int, int]


def find_idx(look: Look) -> IdxFiles | None:
    """The pairs at a path: a folder of idx files, or one file, beside which the others lie.

    Raises:
        RequestError: there are idx files, but none of pictures beside one of labels.
    """
    files = look.those(lambda file: look.head(file).startswith(BEGINNING))
    if look.kind == "file" and files:
        found = [f for f in look.beside("*") if look.head(f).startswith(BEGINNING)]
        named = _split(files[0]) is not None
        files = [file for file in found if (_split(file) is not None) == named]
    sides = {file: _sizes(look.head(file)) for file in files}
    pictures = [file for file in files if len(sides[file]) in (3, 4)]
    labels = [file for file in files if len(sides[file]) == 1]
    keys: dict[str, str] = {}
    used: set[str] = set()
    for split in ("train", "test"):
        pair = _pair(split, pictures, labels)
        if pair is None:
            continue
        keys |= {f"{split}_images": pair[0], f"{split}_labels": pair[1]}
        used |= set(pair)
    if not files:
        return None
    if "train_images" not in keys:
        raise RequestError(
            f"an idx file of pictures and one of labels for training in {look.path}",
            found=", ".join(f"{f.rpartition('/')[2]} {list(sides[f])}" for f in files[:MOST_SHOWN]),
            mend="download the file again, or bring the one that is missing",
        )
    _, height, width, *channels = sides[keys["train_images"]]
    shape = (height, width, channels[0] if channels else 1)
    told = f"{len(keys) // 2} {'pair' if len(keys) == 2 else 'pairs'} of pictures and labels"
    others = [file for file in files if file not in used]
    if others:
        told += f"; not used: {len(others)} idx files, such as {others[0]}"
    return IdxFiles(keys, told, shape)


def _pair(split: str, pictures: Sequence[str], labels: Sequence[str]) -> tuple[str, str] | None:
    """The files of a split; of the training split also where no name says a split."""
    images, values = ([f for f in files if _split(f) == split] for files in (pictures, labels))
    if split == "train" and not images:
        images, values = ([f for f in files if _split(f) is None] for files in (pictures, labels))
    return (images[0], values[0]) if len(images) == len(values) == 1 else None


def _split(file: str) -> str | None:
    return split_of(file.rpartition("/")[2])


def _sizes(head: bytes) -> tuple[int, ...]:
    """The sizes in the header of an idx file."""
    count = int.from_bytes(head[3:4])
    return struct.unpack_from(f">{count}I", head, 4) if len(head) >= 4 + 4 * count else ()
