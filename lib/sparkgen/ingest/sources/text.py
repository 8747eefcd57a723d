"""Reads plain text as tokens: the bytes of files, cut into blocks of one length.

With the shape [length + 1], record k of a file is its bytes [k * length, (k + 1) * length], both
included: neighbours share a byte, so that each byte but the first of a file is once the one to predict.
The last record of a file is padded with zeros. The cut depends on the file alone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, FileSource, Work

if TYPE_CHECKING:
    from sparkgen.ingest.block import Block, Records
    from sparkgen.ingest.files.compressed import Turns
    from sparkgen.ingest.looking.look import Look, Recognised

BLOCK_RECORDS = 4096
BYTES = 256  # values of a byte
PROPOSED = 257  # bytes of a record, where `sparkgen inspect` writes the shape


class Config(FileSource):
    """Plain text, whose tokens are its bytes: any files, plain, .gz, .bz2, .xz or .zst."""

    records: ClassVar[tuple[str, ...]] = ("tokens",)
    labelled: ClassVar[bool] = False
    prose: ClassVar[bool] = True

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.looking.look import Recognised, Sure
        from sparkgen.ingest.looking.split_files import split_files

        files = look.those(lambda file: is_text(look.head(file)))
        if not files:
            return None
        splits = split_files(look, files, alike=cls.prose)
        found = f"{len(files)} {'file' if len(files) == 1 else 'files'} of text{splits.told}"
        about = f"{PROPOSED} bytes, of which neighbours share one: {PROPOSED - 1} tokens to predict"
        return Recognised(
            Sure.READABLE,
            splits.keys,
            found,
            (PROPOSED,),
            about_shape=about,
            record="tokens",
            as_text=True,
        )

    def check(self, dataset: DatasetConfig) -> None:
        if dataset.values != BYTES or dataset.shape[0] < 2:
            raise RequestError(
                f"dataset.values {BYTES} and a dataset.shape of [2] or more, since tokens are bytes and "
                "neighbouring records share one",
                found=f"{dataset.values} and {list(dataset.shape)}",
                mend="correct them",
            )

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.block import block_rows
        from sparkgen.ingest.files.compressed import turns

        length = dataset.shape[0] - 1
        stride = block_rows(BLOCK_RECORDS, length + 1) * length
        shares = [
            TextShare(split, number, file.uri, length, stride, some)
            for split, entries in files.items()
            for number, file in enumerate(entries)
            for some in turns(file.uri, _blocks(file.size, stride), tasks=tasks)
        ]
        return Work(shares, self.passed_over())


class TextShare(NamedTuple):
    """Some blocks of one file: block i begins at the byte i * `stride`."""

    split: str
    file: int
    uri: str
    length: int
    stride: int
    turns: "Turns"

    def blocks(self) -> "Iterator[Block]":
        from sparkgen.ingest.block import Block
        from sparkgen.ingest.files.compressed import blocks_in_turn

        texts = blocks_in_turn(
            self.uri,
            self.turns,
            of_stream=lambda stream: windows(stream, self.stride),
            at=lambda file, number: bytes(file.read_at(self.stride + 1, number * self.stride)),
        )
        for number, text in texts:
            yield Block(self.split, self.file, number, records_of(text, self.length))


def windows(stream: Any, stride: int) -> Iterator[bytes]:
    """The bytes of each block of a stream: `stride` + 1 of them, of which two neighbours share one."""
    text = _read(stream, stride + 1)
    more = bool(text)
    while more:
        yield text
        text = text[-1:] + _read(stream, stride)
        more = len(text) > 1


def is_text(head: bytes) -> bool:
    """Whether a file that begins so is text: UTF-8 without control characters."""
    try:
        text = head.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else the head ends within a character
            return False
        text = head[: error.start].decode("utf-8-sig")
    return bool(text) and not any(ord(c) < 32 and c not in "\t\n\v\f\r\x1b" for c in text)


def records_of(text: bytes, length: int) -> "Records":
    """The records of one block, the last of them padded with zeros where it is not full.

    Args:
        text: one byte or more.
        length: from one record to the next.
    """
    import numpy as np

    from sparkgen.ingest.block import Records

    count = max(1, -(-(len(text) - 1) // length))
    padded = np.zeros(count * length + 1, np.uint8)
    padded[: len(text)] = np.frombuffer(text, np.uint8)
    tokens = np.lib.stride_tricks.sliding_window_view(padded, length + 1)[::length]
    return Records(np.zeros(count, np.int32), tokens, [], count)


def _blocks(size: int, stride: int) -> int:
    """How many blocks a plain file of `size` bytes has; the last byte of one begins the next."""
    return -(-max(size - 1, 1) // stride) if size else 0


def _read(stream: Any, size: int) -> bytes:
    """`size` bytes, or all that there are; some streams give less at a time."""
    parts = []
    while size and (part := bytes(stream.read(size))):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
