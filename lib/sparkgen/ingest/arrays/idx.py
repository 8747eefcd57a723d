"""Reads idx files, the format of MNIST and Fashion-MNIST: a big-endian header, then only bytes.

The header is two zero bytes, the type (8: unsigned byte), the number of dimensions, and each
dimension as a 32-bit integer (LeCun, Cortes, Burges, "The MNIST database of handwritten digits").
"""

import struct
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from sparkgen.datasets.records import Record
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.block import Bad, Block, Data, Records, block_rows
from sparkgen.ingest.files.compressed import opened, readable

BLOCK_ROWS = 4096
SKIP_BYTES = 1 << 20
UNSIGNED_BYTE = 8


class IdxShare(NamedTuple):
    """The pictures from `first` up to `stop` of a pair of files.

    `rows` is how many there are: the share that reaches them also sees that the files end there.
    """

    split: str
    images: str
    labels: str
    first: int
    stop: int
    rows: int
    size: int
    """Bytes of a picture."""
    classes: int
    values: tuple[int, ...] | None = None
    """The bytes that stand for the labels 0, 1, ...; None: the labels themselves."""

    def blocks(self) -> Iterator[Block]:
        with opened(self.images) as images, opened(self.labels) as labels:
            _shape(images, self.images)
            _shape(labels, self.labels)
            # A compressed stream only goes forward: what lies before is inflated and dropped.
            _skip(images, self.first * self.size, self.images)
            _skip(labels, self.first, self.labels)
            most = block_rows(BLOCK_ROWS, self.size)
            for first in range(self.first, self.stop, most):
                rows = min(most, self.stop - first)
                pixels = np.frombuffer(_exactly(images, rows * self.size, self.images), np.uint8)
                label = np.frombuffer(_exactly(labels, rows, self.labels), np.uint8)
                records = self._records(label, pixels.reshape(rows, -1))
                yield Block(self.split, 0, first, records)
            if self.stop == self.rows:
                _refuse_rest(images, self.images, self.rows)
                _refuse_rest(labels, self.labels, self.rows)

    def _records(self, found: Data, pixels: Data) -> Records:
        labels = found.astype(np.int32)
        if self.values is not None:
            meant = np.full(256, self.classes, np.int32)
            meant[list(self.values)] = np.arange(len(self.values))
            labels = meant[found]
        good = labels < self.classes
        bad = [
            Bad(number, "unknown-label", bytes([found[number]]) + pixels[number].tobytes())
            for number in np.flatnonzero(~good).tolist()
        ]
        return Records(labels[good], pixels[good], bad, len(labels))


def idx_shares(
    split: str, images: str, labels: str, *, record: Record, classes: int, tasks: int
) -> list[IdxShare]:
    """The shares of a pair of files.

    Raises:
        RequestError: they are no idx files of bytes, or empty, not of this shape, or not of one length.
    """
    with opened(images) as stream:
        rows, *found = _shape(stream, images)
    with opened(labels) as stream:
        labelled = _shape(stream, labels)
    if [n for n in found if n != 1] != [n for n in record.shape if n != 1]:
        raise RequestError(
            f"pictures of shape {list(record.shape)} in {images}",
            found=str(found),
            mend="set the dataset's shape to it",
        )
    if labelled != [rows]:
        raise RequestError(
            f"a label for each of the {rows} pictures in {labels}",
            found=str(labelled),
            mend="give the two files of one split",
        )
    if rows == 0:
        raise RequestError(
            f"at least one picture in {images}", found="none", mend="correct the dataset's source"
        )
    share = max(1, -(-rows // (tasks * BLOCK_ROWS))) * BLOCK_ROWS
    return [
        IdxShare(split, images, labels, first, min(first + share, rows), rows, record.size, classes)
        for first in range(0, rows, share)
    ]


def label_bytes(uri: str) -> Counter[int]:
    """How often each label is in a file of labels.

    Raises:
        RequestError: it is no idx file of bytes.
    """
    found: Counter[int] = Counter()
    with opened(uri) as stream:
        _shape(stream, uri)
        while data := _read(stream, SKIP_BYTES, uri):
            found.update(data)
    return found


def _shape(stream: Any, uri: str) -> list[int]:
    """The sizes in the header of a file: how many records there are, and the sides of each."""
    header = _read(stream, 4, uri)
    if len(header) < 4 or header[:2] != b"\0\0" or header[2] != UNSIGNED_BYTE or header[3] == 0:
        raise RequestError(
            f"an idx file of unsigned bytes at {uri}",
            found=f"a file that begins {header.hex(' ')}" if header else "an empty file",
            mend="correct the dataset's source",
        )
    sizes = _exactly(stream, 4 * header[3], uri)
    return list(struct.unpack(f">{header[3]}I", sizes))


def _refuse_rest(stream: Any, uri: str, rows: int) -> None:
    if _read(stream, 1, uri):
        raise IngestError(f"{uri} holds more than the {rows} records that its header declares")


def _exactly(stream: Any, size: int, uri: str) -> bytes:
    data = _read(stream, size, uri)
    if len(data) < size:
        raise IngestError(f"{uri} ends before the last record that its header declares")
    return data


def _skip(stream: Any, size: int, uri: str) -> None:
    for done in range(0, size, SKIP_BYTES):
        _exactly(stream, min(SKIP_BYTES, size - done), uri)


def _read(stream: Any, size: int, uri: str) -> bytes:
    """Up to `size` bytes; an error names this file, where two are open."""
    with readable(uri):
        return bytes(stream.read(size))
