"""Reads CIFAR's binary files: records of label bytes and three planes of 32 x 32 bytes, R, G, B.

CIFAR-10 has `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`, with one label byte; CIFAR-100
`train.bin` and `test.bin`, with the coarse and the fine label (cs.toronto.edu/~kriz/cifar.html).
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.block import Bad, Block, Data, Records
from sparkgen.ingest.class_values import shown
from sparkgen.ingest.files.archives import read_members
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.trees.checks import printable

SHAPE = (32, 32, 3)
PIXELS = 32 * 32 * 3
BLOCK_ROWS = 4096
MOST_BLOCKS = 1 << 32  # of a member


class Kind(NamedTuple):
    """One of the two data sets: its files, what its label bytes are, and the files of their names."""

    name: str
    train: str
    test: str
    labels: dict[str, str]
    """The file with the names of each label byte, in order of the bytes."""
    classes: dict[str, int]

    @property
    def record_bytes(self) -> int:
        return len(self.labels) + PIXELS


KINDS = (
    Kind(
        "CIFAR-10",
        r"data_batch_\d+\.bin",
        r"test_batch\.bin",
        {"fine": "batches.meta.txt"},
        {"fine": 10},
    ),
    Kind(
        "CIFAR-100",
        r"train\.bin",
        r"test\.bin",
        {"coarse": "coarse_label_names.txt", "fine": "fine_label_names.txt"},
        {"coarse": 20, "fine": 100},
    ),
)


class Batches(NamedTuple):
    """The files of a data set: those of each split in order, the one of class names, and the others."""

    kind: Kind
    splits: dict[str, list[Member]]
    names: Member | None
    others: int


class CifarShare(NamedTuple):
    """One file of records, `number` among those of its split."""

    split: str
    number: int
    uri: str
    member: Member
    kind: Kind
    label: int
    """Which of the label bytes counts."""
    classes: int

    def blocks(self) -> Iterator[Block]:
        data = next(read_members(self.uri, [self.member]))
        size = self.kind.record_bytes
        if data is None or len(data) % size or len(data) != self.member.size:
            raise IngestError(f"{self.member.name} of {self.uri} cannot be read whole")
        rows = np.frombuffer(data, np.uint8).reshape(-1, size)
        for first in range(0, len(rows), BLOCK_ROWS):
            number = self.number * MOST_BLOCKS + first
            yield Block(
                self.split, 0, number, self._records(rows[first : first + BLOCK_ROWS], first)
            )

    def _records(self, rows: Data, first: int) -> Records:
        labels = rows[:, self.label].astype(np.int32)
        planes = rows[:, len(self.kind.labels) :].reshape(-1, 3, 32 * 32)
        pixels = planes.transpose(0, 2, 1).reshape(-1, PIXELS)
        good = labels < self.classes
        bad = [
            Bad(
                f"{printable(self.member.name)} record {first + n + 1}",
                "unknown-label",
                rows[n].tobytes(),
            )
            for n in np.flatnonzero(~good).tolist()
        ]
        return Records(labels[good], pixels[good], bad, len(rows))


def find_batches(uri: str, members: Sequence[Member], labels: str) -> Batches:
    """The files of one of the data sets among the members of a folder or archive.

    Args:
        uri: of the folder or archive.
        members: from `list_members`.
        labels: `fine` or `coarse`.

    Raises:
        RequestError: there are none, those of both sets, or one that is not whole.
    """
    found = [kind for kind in KINDS if any(is_batch(kind.train, member) for member in members)]
    if len(found) != 1:
        names = [printable(member.name) for member in members]
        pickles = any(_base(member) in ("data_batch_1", "train") for member in members)
        raise RequestError(
            f"the files of CIFAR-10, data_batch_1.bin and so on, or of CIFAR-100, train.bin, in {uri}",
            found="those of both" if found else shown(names) or "nothing",
            mend="give the binary version: pickles of Python are not read, since they could run code"
            if pickles
            else "correct source.path",
        )
    kind = found[0]
    if labels not in kind.labels:
        raise RequestError(
            f"source.labels {' or '.join(kind.labels)} for {kind.name}",
            found=labels,
            mend="correct it",
        )
    splits = {
        split: sorted((m for m in members if is_batch(pattern, m)), key=_order)
        for split, pattern in (("train", kind.train), ("test", kind.test))
    }
    for member in [m for some in splits.values() for m in some]:
        _refuse_damaged(uri, member, kind)
    texts = {_base(m): m for m in members if _base(m) in kind.labels.values()}
    used = sum(map(len, splits.values())) + len(texts)
    return Batches(
        kind,
        {s: m for s, m in splits.items() if m},
        texts.get(kind.labels[labels]),
        len(members) - used,
    )


def class_names(uri: str, batches: Batches, labels: str) -> tuple[str, ...]:
    """The names in the file of the archive; the numbers where there is no such file."""
    count = batches.kind.classes[labels]
    if batches.names is None:
        return tuple(map(str, range(count)))
    text = next(read_members(uri, [batches.names])) or b""
    names = tuple(text.decode("utf-8", "replace").split())
    if len(names) != count or len(set(names)) != count:
        raise RequestError(
            f"{count} names of classes in {printable(batches.names.name)} of {uri}",
            found=str(len(names)),
            mend="set dataset.class_names",
        )
    return names


def _refuse_damaged(uri: str, member: Member, kind: Kind) -> None:
    if member.fault or not member.size or member.size % kind.record_bytes:
        raise RequestError(
            f"whole records of {kind.record_bytes} bytes in {printable(member.name)} of {uri}",
            found=member.fault or f"{member.size} bytes",
            mend="download the file again",
        )


def _base(member: Member) -> str:
    return member.name.replace("\\", "/").rpartition("/")[2]


def is_batch(pattern: str, member: Member) -> bool:
    """Whether a member has the name of a file of records, which a `Kind` has as a pattern."""
    return re.fullmatch(pattern, _base(member)) is not None


def _order(member: Member) -> tuple[int, str]:
    """By the number in the name: `data_batch_10` after `data_batch_9`."""
    digits = re.sub(r"\D", "", _base(member))
    return int(digits or 0), member.name
