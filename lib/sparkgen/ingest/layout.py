"""Decides the split and the file that each record goes to, and its place there, by arithmetic alone."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sparkgen.datasets.records import Record
from sparkgen.ingest.reach import Reach
from sparkgen.ingest.shuffle import IntArray, shuffled

FILE_BYTES = 256 << 20  # of records, about, that a file has where `shards` does not say otherwise
QUARANTINE = "quarantine"
QUARANTINE_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("source", pa.string()),
        ("position", pa.string()),
        ("reason", pa.string()),
        ("record", pa.binary()),
    ],
)
"""`source`: the file's name. `position`: the line, from 1, or the member of a folder or archive.
`record`: the first `RAW_BYTES` bytes as they were found."""
RAW_BYTES = 4096
QUARANTINE_FILE_ROWS = 4096
NOWHERE = -1  # the file of a row beyond the limit
FILE = "file"  # the column that says which file of the version a row goes to
ORDER = "order"  # the column by which the rows of a file are sorted before it is written


class Summary(NamedTuple):
    """A parsed block in numbers: how far it reaches, and its good, used and bad records.

    `rows` are the good records that the label filter left, `found` what the numbers that made
    records bad reach over, by reason, and `seen` what the source format wants to know of the good
    records, as JSON gives it back. `documents` counts the good records of the source, where these are
    others. `captions` are those of the rows in numbers.
    """

    split: str
    file: int
    number: int
    length: int
    rows: int
    good: int
    reasons: dict[str, int]
    found: dict[str, Reach]
    seen: Any
    documents: int | None = None
    captions: Any = None

    @property
    def total(self) -> int:
        """The records that the block has in the source, good and bad."""
        return self.bad + (self.good if self.documents is None else self.documents)

    @property
    def bad(self) -> int:
        return sum(self.reasons.values())

    def to_json(self) -> str:
        return json.dumps(self)

    @classmethod
    def from_json(cls, text: str) -> "Summary":
        summary = cls._make(json.loads(text))
        return summary._replace(found={why: Reach(*ends) for why, ends in summary.found.items()})


class Before(NamedTuple):
    """The numbers of rows, records and bad records before a block: in its split, its file, and all."""

    first_id: int
    first_position: int
    first_bad: int


class Output(NamedTuple):
    """The files of one folder of the version; `first` is the number of the first one among all."""

    folder: str
    rows: int
    files: int
    first: int

    def has(self, files: Any) -> Any:
        """Whether a file is in this folder, by its number among all; of an array, for each entry."""
        return (self.first <= files) & (files < self.first + self.files)

    def balanced(self, ordinals: IntArray) -> IntArray:
        """The file of each row: neighbours stay together, and file sizes differ by at most one."""
        return self.first + ordinals * self.files // self.rows


class Assignment(NamedTuple):
    """For each of B rows the file that it goes to or `NOWHERE`, and its order there: int64 (B,) each."""

    files: IntArray
    orders: IntArray


class Cut(NamedTuple):
    """The part of the configuration that says how rows are divided into splits and files."""

    record: Record
    lanes: int
    shards: int | None
    shard_rows: int
    validation_fraction: float
    limit: int | None
    seed: int
    test_fraction: float = 0.0

    def files(self, rows: int) -> int:
        """A number of files that is a multiple of the lanes, where there are enough rows."""
        file_rows = min(self.shard_rows, max(1, FILE_BYTES // self.record.row_bytes))
        wanted = -(-rows // (file_rows * self.lanes)) * self.lanes
        return min(rows, max(wanted, self.lanes))


class Layout(NamedTuple):
    """The split, the file and the place in it of every record of the version.

    `before` says for each block what comes before it, `found` and `rows` how many rows each source
    split has before and after the limit, `outputs` which files there are. The first `tested` ranks of
    the training source are for the test split.
    """

    record: Record
    before: dict[tuple[str, int, int], Before]
    found: dict[str, int]
    rows: dict[str, int]
    outputs: dict[str, Output]
    tested: int
    seed: int

    def output(self, file: int) -> Output:
        """The output that a file belongs to, by its number among all."""
        return next(o for o in self.outputs.values() if o.has(file))

    def schema(self, output: Output) -> pa.Schema:
        """The columns of an output's files."""
        return QUARANTINE_SCHEMA if output.folder == QUARANTINE else self.record.schema

    def assign(self, split: str, ids: IntArray) -> Assignment:
        """Where the rows of a source split go; those beyond the limit have the file `NOWHERE`.

        Training rows are shuffled, the first ranks set aside for test, where `test_fraction` says so,
        the next for validation, and the others dealt to the files in turn. Test rows keep their order;
        where a limit leaves some out, the rows that stay have the order of their ranks, which chose
        them.
        """
        rows, found = self.rows[split], self.found[split]
        if split != "train":
            order = ids if rows == found else shuffled(ids, found, seed=self.seed)
            return Assignment(_kept(self.outputs[split].balanced(order), order < rows), order)
        rank = shuffled(ids, found, seed=self.seed)
        if not self.tested:
            return Assignment(_kept(self._trained(rank), rank < rows), rank)
        test, trained = self.outputs["test"], rank - self.tested
        files = np.where(
            trained < 0,
            _kept(test.balanced(rank), rank < min(test.rows, rows)),
            _kept(self._trained(trained), trained < rows - test.rows),
        )
        return Assignment(files, rank)

    def _trained(self, rank: IntArray) -> IntArray:
        """The file of each row that is for training or validation, by its rank among these."""
        train, validation = self.outputs["train"], self.outputs["validation"]
        if "validation" in self.rows:  # the source has one of its own
            return train.first + rank % max(train.files, 1)
        rest = rank - validation.rows
        files = train.first + rest % max(train.files, 1)
        if validation.rows:
            files = np.where(rest < 0, validation.first + rank % validation.files, files)
        return files

    def assign_bad(self, ordinals: npt.ArrayLike) -> IntArray:
        """The file of each bad record, by its number among all bad ones."""
        output = self.outputs[QUARANTINE]
        return output.first + np.asarray(ordinals, np.int64) // QUARANTINE_FILE_ROWS


