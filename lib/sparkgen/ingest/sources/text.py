"""Reads plain text as tokens: those of a tokenizer, or the bytes of files, in blocks of one length.

With a tokenizer, `ingest.texts` says how texts become records. Without one, tokens are bytes: with the
shape [length + 1], record k of a file is its bytes [k * length, (k + 1) * length], both included:
neighbours share a byte, so that each byte but the first of a file is once the one to predict. The last
record of a file is padded with zeros. The cut depends on the file alone.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, Work
from sparkgen.ingest.texts.files import TextFiles

if TYPE_CHECKING:
    from sparkgen.ingest.block import Block, Records
    from sparkgen.ingest.files.compressed import Turns
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.texts.chunk import Form
    from sparkgen.ingest.texts.job import Manner

BLOCK_RECORDS = 4096
BYTES = 256  # values of a byte
PROPOSED = 257  # bytes of a record, where `sparkgen inspect` writes the shape


class Config(TextFiles):
    """Plain text: any files, plain, .gz, .bz2, .xz or .zst. Without a tokenizer, tokens are bytes."""

    documents: Literal["file", "line", "all"] | None = None
    """What a document is, where there is a tokenizer: a file, a line, or all files of a split together.
    null: a file."""

    later: ClassVar[tuple[str, ...]] = (
        "documents", "blocks", "held_out", "most_bytes", "validation"
    )  # fmt: skip
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
        if dataset.tokenizer is not None:
            super().check(dataset)
            self._check_documents()
            return
        stated = sorted(self.model_fields_set & set(self.later))
        if stated:
            raise RequestError(
                f"a dataset.tokenizer, where source.{stated[0]} is set",
                found="none",
                mend="set dataset.tokenizer to {kind: characters}, say",
            )
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

        if dataset.tokenizer is not None:
            return self.text_work(dataset, files, self._form(dataset), tasks=tasks, scratch=scratch)
        length = dataset.shape[0] - 1
        stride = block_rows(BLOCK_RECORDS, length + 1) * length
        shares = [
            TextShare(split, number, file.uri, length, stride, some)
            for split, entries in files.items()
            for number, file in enumerate(entries)
            for some in turns(file.uri, _blocks(file.size, stride), tasks=tasks)
        ]
        return Work(shares, self.passed_over())

    def manner(self, files: Files, form: "Form") -> "Manner":
        manner = super().manner(files, form)
        several = max(map(len, files.values())) > 1
        whole = self.documents == "all" or not several
        return manner._replace(
            at_end=self.held_out == "end" or (self.held_out is None and form.parts and whole),
            joined=not form.parts or (several and self.documents != "all"),
            one=self.documents == "all",
        )

    def _form(self, dataset: DatasetConfig) -> "Form":
        return self.line_form(dataset, None)._replace(parts=self.documents != "line")

    def _check_documents(self) -> None:
        if self.blocks is False and self.documents != "line":
            raise RequestError(
                "source.documents line, where source.blocks is false: each document is a record",
                found=str(self.documents or "file"),
                mend="correct one of them",
            )
        if self.documents == "all" and self.held_out == "random":
            raise RequestError(
                "source.held_out end, where all files are one document",
                found="random",
                mend="remove it",
            )


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