def make_layout(summaries: Iterable[Summary], cut: Cut) -> Layout:
    """The layout of a version from its blocks."""
    before, rows, length, bad = {}, Counter[str](), Counter[tuple[str, int]](), 0
    for s in sorted(summaries, key=lambda s: (s.split != "train", s.split, s.file, s.number)):
        before[s.split, s.file, s.number] = Before(rows[s.split], length[s.split, s.file], bad)
        rows[s.split] += s.rows
        length[s.split, s.file] += s.length
        bad += s.bad
    tested = round(rows["train"] * cut.test_fraction)
    splits = {**rows, "test": tested, "train": rows["train"] - tested} if tested else rows
    kept = {split: min(n, cut.limit or n) for split, n in splits.items()}
    outputs = _outputs(kept, bad, cut)
    if tested:  # these are rows of the training source
        kept["train"] += kept.pop("test")
    return Layout(cut.record, before, dict(rows), kept, outputs, tested, cut.seed)


def _kept(files: IntArray, stays: npt.NDArray[np.bool_]) -> IntArray:
    return np.where(stays, files, NOWHERE)


def _outputs(rows: Mapping[str, int], bad: int, cut: Cut) -> dict[str, Output]:
    train = rows.get("train", 0)
    validation = rows.get("validation")  # of the source, or else a share of its training rows
    if validation is None:
        validation = round(train * cut.validation_fraction)
        train -= validation
    shards = min(cut.shards, train) if cut.shards else cut.files(train)
    sizes = {
        "train": (train, shards),
        "validation": (validation, cut.files(validation)),
        "test": (rows.get("test", 0), cut.files(rows.get("test", 0))),
        QUARANTINE: (bad, -(-bad // QUARANTINE_FILE_ROWS)),
    }
    outputs, first = {}, 0
    for folder, (count, files) in sizes.items():
        outputs[folder] = Output(folder, count, files, first)
        first += files
    return outputs
